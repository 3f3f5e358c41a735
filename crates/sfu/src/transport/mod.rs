//! One peer's path: ICE (lite), DTLS and SRTP behind one object, [`Transport`].
//!
//! Nothing in here has a socket or reads a clock: datagrams and the current time come in, datagrams (in an [`Outbox`]),
//! keys and [`TransportEvent`]s come out. The owner demultiplexes like this:
//!
//! 1. [`classify`] tells what a datagram is.
//! 2. STUN belongs to the transport whose local user name fragment it names ([`stun::local_ufrag`]); nothing else can be
//!    said of it before its integrity is checked. A fragment nobody has is dropped without an answer.
//! 3. Everything else belongs to the transport that the datagram's [`Path`] was validated for, as told by
//!    [`TransportEvent::PathAdded`] and [`TransportEvent::PathRemoved`]. A path nobody has is dropped.
//!
//! After every call the owner sends what is in the outbox, drains [`Transport::poll_event`] and asks for
//! [`Transport::next_timeout`] again.

mod association;
pub(crate) mod dtls;
mod handshake;
mod ice;
mod identity;
mod outbox;
mod path;
pub(crate) mod srtp;
pub(crate) mod stun;
mod stun_client;
pub(crate) mod tcp;

pub(crate) use association::Transport;
use association::{CONSENT_LIFETIME, SETUP_LIFETIME};
pub(crate) use dtls::Fingerprint;
pub(crate) use identity::{Credentials, Identity, worker_of};
pub(crate) use outbox::{Datagrams, Outbox};
pub use path::Protocol;
pub(crate) use path::{PacketKind, Path, classify};
pub use stun_client::BindingRequest;
pub use tcp::Greeting;

use crate::event::LostReason;

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dropped {
    /// Not what its first byte promised: truncated, lengths that do not add up, a kind that is not expected.
    Malformed,
    /// STUN for a user name fragment that is not (or no longer) this transport's.
    UnknownUfrag,
    /// STUN whose MESSAGE-INTEGRITY or FINGERPRINT is missing or wrong.
    BadIntegrity,
    /// Not STUN, and from an address that has passed no check.
    UnvalidatedPath,
    /// SRTP or SRTCP before there are keys.
    NotConnected,
    /// SRTP or SRTCP seen before, or older than the replay window.
    Replayed,
    /// SRTP or SRTCP whose authentication tag is wrong.
    BadTag,
    /// An SSRC that is not admitted.
    UnknownSsrc,
    /// More DTLS datagrams than a handshake needs, or than anybody sends after it.
    HandshakeFlood,
    /// The connection is over.
    Closed,
}

/// What the owner of a transport has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransportEvent {
    /// Datagrams of this path that are not STUN belong to this transport from now on.
    PathAdded(Path),
    /// They no longer do.
    PathRemoved(Path),
    /// ICE and DTLS are done, the fingerprint is right: there are SRTP keys.
    Connected,
    /// It is over; nothing is sent any more.
    Lost(LostReason),
}

#[cfg(test)]
mod tests;
