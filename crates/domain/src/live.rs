//! Who is in which room right now. Kept in memory by the node that serves the room; other nodes will ask through
//! the same trait.

use async_trait::async_trait;

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

    /// Who is in `room`, in order of joining.
    async fn participants(&self, room: RoomId) -> Vec<LiveParticipant>;

    /// Whether the server is about to end and takes in nobody new.
    fn is_draining(&self) -> bool;
}
