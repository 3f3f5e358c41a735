//! What the API can be told, with sane defaults.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use hubbub_domain::room::MaxParticipants;
use hubbub_domain::{Timestamp, UserId};
use ipnet::IpNet;
use url::Url;

/// Settings of the API. [`Config::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// The instance's name, shown to people.
    pub server_name: String,
    /// The server's version, shown to people.
    pub version: String,
    /// Where people reach the server. Under `https` cookies are `Secure` and carry the `__Host-` prefix; invitation
    /// links begin with it; its origin counts as our own.
    pub public_url: Url,
    /// Networks of reverse proxies whose `X-Forwarded-For` is believed. Empty: nobody's is.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether new accounts can be made.
    pub registration_open: bool,
    /// Whether mail goes into the built-in outbox (no SMTP server is configured), so that the outbox may be shown to
    /// loopback clients.
    pub outbox_visible: bool,
    /// ICE servers that clients are told of; none are needed where the server's media ports are reachable.
    pub ice_servers: Arc<dyn IceServers>,
    /// How long clients may use the list of ICE servers before they ask again.
    pub ice_servers_ttl: Duration,
    /// How many rooms one user may own.
    pub rooms_per_user: u64,
    /// How many rooms there may be. Requests that come at the same moment may make as many more.
    pub rooms_stored: u64,
    /// The most people that a room can be made for, 10 000 at most.
    pub people_per_room: u32,
    /// How many speakers of a room are forwarded at the same time where its owner does not say, and at most where one does.
    pub max_forwarded_speakers: u32,
    /// How many pictures are decoded at once. Each may take up to 192 MiB while it is.
    pub avatar_workers: usize,
    /// After how long a request is answered with 503 `timeout`.
    pub request_timeout: Duration,
    /// How often things may be asked for.
    pub limits: LimitsConfig,
}

impl Config {
    /// Defaults for a server that people reach at `public_url`.
    #[must_use]
    pub fn new(public_url: Url) -> Self {
        Self {
            server_name: "Hubbub".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            public_url,
            trusted_proxies: Vec::new(),
            registration_open: true,
            outbox_visible: false,
            ice_servers: Arc::new(Vec::new()),
            ice_servers_ttl: Duration::from_secs(3600),
            rooms_per_user: 100,
            rooms_stored: 100_000,
            people_per_room: MaxParticipants::MOST,
            max_forwarded_speakers: 8,
            avatar_workers: 2,
            request_timeout: Duration::from_secs(30),
            limits: LimitsConfig::default(),
        }
    }

    /// Whether cookies must be `Secure`.
    #[must_use]
    pub fn secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

/// An ICE server as RTCIceServer describes it (W3C WebRTC, section 4.2.4).
#[derive(Clone)]
pub struct IceServerConfig {
    /// `stun:`, `turn:` or `turns:` URLs (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// User name for TURN.
    pub username: Option<String>,
    /// Password for TURN.
    pub credential: Option<String>,
}

/// Without the credential.
impl fmt::Debug for IceServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServerConfig").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Which ICE servers somebody is told of. A plain list tells everybody the same; a TURN server with credentials that
/// expire needs another one for each person and time.
pub trait IceServers: fmt::Debug + Send + Sync + 'static {
    /// Those for `user`, asked for at `now`; good for [`Config::ice_servers_ttl`].
    fn for_user(&self, user: UserId, now: Timestamp) -> Vec<IceServerConfig>;
}

impl IceServers for Vec<IceServerConfig> {
    fn for_user(&self, _: UserId, _: Timestamp) -> Vec<IceServerConfig> {
        self.clone()
    }
}

/// How often one thing may be asked for: `burst` at once, then one more every `refill`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitConfig {
    /// How many at once.
    pub burst: NonZeroU32,
    /// After how long one more is allowed; zero counts as one nanosecond.
    pub refill: Duration,
}

impl LimitConfig {
    /// `burst` at once (at least one), then one more every `refill`.
    #[must_use]
    pub const fn new(burst: u32, refill: Duration) -> Self {
        let burst = match NonZeroU32::new(burst) {
            Some(burst) => burst,
            None => NonZeroU32::MIN,
        };
        Self { burst, refill }
    }
}

/// All rate limits. An address is an IPv4 address or an IPv6 /64 network.
#[derive(Clone, Debug)]
pub struct LimitsConfig {
    /// Any request, an address. High enough for a school behind one address, low enough to stop a loop.
    pub general: LimitConfig,
    /// Registrations, an address.
    pub register: LimitConfig,
    /// Logins, an address.
    pub login: LimitConfig,
    /// Logins, an account: slows down guessing from many addresses.
    pub login_account: LimitConfig,
    /// Tried codes, an address.
    pub verify: LimitConfig,
    /// Tried codes, an account. Its burst is above the five tries that a code lives for, so that `too-many-attempts` is
    /// heard first.
    pub verify_account: LimitConfig,
    /// Codes asked for, an address.
    pub resend: LimitConfig,
    /// Codes asked for, an account.
    pub resend_account: LimitConfig,
    /// Pictures uploaded, an address.
    pub avatars: LimitConfig,
    /// Rooms created, an address.
    pub rooms: LimitConfig,
    /// Invitations created or accepted, an address.
    pub invites: LimitConfig,
    /// Searches for rooms, a user: each reads every room that the words are not in.
    pub search: LimitConfig,
    /// Requests under `/api/admin`, a user. The admin area asks every few seconds what it shows.
    pub admin: LimitConfig,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            general: LimitConfig::new(600, Duration::from_millis(20)),
            register: LimitConfig::new(20, seconds(30)),
            login: LimitConfig::new(30, seconds(5)),
            login_account: LimitConfig::new(10, seconds(20)),
            verify: LimitConfig::new(40, seconds(10)),
            verify_account: LimitConfig::new(15, seconds(30)),
            resend: LimitConfig::new(20, seconds(30)),
            resend_account: LimitConfig::new(5, seconds(60)),
            avatars: LimitConfig::new(20, seconds(10)),
            rooms: LimitConfig::new(30, seconds(5)),
            invites: LimitConfig::new(60, seconds(5)),
            search: LimitConfig::new(60, Duration::from_millis(200)),
            admin: LimitConfig::new(120, Duration::from_millis(250)),
        }
    }
}
