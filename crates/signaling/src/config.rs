//! The knobs of signaling.

use std::time::Duration;

use hubbub_domain::room::MaxParticipants;
use url::Url;

use crate::user_rate::Rate;

/// How signaling runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where browsers find this server. A WebSocket handshake with an `Origin` must come from here or from the `Host`
    /// that it was sent to.
    pub public_url: Url,
    /// How many `recvonly` m-lines clients are told to offer. More hear more people at once and cost more bandwidth;
    /// more than the media plane's `max_slots` are never filled.
    pub slots: u32,
    /// How often a ping goes out. A socket that was silent for twice as long is closed: shorter notices dead networks
    /// sooner, longer saves batteries.
    pub ping_interval: Duration,
    /// How long a seat outlives its socket. Longer forgives longer tunnels, and keeps the vanished in the list as long.
    pub resume_window: Duration,
    /// How many messages may wait for one client before it is closed for reading too slowly.
    pub queue_length: usize,
    /// How many messages a second one client may send on average.
    pub messages_per_second: u32,
    /// How many it may send at once; and how many refused ones are put up with before it is closed.
    pub message_burst: u32,
    /// How many sockets one user may have at once; one more is answered with 429.
    pub max_sockets_per_user: usize,
    /// How many sockets one network ([`ClientNetwork`](crate::ClientNetwork)) may have at once; one more is answered with 429.
    pub max_sockets_per_network: usize,
    /// How often one user may open a socket; one more is answered with 429. The burst should be no less than
    /// `max_sockets_per_user`: after a restart all of a user's sockets come back at once.
    pub handshakes: Rate,
    /// How often one user may take a seat, in whatever room; one more is refused.
    pub joins: Rate,
    /// How often one user may offer, on all sockets together; one more is refused.
    pub offers: Rate,
    /// In how many rooms there may be people at once; whoever would enter one more is refused.
    pub max_rooms_in_use: usize,
    /// How many people may be in one room at once, whatever its own limit.
    pub max_people_per_room: u32,
    /// How often it is asked whether the login behind a socket still lives, besides hearing of its end by event.
    pub session_check_interval: Duration,
    /// How long a closing socket may take to write what is queued and its close frame.
    pub close_timeout: Duration,
}

impl Config {
    /// The defaults of `config/default.toml` for a server at `public_url`.
    #[must_use]
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            slots: 8,
            ping_interval: Duration::from_secs(20),
            resume_window: Duration::from_secs(15),
            queue_length: 1024,
            messages_per_second: 50,
            message_burst: 100,
            max_sockets_per_user: 32,
            max_sockets_per_network: 2_000,
            handshakes: Rate { burst: 64, refill: Duration::from_secs(1) },
            joins: Rate { burst: 64, refill: Duration::from_secs(1) },
            offers: Rate { burst: 64, refill: Duration::from_millis(250) },
            max_rooms_in_use: 10_000,
            max_people_per_room: MaxParticipants::MOST,
            session_check_interval: Duration::from_secs(300),
            close_timeout: Duration::from_secs(2),
        }
    }
}
