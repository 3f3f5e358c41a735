//! What types alone cannot say about values: ranges, URLs, and keys that need each other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use hubbub_domain::room::MaxParticipants;
use ipnet::IpNet;
use url::Url;

use super::{Config, Encryption, ice_url};
use crate::telemetry::logging;

/// The shortest secret shared with a TURN server: 16 hexadecimal digits are 64 bits.
const TURN_SECRET_MIN: usize = 16;

/// The key, and what is wrong with its value and what would be right.
pub(super) type Problem = (&'static str, String);

impl Config {
    /// Checks every value that its type does not.
    ///
    /// # Errors
    /// The first key whose value is not allowed, with what would be right.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let Self { http, storage, media, auth, limits, signaling, ice, metrics, .. } = self;
        range("server.drain_seconds", self.server.drain_seconds, 0..=86_400)?;
        range("http.request_timeout_seconds", http.request_timeout_seconds, 1..=3600)?;
        range("http.hsts_seconds", http.hsts_seconds, 0..=63_072_000)?;
        range("storage.max_connections", storage.max_connections, 1..=1000)?;
        range("media.workers", media.workers, 0..=256)?;
        range("media.slots", media.slots, 1..=32)?;
        range("media.max_packets_per_second", media.max_packets_per_second, 50..=100_000)?;
        range("media.max_kilobits_per_second", media.max_kilobits_per_second, 64..=1_000_000)?;
        range("media.max_peers_per_worker", media.max_peers_per_worker, 1..=100_000)?;
        range("media.max_busy_percent", media.max_busy_percent, 10..=100)?;
        range("auth.access_token_seconds", auth.access_token_seconds, 60..=86_400)?;
        range("auth.minted_token_seconds", auth.minted_token_seconds, 60..=86_400)?;
        range("auth.refresh_token_seconds", auth.refresh_token_seconds, 3600..=31_536_000)?;
        range("auth.refresh_grace_seconds", auth.refresh_grace_seconds, 0..=10)?;
        range("auth.email_code_seconds", auth.email_code_seconds, 60..=86_400)?;
        range("auth.password_threads", auth.password_threads, 0..=256)?;
        range("limits.rooms_per_user", limits.rooms_per_user, 1..=1_000_000)?;
        range("limits.rooms_stored", limits.rooms_stored, 1..=100_000_000)?;
        range("limits.rooms_in_use", limits.rooms_in_use, 1..=1_000_000)?;
        range("limits.people_per_room", limits.people_per_room, 2..=MaxParticipants::MOST)?;
        range("limits.pictures_at_once", limits.pictures_at_once, 1..=64)?;
        range("audit.keep_days", self.audit.keep_days, 1..=36_500)?;
        range("signaling.resume_window_seconds", signaling.resume_window_seconds, 1..=3600)?;
        range("signaling.ping_interval_seconds", signaling.ping_interval_seconds, 1..=300)?;
        range("signaling.sockets_per_user", signaling.sockets_per_user, 1..=1_000_000)?;
        range("signaling.sockets_per_address", signaling.sockets_per_address, 1..=1_000_000)?;
        range("signaling.messages_per_second", signaling.messages_per_second, 5..=10_000)?;
        range("signaling.messages_at_once", signaling.messages_at_once, 20..=100_000)?;
        range("signaling.queued_messages", signaling.queued_messages, 64..=65_536)?;
        range("ice.turn_credential_seconds", ice.turn_credential_seconds, 300..=86_400)?;
        range("metrics.rooms", metrics.rooms, 0..=1000)?;
        range("metrics.peers_per_room", metrics.peers_per_room, 1..=1000)?;
        if self.data.dir.as_os_str().is_empty() {
            return Err(("data.dir", r#"expected a folder such as "./data" or "/var/lib/hubbub""#.to_owned()));
        }
        self.check_server()?;
        self.check_http()?;
        self.check_tls()?;
        self.check_storage()?;
        self.check_media()?;
        self.check_mail()?;
        self.check_ice()?;
        self.check_traces()?;
        logging::parse(&self.log.filter).map_err(|problem| ("log.filter", problem))?;
        Ok(())
    }

    fn check_server(&self) -> Result<(), Problem> {
        let name = &self.server.name;
        if name.trim().is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(("server.name", "expected a name of 1 to 64 characters in one line".to_owned()));
        }
        Ok(())
    }

    fn check_http(&self) -> Result<(), Problem> {
        let right = "expected an address such as https://talk.example.org, without a path";
        if !self.http.public_url.is_empty() {
            let url = Url::parse(&self.http.public_url).map_err(|e| ("http.public_url", format!("{e}; {right}")))?;
            let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !url.username().is_empty() || !plain {
                return Err(("http.public_url", right.to_owned()));
            }
        }
        for proxy in &self.http.trusted_proxies {
            network(proxy).map_err(|problem| ("http.trusted_proxies", problem))?;
        }
        Ok(())
    }

    fn check_storage(&self) -> Result<(), Problem> {
        let url = &self.storage.url;
        let known = ["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| url.starts_with(scheme));
        if !url.is_empty() && !known {
            let right = "expected postgres://user:password@host:5432/database, sqlite:///absolute/path.db or nothing";
            return Err(("storage.url", right.to_owned()));
        }
        Ok(())
    }

    fn check_media(&self) -> Result<(), Problem> {
        let first = usize::from(self.media.first_port);
        let last = first + self.media_workers() - 1;
        if first != 0 && last > usize::from(u16::MAX) {
            let right = format!("{} workers need ports up to {last}; the last port is 65535", self.media_workers());
            return Err(("media.first_port", right));
        }
        if let Some(address) = self.media.announced_addresses.iter().find(|a| !can_be_sent_to(**a)) {
            let right = format!("{address} cannot be sent to; expected addresses that clients reach");
            return Err(("media.announced_addresses", right));
        }
        self.media_stun_servers().map_err(|problem| ("media.stun_servers", problem))?;
        Ok(())
    }

    fn check_mail(&self) -> Result<(), Problem> {
        let mail = &self.mail;
        range("mail.smtp_port", mail.smtp_port, 1..=u16::MAX)?;
        if mail.smtp_host.contains(|c: char| c.is_whitespace() || c == ':' || c == '/') {
            return Err(("mail.smtp_host", "expected a host name such as smtp.example.org, without port".to_owned()));
        }
        let address =
            mail.from.rsplit_once('<').map_or(mail.from.as_str(), |(_, a)| a.trim_end().trim_end_matches('>'));
        if mail.from.chars().any(char::is_control) || hubbub_domain::user::Email::parse(address).is_err() {
            let right = r#"expected a sender such as "Hubbub <hubbub@example.org>""#;
            return Err(("mail.from", right.to_owned()));
        }
        if mail.username.is_empty() != mail.password.is_empty() {
            let set = if mail.username.is_empty() { "mail.password" } else { "mail.username" };
            return Err((set, "mail.username and mail.password belong together: set both or none".to_owned()));
        }
        if mail.encryption == Encryption::None && !mail.password.is_empty() {
            let right = "a password is sent only over an encrypted connection: expected starttls or tls";
            return Err(("mail.encryption", right.to_owned()));
        }
        Ok(())
    }

    fn check_ice(&self) -> Result<(), Problem> {
        for url in &self.ice.stun_urls {
            ice_url::stun(url, &["stun", "stuns"]).map_err(|problem| ("ice.stun_urls", problem))?;
        }
        for url in &self.ice.turn_urls {
            ice_url::turn(url).map_err(|problem| ("ice.turn_urls", problem))?;
        }
        if !self.ice.turn_urls.is_empty() && self.ice.turn_secret.is_empty() {
            return Err(("ice.turn_secret", "ice.turn_urls needs it: expected coturn's static-auth-secret".to_owned()));
        }
        let secret = &self.ice.turn_secret;
        let plain = secret.len() >= TURN_SECRET_MIN && secret.bytes().all(|byte| byte.is_ascii_graphic());
        if !secret.is_empty() && !plain {
            let right = format!(
                "expected at least {TURN_SECRET_MIN} letters, digits and signs, without spaces: every user gets to see what is \
                 computed from it and could guess a shorter one"
            );
            return Err(("ice.turn_secret", right));
        }
        Ok(())
    }

    /// The servers that are asked for the public address: host and port.
    ///
    /// # Errors
    /// What is wrong with one, and what would be right.
    pub(crate) fn media_stun_servers(&self) -> Result<Vec<(String, u16)>, String> {
        self.media.stun_servers.iter().map(|url| ice_url::stun(url, &["stun"])).collect()
    }

    /// How many media workers there are.
    pub(crate) fn media_workers(&self) -> usize {
        match self.media.workers {
            0 => cores(),
            workers => workers,
        }
    }

    /// How many passwords are checked at the same time.
    pub(crate) fn password_threads(&self) -> usize {
        match self.auth.password_threads {
            0 => (cores() / 2).max(1),
            threads => threads,
        }
    }

    /// Whose `X-Forwarded-For` is believed.
    pub(crate) fn trusted_proxies(&self) -> Vec<IpNet> {
        self.http.trusted_proxies.iter().filter_map(|text| network(text).ok()).collect()
    }

    /// Where this machine reaches the public listener.
    pub(crate) fn local_address(&self) -> SocketAddr {
        on_this_machine(self.http.bind)
    }

    /// Where this machine reaches the way to https.
    pub(crate) fn redirect_address(&self) -> Option<SocketAddr> {
        self.http.redirect_bind.map(on_this_machine)
    }

    /// Where this machine asks whether the server is well.
    pub(crate) fn health_address(&self) -> SocketAddr {
        on_this_machine(self.metrics.bind.unwrap_or(self.http.bind))
    }

    /// Whether others can come in, but would be sent to this machine's own address by links.
    pub(crate) fn lacks_public_url(&self) -> bool {
        self.http.public_url.is_empty() && !self.http.bind.ip().is_loopback() && self.first_acme_domain().is_none()
    }

    /// The address people type.
    pub(crate) fn public_url(&self) -> Url {
        let text = match (self.http.public_url.as_str(), self.first_acme_domain()) {
            ("", Some(domain)) => format!("https://{domain}"),
            ("", None) if self.has_tls() => format!("https://{}", self.local_address()),
            ("", None) => format!("http://{}", self.local_address()),
            (url, _) => url.to_owned(),
        };
        Url::parse(&text)
            .expect("checked when the configuration was read; a socket address or a domain is a URL's host")
    }
}

/// Where this machine reaches a listener: one that listens everywhere is on the loopback address too.
const fn on_this_machine(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        _ => {}
    }
    address
}

/// Whether an address means something to others.
const fn can_be_sent_to(address: IpAddr) -> bool {
    let local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    !address.is_unspecified() && !address.is_multicast() && !local
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub(super) fn range<T: Copy + PartialOrd + std::fmt::Display>(
    key: &'static str,
    value: T,
    allowed: RangeInclusive<T>,
) -> Result<(), Problem> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err((key, format!("{value} is out of range; expected {} to {}", allowed.start(), allowed.end())))
}

/// An address or a network.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| address())
        .map_err(|_| format!("{text:?} is no address or network; expected such as 10.0.0.7 or 10.0.0.0/8"))
}
