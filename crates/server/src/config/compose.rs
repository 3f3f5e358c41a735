//! The configuration in the terms of each crate that it configures.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hubbub_auth::{Secret, ServerSecret};

use super::{Config, Encryption, Rate};
use crate::ice::IceServerList;
use crate::telemetry::rooms;

impl Config {
    /// For `storage`; without a URL it is SQLite in the data folder.
    pub(crate) fn for_storage(&self) -> hubbub_storage::Config {
        let url = match self.storage.url.as_str() {
            "" => format!("sqlite:{}", self.data.dir.join("hubbub.db").display()),
            url => url.to_owned(),
        };
        hubbub_storage::Config { max_connections: self.storage.max_connections, ..hubbub_storage::Config::new(url) }
    }

    /// For `auth`.
    pub(crate) fn for_auth(&self, secret: ServerSecret) -> hubbub_auth::Config {
        let auth = &self.auth;
        let mut config = hubbub_auth::Config::new(secret);
        config.public_url = Some(self.public_url().as_str().trim_end_matches('/').to_owned());
        config.access_lifetime = Duration::from_secs(auth.access_token_seconds);
        config.refresh_lifetime = Duration::from_secs(auth.refresh_token_seconds);
        config.refresh_grace = Duration::from_secs(auth.refresh_grace_seconds);
        config.code_lifetime = Duration::from_secs(auth.email_code_seconds);
        config.first_user_is_admin = auth.first_user_is_admin;
        config.password.workers = self.password_threads();
        config
    }

    /// For the mailer; `None` when mail goes into the outbox.
    pub(crate) fn for_smtp(&self) -> Option<hubbub_auth::SmtpConfig> {
        let mail = &self.mail;
        if mail.smtp_host.is_empty() {
            return None;
        }
        let mut config = hubbub_auth::SmtpConfig::new(&mail.smtp_host, &mail.from);
        config.port = Some(mail.smtp_port);
        config.encryption = match mail.encryption {
            Encryption::Starttls => hubbub_auth::Encryption::StartTls,
            Encryption::Tls => hubbub_auth::Encryption::Tls,
            Encryption::None => hubbub_auth::Encryption::None,
        };
        if !mail.username.is_empty() {
            config.username = Some(mail.username.clone());
            config.password = Some(Secret::new(&mail.password));
        }
        Some(config)
    }

    /// For `sfu`; `http` is the address of the public listener, and so many TCP connections may be open for audio.
    pub(crate) fn for_sfu(&self, http: SocketAddr, tcp_connections: usize) -> hubbub_sfu::Config {
        let port = match self.media.announced_http_port {
            0 => http.port(),
            port => port,
        };
        hubbub_sfu::Config {
            workers: self.media_workers(),
            bind: self.media.bind,
            first_port: self.media.first_port,
            announced: self.media.announced_addresses.clone(),
            stun_servers: self.media_stun_servers().unwrap_or_default(),
            shared_tcp: self.media.tcp_on_http_port.then_some(hubbub_sfu::SharedTcp { bind: http.ip(), port }),
            max_slots: self.media.slots,
            max_peers_per_worker: self.media.max_peers_per_worker,
            max_tcp_connections_per_worker: (tcp_connections / self.media_workers()).max(2),
            max_busy_percent: self.media.max_busy_percent,
            max_packets_per_second: self.media.max_packets_per_second,
            max_bytes_per_second: self.media.max_kilobits_per_second * 125,
        }
    }

    /// For `signaling`.
    pub(crate) fn for_signaling(&self) -> hubbub_signaling::Config {
        let mut config = hubbub_signaling::Config::new(self.public_url());
        config.slots = u32::try_from(self.media.slots).unwrap_or(u32::MAX);
        config.ping_interval = Duration::from_secs(self.signaling.ping_interval_seconds);
        config.resume_window = Duration::from_secs(self.signaling.resume_window_seconds);
        config.max_sockets_per_user = self.signaling.sockets_per_user;
        config.max_sockets_per_network = self.signaling.sockets_per_address;
        config.max_rooms_in_use = self.limits.rooms_in_use;
        config.max_people_per_room = self.limits.people_per_room;
        config.messages_per_second = self.signaling.messages_per_second;
        config.message_burst = self.signaling.messages_at_once;
        config.queue_length = self.signaling.queued_messages;
        let rate = |Rate { burst, refill }| hubbub_signaling::Rate { burst, refill };
        config.handshakes = rate(self.signaling.handshakes);
        config.joins = rate(self.signaling.joins);
        config.offers = rate(self.signaling.offers);
        config
    }

    /// For `api`.
    pub(crate) fn for_api(&self) -> hubbub_api::Config {
        let mut config = hubbub_api::Config::new(self.public_url());
        config.server_name = self.server.name.trim().to_owned();
        config.registration_open = self.auth.registration_open;
        config.version = env!("CARGO_PKG_VERSION").to_owned();
        config.trusted_proxies = self.trusted_proxies();
        config.outbox_visible = self.mail.smtp_host.is_empty();
        config.rooms_per_user = u64::from(self.limits.rooms_per_user);
        config.rooms_stored = u64::from(self.limits.rooms_stored);
        config.people_per_room = self.limits.people_per_room;
        config.avatar_workers = self.limits.pictures_at_once;
        config.max_forwarded_speakers = u32::try_from(self.media.slots).unwrap_or(u32::MAX);
        config.request_timeout = Duration::from_secs(self.http.request_timeout_seconds);
        config.ice_servers = Arc::new(IceServerList::new(&self.ice));
        config.ice_servers_ttl = Duration::from_secs(self.ice.turn_credential_seconds);
        config.limits = self.limits_for_api();
        config
    }

    fn limits_for_api(&self) -> hubbub_api::LimitsConfig {
        let limits = &self.limits;
        let limit = |rate: Rate| hubbub_api::LimitConfig::new(rate.burst, rate.refill);
        hubbub_api::LimitsConfig {
            general: limit(limits.requests),
            register: limit(limits.register),
            login: limit(limits.login),
            login_account: limit(limits.login_account),
            verify: limit(limits.verify),
            verify_account: limit(limits.verify_account),
            resend: limit(limits.resend),
            resend_account: limit(limits.resend_account),
            avatars: limit(limits.avatars),
            rooms: limit(limits.rooms),
            invites: limit(limits.invites),
            search: limit(limits.search),
            admin: limit(limits.admin),
        }
    }

    /// The longest life of a token that the operator makes.
    pub(crate) fn minted_lifetime(&self) -> Duration {
        Duration::from_secs(self.auth.minted_token_seconds)
    }

    /// How long people in rooms are kept once the server is told to end.
    pub(crate) fn drain_patience(&self) -> Duration {
        Duration::from_secs(self.server.drain_seconds)
    }

    /// How much is told of single rooms.
    pub(crate) const fn for_rooms(&self) -> rooms::Limits {
        rooms::Limits { rooms: self.metrics.rooms, peers: self.metrics.peers_per_room }
    }

    /// How long entries of the audit log are kept.
    pub(crate) fn audit_kept(&self) -> Duration {
        Duration::from_secs(u64::from(self.audit.keep_days) * 86_400)
    }

    /// Where the data lies.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data.dir
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Origin, load};

    /// What `config/default.toml` documents is what each crate does by default.
    #[test]
    fn the_documented_defaults_are_those_of_the_crates() {
        let origin = Origin { file: None, variables: Vec::new(), places: Vec::new() };
        let (config, _) = load(&origin).unwrap();

        let sfu = hubbub_sfu::Config { workers: config.media_workers(), ..hubbub_sfu::Config::default() };
        assert_eq!(config.for_sfu(config.http.bind, 10_000 * config.media_workers()), sfu);

        let api = (config.for_api(), hubbub_api::Config::new(config.public_url()));
        assert_eq!(format!("{:?}", api.0.limits), format!("{:?}", api.1.limits));
        assert_eq!((api.0.rooms_per_user, api.0.request_timeout), (api.1.rooms_per_user, api.1.request_timeout));
        assert_eq!((api.0.rooms_stored, api.0.people_per_room), (api.1.rooms_stored, api.1.people_per_room));
        assert_eq!(api.0.avatar_workers, api.1.avatar_workers);
        assert_eq!(api.0.max_forwarded_speakers, api.1.max_forwarded_speakers);
        assert_eq!((api.0.server_name, api.0.registration_open), (api.1.server_name, api.1.registration_open));

        let signaling = (config.for_signaling(), hubbub_signaling::Config::new(config.public_url()));
        assert_eq!(format!("{:?}", signaling.0), format!("{:?}", signaling.1));

        let secret = || hubbub_auth::ServerSecret::from_bytes(&[7; 32]).unwrap();
        let mut auth = hubbub_auth::Config::new(secret());
        auth.public_url = Some("http://127.0.0.1:8080".to_owned());
        assert_eq!(format!("{:?}", config.for_auth(secret())), format!("{auth:?}"));
        assert!(config.for_smtp().is_none());
    }
}
