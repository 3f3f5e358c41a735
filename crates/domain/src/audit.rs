//! The audit log: what moderators, admins and the operator did to people and rooms, and when.
//!
//! Names are kept as they were: an entry says what it says also when the user or the room is gone.

use crate::clock::Timestamp;
use crate::ids::{AuditEntryId, RoomId, UserId};
use crate::room::Room;
use crate::user::User;

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Which; sorts by time.
    pub id: AuditEntryId,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What.
    pub action: AuditAction,
    /// To whom, if to somebody.
    pub target: Option<AuditUser>,
    /// In or to which room, if any.
    pub room: Option<AuditRoom>,
    /// What else is worth knowing, in a few words; mostly empty.
    pub detail: String,
}

impl AuditEntry {
    /// An entry about nobody and no room yet.
    #[must_use]
    pub fn new(actor: Actor, action: AuditAction, at: Timestamp) -> Self {
        Self { id: AuditEntryId::new(), at, actor, action, target: None, room: None, detail: String::new() }
    }

    /// About somebody.
    #[must_use]
    pub fn on(self, target: AuditUser) -> Self {
        Self { target: Some(target), ..self }
    }

    /// About a room.
    #[must_use]
    pub fn in_room(self, room: AuditRoom) -> Self {
        Self { room: Some(room), ..self }
    }

    /// With a few words.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user: an admin, or a room's owner.
    User(AuditUser),
    /// Whoever has the machine: `hubbub admin`.
    Operator,
    /// The server by itself.
    Server,
}

/// A user as an entry names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditUser {
    /// Who.
    pub id: UserId,
    /// Their username then.
    pub username: String,
}

impl From<&User> for AuditUser {
    fn from(user: &User) -> Self {
        Self { id: user.id, username: user.username.as_str().to_owned() }
    }
}

/// A room as an entry names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRoom {
    /// Which.
    pub id: RoomId,
    /// Its name then.
    pub name: String,
}

impl From<&Room> for AuditRoom {
    fn from(room: &Room) -> Self {
        Self { id: room.id, name: room.name.as_str().to_owned() }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])+ $name:ident = $text:literal),+ $(,)?) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AuditAction {
            $($(#[$doc])+ $name,)+
        }

        impl AuditAction {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name, in storage and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// The action of this name; `None` when there is none.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.as_str() == name)
            }
        }
    };
}

actions! {
    /// An account was made by the operator.
    UserCreated = "user-created",
    /// An account was deleted.
    UserDeleted = "user-deleted",
    /// An address was declared proved.
    UserVerified = "user-verified",
    /// Somebody may not log in any more.
    UserBlocked = "user-blocked",
    /// Somebody may log in again.
    UserUnblocked = "user-unblocked",
    /// All of somebody's logins were ended.
    SessionsEnded = "sessions-ended",
    /// Somebody became an admin.
    AdminGranted = "admin-granted",
    /// Somebody is no admin any more.
    AdminRevoked = "admin-revoked",
    /// A token was made with which a program is somebody.
    TokenMinted = "token-minted",
    /// Somebody was sent out of a room.
    ParticipantKicked = "participant-kicked",
    /// Somebody was muted in a room.
    ParticipantMuted = "participant-muted",
    /// Somebody may speak in a room again.
    ParticipantUnmuted = "participant-unmuted",
    /// Everybody was sent out of a room.
    RoomClosed = "room-closed",
    /// A room was made by the operator.
    RoomCreated = "room-created",
    /// A room was deleted.
    RoomDeleted = "room-deleted",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own() {
        for &action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.as_str()), Some(action));
        }
        assert_eq!(AuditAction::parse("nothing"), None);
    }
}
