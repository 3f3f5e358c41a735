//! What a client sends.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

/// A message from a client. Every one may carry an `id` (see [`crate::Request`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ClientMessage {
    /// Takes a seat in a room. Answered by `joined` or `error`.
    Join {
        /// Which room.
        room_id: Uuid,
        /// The `resumeToken` of an earlier `joined`, to take the same seat again after the socket dropped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        resume_token: Option<String>,
        /// Whether the seat starts muted. Ignored when a seat is resumed.
        #[serde(default)]
        #[ts(as = "Option<bool>", optional)]
        muted: bool,
    },
    /// Gives the seat up. Answered by `left`.
    Leave {},
    /// The client's offer. Answered by a `session-description` of type `answer`, or `error`.
    SessionDescription {
        /// The offer.
        description: SessionDescription,
    },
    /// A candidate of the client's, or `null` when there are no more. Not answered.
    IceCandidate {
        /// What `RTCPeerConnection` reported, or `null`.
        candidate: Option<IceCandidateInit>,
    },
    /// Mutes oneself, or, as a moderator, somebody else. Answered by `mute-info`.
    Mute {
        /// Whom; oneself when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        participant_id: Option<Uuid>,
    },
    /// Takes one's own mute back, or, as a moderator, the moderators' mute of somebody. Answered by `mute-info`.
    Unmute {
        /// Whom; oneself when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        participant_id: Option<Uuid>,
    },
    /// Asks whether the server is there. Answered by `pong`.
    Ping {},
    /// Takes a seat that is no room's, in which one hears oneself, for a test of the connection. Answered by `joined` or
    /// `error`.
    ConnectionTest {},
    /// Tells that the media connection did not come about, and how far it came. Not answered.
    MediaProblem {
        /// The step that failed.
        step: MediaStep,
    },
}

/// The steps from a seat to sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum MediaStep {
    /// The client's own offer.
    Offer,
    /// The server's answer: it did not come, or could not be used.
    Answer,
    /// No address of the server was reached.
    Ice,
    /// The keys were not agreed on.
    Dtls,
    /// Everything is connected, and no audio came.
    Audio,
}

/// An SDP session description (WHATWG `RTCSessionDescriptionInit`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionDescription {
    /// Clients send `offer`, the server `answer`.
    #[serde(rename = "type")]
    pub kind: SdpType,
    /// The description (RFC 8866), at most 64 KiB.
    pub sdp: String,
}

/// The type of a session description that Hubbub uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum SdpType {
    /// From the client.
    Offer,
    /// From the server.
    Answer,
}

/// An ICE candidate (WHATWG `RTCIceCandidateInit`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IceCandidateInit {
    /// The candidate attribute (RFC 8839, section 5.1), with or without the leading `candidate:`; empty for the end.
    pub candidate: String,
    /// The `mid` it belongs to.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub sdp_mid: Option<String>,
    /// The index of the m-line it belongs to.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub sdp_m_line_index: Option<u16>,
    /// The ICE user name fragment it belongs to.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub username_fragment: Option<String>,
}
