//! What comes out.

use std::time::Duration;

use crate::error::OfferError;
use crate::ids::{CallId, Mid, PeerId};

/// News from the media plane.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer to an offer.
    Answer {
        /// Whose offer.
        peer: PeerId,
        /// The number the offer came with.
        request: u64,
        /// The description (RFC 8866), with all of the sfu's candidates.
        sdp: String,
    },
    /// The offer cannot be answered; the peer is as it was before.
    OfferRejected {
        /// Whose offer.
        peer: PeerId,
        /// The number the offer came with.
        request: u64,
        /// What is wrong with it.
        error: OfferError,
    },
    /// ICE and DTLS are done: audio flows.
    Connected {
        /// Who.
        peer: PeerId,
        /// From the offer to here.
        setup: Duration,
    },
    /// The first audio packet of a media connection came, and it is authentic.
    FirstPacket {
        /// Who.
        peer: PeerId,
        /// From the offer to here.
        after: Duration,
    },
    /// The connection is gone; the peer stays known and may offer again.
    Lost {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: LostReason,
    },
    /// Who is heard in the peer's slots has changed.
    Slots {
        /// The listener.
        peer: PeerId,
        /// The changed slots, each with who is heard there from now on.
        changes: Vec<(Mid, Option<PeerId>)>,
    },
    /// Who speaks in a call, loudest first, with the level in dBov (-127 to 0). Sent when the set changes, at
    /// most five times a second, and when a level has moved by 6 dB or more, at most twice a second.
    Speakers {
        /// The call.
        call: CallId,
        /// Who speaks: everybody, or the loudest 32.
        speakers: Vec<(PeerId, i8)>,
    },
}

/// Why a connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostReason {
    /// No valid consent check for 30 s (RFC 7675, section 5.1).
    ConsentExpired,
    /// ICE or DTLS was not done 30 s after the answer.
    SetupTimedOut,
    /// DTLS failed, or its certificate is not the one in the offer (RFC 8122, section 5).
    DtlsFailed,
    /// The peer closed DTLS (close_notify) while that was there.
    Closed,
    /// The peer's worker failed and was started again.
    WorkerFailed,
}

impl LostReason {
    /// Every reason, in the order of [`crate::WorkerMetrics::losts`].
    pub const ALL: [Self; 5] =
        [Self::ConsentExpired, Self::SetupTimedOut, Self::DtlsFailed, Self::Closed, Self::WorkerFailed];

    /// The label of the metric: snake case, stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsentExpired => "consent_expired",
            Self::SetupTimedOut => "setup_timed_out",
            Self::DtlsFailed => "dtls_failed",
            Self::Closed => "closed",
            Self::WorkerFailed => "worker_failed",
        }
    }
}
