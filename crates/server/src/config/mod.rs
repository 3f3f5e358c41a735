//! The configuration: defaults, then a file, then the environment.
//!
//! The defaults are `config/default.toml` itself, compiled in, so that what it documents is what happens.

mod check;
mod compose;
mod ice_url;
mod load;
mod rate;
mod tls;
mod traces;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

pub(crate) use ice_url::{Transport, TurnServer, stun as stun_url, turn as turn_url};
pub(crate) use load::{ConfigError, Origin, load};
pub(crate) use rate::Rate;

/// The file with every key and its default.
pub(crate) const DEFAULTS: &str = include_str!("../../../../config/default.toml");

/// Everything an operator can set. The keys are explained in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) http: Http,
    pub(crate) tls: Tls,
    pub(crate) data: Data,
    pub(crate) storage: Storage,
    pub(crate) media: Media,
    pub(crate) mail: Mail,
    pub(crate) auth: Auth,
    pub(crate) limits: Limits,
    pub(crate) audit: Audit,
    pub(crate) signaling: Signaling,
    pub(crate) ice: Ice,
    pub(crate) metrics: Metrics,
    pub(crate) traces: Traces,
    pub(crate) log: Log,
}

/// What people see of the server as a whole.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) drain_seconds: u64,
}

/// The public listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    pub(crate) bind: SocketAddr,
    #[serde(deserialize_with = "load::empty_is_none")]
    pub(crate) redirect_bind: Option<SocketAddr>,
    pub(crate) public_url: String,
    pub(crate) hsts_seconds: u32,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) request_timeout_seconds: u64,
}

/// Where the public listener's certificate comes from: files, an ACME server, or nowhere, and then there is no TLS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    #[serde(deserialize_with = "load::empty_is_none")]
    pub(crate) certificate: Option<PathBuf>,
    #[serde(deserialize_with = "load::empty_is_none")]
    pub(crate) key: Option<PathBuf>,
    pub(crate) reload_seconds: u32,
    pub(crate) acme: bool,
    pub(crate) acme_domains: Vec<String>,
    pub(crate) acme_contact: String,
    pub(crate) acme_directory: String,
    #[serde(deserialize_with = "load::empty_is_none")]
    pub(crate) acme_directory_ca: Option<PathBuf>,
    pub(crate) acme_challenge: AcmeChallenge,
    pub(crate) acme_retry_seconds: u32,
}

/// How the ACME server is shown that a name is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum AcmeChallenge {
    /// RFC 8737: a certificate for the purpose, at port 443.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// RFC 8555, section 8.3: a page, at port 80.
    #[serde(rename = "http-01")]
    Http01,
}

/// The folder for what Hubbub keeps itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Data {
    pub(crate) dir: PathBuf,
}

/// The database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Storage {
    pub(crate) url: String,
    pub(crate) max_connections: u32,
}

/// The media plane.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Media {
    pub(crate) workers: usize,
    pub(crate) bind: IpAddr,
    pub(crate) first_port: u16,
    pub(crate) announced_addresses: Vec<IpAddr>,
    pub(crate) stun_servers: Vec<String>,
    pub(crate) tcp_on_http_port: bool,
    pub(crate) announced_http_port: u16,
    pub(crate) slots: usize,
    pub(crate) max_packets_per_second: u32,
    pub(crate) max_kilobits_per_second: u32,
    pub(crate) max_peers_per_worker: usize,
    pub(crate) max_busy_percent: u32,
}

/// How mail leaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mail {
    pub(crate) smtp_host: String,
    pub(crate) smtp_port: u16,
    pub(crate) encryption: Encryption,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) from: String,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encryption {
    /// Upgraded after connecting (RFC 3207).
    Starttls,
    /// From the first byte on (RFC 8314).
    Tls,
    /// Not at all.
    None,
}

/// Logins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    pub(crate) registration_open: bool,
    pub(crate) first_user_is_admin: bool,
    pub(crate) access_token_seconds: u64,
    pub(crate) minted_token_seconds: u64,
    pub(crate) refresh_token_seconds: u64,
    pub(crate) refresh_grace_seconds: u64,
    pub(crate) email_code_seconds: u64,
    pub(crate) password_threads: usize,
}

/// What one client, account or user may do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) requests: Rate,
    pub(crate) register: Rate,
    pub(crate) login: Rate,
    pub(crate) login_account: Rate,
    pub(crate) verify: Rate,
    pub(crate) verify_account: Rate,
    pub(crate) resend: Rate,
    pub(crate) resend_account: Rate,
    pub(crate) avatars: Rate,
    pub(crate) rooms: Rate,
    pub(crate) invites: Rate,
    pub(crate) search: Rate,
    pub(crate) admin: Rate,
    pub(crate) rooms_per_user: u32,
    pub(crate) rooms_stored: u32,
    pub(crate) rooms_in_use: usize,
    pub(crate) people_per_room: u32,
    pub(crate) pictures_at_once: usize,
}

/// The audit log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    pub(crate) keep_days: u32,
}

/// WebSockets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signaling {
    pub(crate) resume_window_seconds: u64,
    pub(crate) ping_interval_seconds: u64,
    pub(crate) sockets_per_user: usize,
    pub(crate) sockets_per_address: usize,
    pub(crate) handshakes: Rate,
    pub(crate) joins: Rate,
    pub(crate) offers: Rate,
    pub(crate) messages_per_second: u32,
    pub(crate) messages_at_once: u32,
    pub(crate) queued_messages: usize,
}

/// STUN and TURN servers for clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ice {
    pub(crate) stun_urls: Vec<String>,
    pub(crate) turn_urls: Vec<String>,
    pub(crate) turn_secret: String,
    pub(crate) turn_credential_seconds: u64,
}

/// The listener for Prometheus.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metrics {
    #[serde(deserialize_with = "load::empty_is_none")]
    pub(crate) bind: Option<SocketAddr>,
    pub(crate) rooms: usize,
    pub(crate) peers_per_room: usize,
}

/// Traces for an OpenTelemetry collector.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Traces {
    pub(crate) endpoint: String,
    pub(crate) headers: traces::Headers,
    pub(crate) service_name: String,
    pub(crate) sampled_percent: u32,
    pub(crate) timeout_seconds: u64,
}

/// Log lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// One object a line.
    Json,
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod wrong_values;
