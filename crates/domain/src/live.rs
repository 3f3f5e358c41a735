//! Who is in which room right now. Kept in memory by the node that serves the room; other nodes will ask through
//! the same trait.

use std::time::Duration;

use async_trait::async_trait;

use crate::audit::{AuditRoom, AuditUser};
use crate::clock::Timestamp;
use crate::ids::{ParticipantId, RoomId, UserId};

/// Somebody who is in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveParticipant {
    /// The seat.
    pub id: ParticipantId,
    /// Who sits on it.
    pub user: UserId,
    /// Unique name.
    pub username: String,
    /// Shown name.
    pub display_name: String,
    /// When the picture was uploaded; `None` while the drawn default is used.
    pub avatar_version: Option<Timestamp>,
    /// Whether nothing of them is heard, by their own choice or a moderator's.
    pub muted: bool,
    /// Whether a moderator muted them.
    pub muted_by_moderator: bool,
    /// When they joined.
    pub joined_at: Timestamp,
}

/// Asks for live state.
#[async_trait]
pub trait LiveRooms: Send + Sync + 'static {
    /// How many people are in each of `rooms`, in the same order.
    async fn counts(&self, rooms: &[RoomId]) -> Vec<u32>;

    /// The first `most` people in `room`, in order of joining, and how many are in it.
    async fn first_participants(&self, room: RoomId, most: usize) -> (Vec<LiveParticipant>, u32);

    /// Whether the server is about to end and takes in nobody new.
    fn is_draining(&self) -> bool;
}

/// A room that somebody is in, as admins see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveRoom {
    /// Which.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// Who owns it.
    pub owner: UserId,
    /// Whether it is private.
    pub is_private: bool,
    /// How many people may be in it at once.
    pub max_participants: u32,
    /// How many people are in it.
    pub participants: u32,
    /// When the one joined who has been in it longest.
    pub since: Timestamp,
}

/// Somebody who is in a room, as admins see them.
#[derive(Clone, Debug, PartialEq)]
pub struct LivePeer {
    /// As everybody sees them.
    pub participant: LiveParticipant,
    /// Whether their socket is there; without it the seat waits for them to come back.
    pub online: bool,
    /// What they came with.
    pub client: Client,
    /// How their audio gets through; `None` while there is no media connection.
    pub media: Option<PeerMedia>,
}

/// What somebody came with, told by the `User-Agent` of the handshake and reduced to what helps to find a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The browser's family and its major version, such as `Firefox 141`; `None` for what is none that is known.
    pub browser: Option<String>,
    /// The operating system without its version, such as `Android`.
    pub system: Option<String>,
}

/// A media connection at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeerMedia {
    /// Whether audio can flow.
    pub connected: bool,
    /// How packets come and go; `None` before the first valid check.
    pub route: Option<MediaRoute>,
    /// From the server to the client and back.
    pub round_trip: Option<Duration>,
    /// Whether they speak right now.
    pub speaks: bool,
    /// From the client to the server.
    pub uplink: MediaLink,
    /// From the server to the client.
    pub downlink: MediaLink,
}

/// How packets come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaRoute {
    /// By TCP, not UDP.
    pub tcp: bool,
    /// Over IPv6, not IPv4.
    pub ipv6: bool,
    /// Through a TURN server.
    pub relayed: bool,
}

/// One direction of somebody's audio.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MediaLink {
    /// Bits of audio a second, of late.
    pub bitrate: u64,
    /// The share of packets that was lost of late, 0 to 1; `None` until there was a report.
    pub loss: Option<f32>,
    /// Jitter (RFC 3550, section 6.4.1); `None` until there was a report.
    pub jitter: Option<Duration>,
}

/// A seat as the audit log names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seated {
    /// The room it is in.
    pub room: AuditRoom,
    /// Who sits there.
    pub user: AuditUser,
}

/// What admins see of live calls, and do to them. Whoever asks has found out that they may.
#[async_trait]
pub trait Supervision: Send + Sync + 'static {
    /// Every room that somebody is in, the fullest first.
    async fn rooms(&self) -> Vec<LiveRoom>;

    /// Who is in `room` and how their audio gets through, in order of joining: those after `after`, at most `limit`.
    async fn peers(&self, room: RoomId, after: Option<ParticipantId>, limit: usize) -> Vec<LivePeer>;

    /// The room of this id, if somebody is in it.
    async fn room(&self, room: RoomId) -> Option<LiveRoom>;

    /// Who has this seat; `None` when nobody does.
    async fn seated(&self, participant: ParticipantId) -> Option<Seated>;

    /// Sends somebody out; `false` when nobody had the seat. They may come back.
    async fn kick(&self, participant: ParticipantId) -> bool;

    /// Mutes somebody as a moderator does, or lifts that; `false` when nobody has the seat. For storage to remember is
    /// the caller's part.
    async fn set_muted(&self, participant: ParticipantId, muted: bool) -> bool;

    /// Sends everybody out of a room; how many there were. The room stays, and people may come back.
    async fn close(&self, room: RoomId) -> u32;
}
