//! What the server sends.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

use crate::client::SessionDescription;

/// A message from the server. `replyTo` is the `id` of the client's message that it answers, absent when it answers none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ServerMessage {
    /// The first message on every socket.
    Welcome {
        /// The version spoken, [`crate::PROTOCOL_VERSION`].
        protocol_version: u32,
        /// Who the server takes the client for.
        user_id: Uuid,
        /// Seconds between the server's WebSocket pings; a socket that is silent for twice as long is closed.
        ping_interval_seconds: u32,
        /// Seconds for which a seat is kept after its socket dropped.
        resume_window_seconds: u32,
        /// Largest frame accepted, in bytes.
        max_message_bytes: u32,
    },
    /// The seat is taken.
    Joined {
        /// Answers this message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reply_to: Option<u32>,
        /// The room.
        room: RoomInfo,
        /// The client's own seat; also listed in `participants`.
        participant_id: Uuid,
        /// Present it in a later `join` to get the same seat back. Changes with every `joined`.
        resume_token: String,
        /// Whether this is the seat of before, with its media connection still alive.
        resumed: bool,
        /// Whether this participant may mute others.
        can_moderate: bool,
        /// How many `recvonly` audio m-lines the client should offer.
        slots: u32,
        /// How many people are in the room, oneself included.
        participant_count: u32,
        /// The first of them in order of joining, and oneself; [`Self::Participants`] brings the others at once.
        participants: Vec<Participant>,
    },
    /// More of the list that `joined` began, in order of joining.
    Participants {
        /// Some of those who are in the room.
        participants: Vec<Participant>,
    },
    /// What happened in a room of many lately; it is to be taken as if each came by itself, in this order.
    News {
        /// Messages that answer nothing, and no news.
        messages: Vec<Self>,
    },
    /// The seat is given up, or was taken away.
    Left {
        /// Answers this message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reply_to: Option<u32>,
        /// Which room.
        room_id: Uuid,
        /// Why.
        reason: LeftReason,
    },
    /// The server's answer.
    SessionDescription {
        /// Answers this message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reply_to: Option<u32>,
        /// The answer; it holds all of the server's candidates.
        description: SessionDescription,
    },
    /// Somebody took a seat.
    AddPeer {
        /// Who.
        participant: Participant,
    },
    /// Somebody's seat is free.
    RemovePeer {
        /// Whose.
        participant_id: Uuid,
        /// Why.
        reason: RemoveReason,
    },
    /// Somebody in the room has another name or picture.
    UpdatePeer {
        /// As they are now.
        participant: Participant,
    },
    /// Whether somebody is muted; sent to everybody in the room on every change, and as the answer to `mute` and `unmute`.
    MuteInfo {
        /// Answers this message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reply_to: Option<u32>,
        /// Who.
        participant_id: Uuid,
        /// Whether nothing of them is forwarded, for either reason.
        muted: bool,
        /// Whether a moderator muted them; they cannot undo that.
        muted_by_moderator: bool,
    },
    /// Who is heard in which slot. Lists only the slots that changed.
    Slots {
        /// The changed slots.
        assignments: Vec<SlotAssignment>,
    },
    /// Who speaks right now, loudest first; sent when the set changes, at most 5 times a second, and, while somebody
    /// speaks, when a level has moved by 6 dB or more, at most twice a second.
    Speakers {
        /// Everybody who speaks; empty when nobody does.
        speakers: Vec<Speaker>,
    },
    /// How the server sees the client's media connection.
    MediaState {
        /// The state.
        state: MediaState,
    },
    /// The room's name, description or limit changed.
    RoomUpdated {
        /// The room as it is now.
        room: RoomInfo,
    },
    /// The server is about to end, most often to start again. Seats and audio stay until then, nobody new gets a seat. Sent
    /// to every socket when it begins, and after `welcome` to those opened later.
    ServerDraining {
        /// How long seats are kept at most, in seconds; less when nobody is in a room any more.
        seconds_left: u32,
    },
    /// Answers `ping`.
    Pong {
        /// Answers this message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reply_to: Option<u32>,
    },
    /// Something the client asked for was refused. The socket stays open unless a close frame follows.
    Error {
        /// The message that was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reply_to: Option<u32>,
        /// Which error; stable.
        code: ErrorCode,
        /// What was wrong and what would be right, in English, for people.
        message: String,
    },
}

/// A room, as those inside see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RoomInfo {
    /// Which.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// Whether it is private.
    pub is_private: bool,
    /// How many people fit in.
    pub max_participants: u32,
}

/// Somebody in the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// The seat.
    pub id: Uuid,
    /// The user on it; `/api/users/{userId}/avatar` is the picture.
    pub user_id: Uuid,
    /// Unique name.
    pub username: String,
    /// Shown name.
    pub display_name: String,
    /// Changes with the picture; `null` while it is drawn from the name.
    #[ts(type = "number | null")]
    pub avatar_version: Option<i64>,
    /// Whether nothing of them is forwarded, for either reason.
    pub muted: bool,
    /// Whether a moderator muted them.
    pub muted_by_moderator: bool,
    /// When they joined: microseconds since the Unix epoch.
    #[ts(type = "number")]
    pub joined_at: i64,
}

/// Who is heard in one slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SlotAssignment {
    /// The `mid` of the client's `recvonly` m-line.
    pub mid: String,
    /// Who is heard there from now on; `null` for nobody.
    pub participant_id: Option<Uuid>,
}

/// Somebody who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Speaker {
    /// Who.
    pub participant_id: Uuid,
    /// How loud: 0 (as loud as digital audio gets) to -127 (silence), in dBov (RFC 6464, section 3, negated).
    pub level: i8,
}

/// How the server sees a media connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum MediaState {
    /// ICE and DTLS are done: audio flows.
    Connected,
    /// Nothing was heard of the client for 30 s (RFC 7675), or DTLS failed: offer again from a new `RTCPeerConnection`.
    Lost,
}

/// Why a seat was given up or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum LeftReason {
    /// The client sent `leave`.
    Left,
    /// The same user joined this room from elsewhere; that seat counts now.
    Replaced,
    /// The room was deleted.
    RoomDeleted,
    /// The user may no longer be here.
    Forbidden,
    /// An admin of the server sent the user out.
    Kicked,
    /// An admin of the server ended the call for everybody; the room is still there.
    RoomClosed,
}

/// Why somebody's seat is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum RemoveReason {
    /// They left.
    Left,
    /// Their socket dropped and did not come back in time.
    TimedOut,
    /// They joined again from elsewhere: another `add-peer` follows or came before.
    Replaced,
    /// They may no longer be here.
    Forbidden,
    /// An admin of the server sent them out.
    Kicked,
}

/// Stable codes of `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The version in `/ws?version=` is not spoken here; close 4406 follows.
    UnsupportedVersion,
    /// The cookie or ticket is missing, wrong, expired or used; close 4401 follows.
    Unauthorized,
    /// Not one JSON object with a `type`.
    BadJson,
    /// No such message type.
    UnknownType,
    /// A field is missing, unknown or ill-typed.
    BadMessage,
    /// The room is private and the user was not invited, or only a moderator may.
    Forbidden,
    /// No such room.
    RoomNotFound,
    /// Every seat is taken.
    RoomFull,
    /// The message needs a seat, and there is none: `join` first.
    NotJoined,
    /// This socket has a seat already: `leave` first.
    AlreadyJoined,
    /// Nobody in this room has that participant id.
    ParticipantNotFound,
    /// A moderator muted this participant, who cannot undo that.
    MutedByModerator,
    /// The description is not an offer that this server can answer; the message says why.
    BadSdp,
    /// The candidate cannot be read, or there are more than 64.
    BadCandidate,
    /// Too many messages; slow down. If it goes on, close 1008 follows.
    RateLimited,
    /// The server has no room for more media; try later.
    ServerBusy,
    /// The server is about to end, and nobody new gets a seat; try again in a moment.
    ServerDraining,
    /// The database is away; try later.
    Unavailable,
    /// A fault of the server's; it is in its log.
    Internal,
}

/// Codes of the close frame besides those of RFC 6455, section 7.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// 1000: nothing is left to say: the seat was resumed on another socket.
    Normal,
    /// 1001: the server shuts down; connect again soon.
    GoingAway,
    /// 1003: binary frames are not spoken here.
    Unsupported,
    /// 1008: the rate limit was ignored, or the client read too slowly.
    Policy,
    /// 1009: a frame was larger than allowed.
    TooBig,
    /// 4401: not authenticated, or the login ended.
    Unauthorized,
    /// 4403: the account was blocked.
    Blocked,
    /// 4406: protocol version not spoken here.
    UnsupportedVersion,
    /// 4408: silent for too long.
    TimedOut,
}

impl CloseCode {
    /// The number in the close frame.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Unsupported => 1003,
            Self::Policy => 1008,
            Self::TooBig => 1009,
            Self::Unauthorized => 4401,
            Self::Blocked => 4403,
            Self::UnsupportedVersion => 4406,
            Self::TimedOut => 4408,
        }
    }
}
