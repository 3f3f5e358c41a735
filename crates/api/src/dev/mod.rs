//! The built-in outbox, for whoever sits at the machine: mail goes there while no SMTP server is configured.

mod code;
pub(crate) mod outbox;
pub(crate) mod page;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use crate::client_address::{ClientAddress, peer};
use crate::error::Problem;
use crate::state::App;

/// Newest mails that are shown.
const SHOWN: u32 = 50;

/// Headers that proxies add. A request that has one was made somewhere else than its connection comes from.
const PROXY_HEADERS: [&str; 5] = ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "via"];

/// Proof that the one who asks may read the outbox; otherwise it is as unknown as any other path. Mail goes into the
/// outbox, the client sits on this machine and not behind a proxy on it, and the page was asked for under a name of
/// this machine (so that no other site's name can be pointed at it: DNS rebinding).
pub(crate) struct OutboxVisible;

impl FromRequestParts<App> for OutboxVisible {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let visible = app.config.outbox_visible && is_local(parts, app) && asks_for_local_name(parts, app);
        if visible { Ok(Self) } else { Err(Problem::not_found()) }
    }
}

fn is_local(parts: &Parts, app: &App) -> bool {
    let trusted = &app.config.trusted_proxies;
    let peer = peer(parts).to_canonical();
    let is_proxied = PROXY_HEADERS.iter().any(|name| parts.headers.contains_key(*name));
    let told_by_trusted =
        parts.headers.contains_key("x-forwarded-for") && trusted.iter().any(|network| network.contains(&peer));
    (!is_proxied || told_by_trusted) && ClientAddress::resolve(peer, &parts.headers, trusted).0.is_loopback()
}

fn asks_for_local_name(parts: &Parts, app: &App) -> bool {
    let Some(host) = parts.headers.get(header::HOST) else { return true };
    let host = host.to_str().unwrap_or("?");
    let Ok(url) = url::Url::parse(&format!("http://{host}")) else { return false };
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => {
            name == "localhost" || name.ends_with(".localhost") || app.config.public_url.host_str() == Some(name)
        }
        None => false,
    }
}
