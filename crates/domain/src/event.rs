//! What happened that other parts of the server must hear of. In one process the bus is a channel; between nodes it
//! will be Redis.

use crate::ids::{RoomId, SessionId, UserId};

/// Something that happened to stored state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainEvent {
    /// A room is gone: everybody in it must leave.
    RoomDeleted(RoomId),
    /// A room's name, description, privacy or limits changed.
    RoomUpdated(RoomId),
    /// A login ended (logout or a replayed refresh token): its sockets must close.
    SessionEnded(SessionId),
    /// All logins of a user ended: their sockets must close.
    LoginsEnded {
        /// Whose.
        user: UserId,
        /// Why.
        why: LoginsEnd,
    },
    /// A user changed name or avatar.
    ProfileChanged(UserId),
}

/// Why all of a user's logins ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginsEnd {
    /// An admin ended them; the user may log in again.
    Ended,
    /// The user was blocked.
    Blocked,
    /// The account is gone, and with it the rooms that it owned.
    Deleted,
}

/// Where events are published. Publishing never blocks and never fails: a listener that is too slow loses its place,
/// not the publisher.
pub trait EventBus: Send + Sync + 'static {
    /// Tells everybody who listens.
    fn publish(&self, event: DomainEvent);
}
