//! What can go wrong before media flows. Messages name what was wrong and what would be right.

use std::net::SocketAddr;

use thiserror::Error;

/// Why an offer cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OfferError {
    /// More than 64 KiB.
    #[error("the offer has {0} bytes; at most 65536 are accepted")]
    TooLarge(usize),
    /// Not SDP.
    #[error("the offer is not SDP (RFC 8866): {0}")]
    Syntax(String),
    /// Something the sfu needs is missing or not supported.
    #[error("the offer cannot be answered: {0}")]
    Unsupported(String),
    /// The peer was never added, or was removed.
    #[error("this peer is not in a call")]
    UnknownPeer,
    /// The worker has no room for another peer.
    #[error("the media server is full; try again later")]
    Busy,
}

/// Why no worker takes another peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AdmitError {
    /// Every worker is near the limit of its time, or full.
    #[error("the server is busy: its media workers are at their limit; try again in a moment")]
    Busy,
    /// Every worker has as many peers as it may have.
    #[error("the server is busy: no media worker takes another client; try again later")]
    Full,
}

impl AdmitError {
    /// Every reason, in the order of [`crate::Metrics::joins_refused`].
    pub const ALL: [Self; 2] = [Self::Busy, Self::Full];

    /// The label of the metric: snake case, stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Full => "full",
        }
    }
}

/// Why the media plane does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A port is taken or not allowed.
    #[error("media port {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The configuration makes no sense.
    #[error("{0}")]
    Config(String),
    /// A thread, waker or certificate could not be made.
    #[error("the media plane could not start: {0}")]
    System(String),
}
