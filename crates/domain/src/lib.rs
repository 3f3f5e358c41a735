//! The words of Hubbub: ids, users, rooms, permissions, and the traits behind which storage and live state stand.
//!
//! Architecture invariant: nothing here does IO, and nothing is decided by a clock or by chance. The clock is read and
//! random numbers are drawn in two places only: by [`clock::SystemClock`], which the server injects, and for fresh
//! [`ids`] (UUIDv7: the time and 74 random bits), which name things and prove nothing. Every other crate of ours may
//! depend on this one; it depends on none.

pub mod audit;
pub mod clock;
pub mod event;
pub mod ids;
pub mod live;
pub mod measure;
pub mod permission;
pub mod room;
pub mod search;
pub mod storage;
pub mod text;
pub mod user;

pub use audit::{Actor, AuditAction, AuditEntry, AuditRoom, AuditUser};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use event::{DomainEvent, EventBus, LoginsEnd};
pub use ids::{AuditEntryId, EmailCodeId, InviteId, OutboxMailId, ParticipantId, RoomId, SessionId, UserId};
pub use live::{
    Client, LiveParticipant, LivePeer, LiveRoom, LiveRooms, MediaLink, MediaRoute, PeerMedia, Seated, Supervision,
};
pub use permission::{Action, AdminAction, Denied, may, may_administer};
pub use room::{Invite, NewRoom, Room, RoomAccess, RoomPatch};
pub use storage::{Storage, StorageError};
pub use user::{ProfilePatch, Role, User};
