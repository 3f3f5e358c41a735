//! What goes in.

use std::net::SocketAddr;

use crate::error::OfferError;
use crate::ids::{CallId, PeerId};
use crate::sdp::Offer;

/// What a peer is allowed. Enforced where packets are dropped, not where buttons are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grants {
    /// Its audio is forwarded. `false` for the muted, whether by themselves or by a moderator.
    pub speak: bool,
    /// Others' audio is forwarded to it.
    pub hear: bool,
    /// So is its own, for connection tests. Nothing where `hear` is `false`.
    pub hear_own: bool,
}

/// An order to the media plane. Orders for the same peer are carried out in the order sent.
#[derive(Clone, Debug)]
pub enum Command {
    /// Makes room for a peer; it has no media until it offers. [`crate::Sfu::admit`] says before whether there is room.
    ///
    /// Adding a peer again moves it to `call`. It keeps its connection when it can stay on its worker: when the call is new,
    /// large or on the same worker. It has to offer again when not.
    AddPeer {
        /// The call it belongs to.
        call: CallId,
        /// The peer.
        peer: PeerId,
        /// What it is allowed.
        grants: Grants,
        /// How many speakers are forwarded in the call, as in [`Command::SetCall`].
        max_speakers: usize,
    },
    /// Changes how many speakers at most are forwarded in a call, at once. How many of them a listener hears is bounded by
    /// its slots too. Harmless when the call has no peers.
    SetCall {
        /// The call.
        call: CallId,
        /// At least 1. Nobody hears more than [`crate::Config::max_slots`] others, so more than that and one is no limit.
        max_speakers: usize,
    },
    /// The peer's offer. Answered by [`crate::Event::Answer`] or [`crate::Event::OfferRejected`] with the same `request`.
    ///
    /// The same DTLS fingerprint as before with a new ICE user name is an ICE restart and keeps DTLS and SRTP; another
    /// fingerprint is a new connection of the same peer, and the old one is dropped once this one is answered.
    Offer {
        /// The peer.
        peer: PeerId,
        /// Comes back with the answer.
        request: u64,
        /// What was read of its description, or why it cannot be answered: refusals come in the order of the offers, too.
        offer: Result<Offer, OfferError>,
    },
    /// The client says that one of the addresses it may send from is its TURN server's. Statistics say so then; nothing else
    /// comes of it. The last few are remembered.
    Relayed {
        /// The peer.
        peer: PeerId,
        /// The relayed address (RFC 8656, section 3).
        address: SocketAddr,
    },
    /// Changes what a peer is allowed, from the next packet on.
    SetGrants {
        /// The peer.
        peer: PeerId,
        /// What it is allowed now.
        grants: Grants,
    },
    /// Forgets a peer and everything about it. Harmless when it is unknown.
    RemovePeer {
        /// The peer.
        peer: PeerId,
    },
}
