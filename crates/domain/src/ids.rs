//! Identifiers: UUIDv7 (RFC 9562, section 5.7), one type a thing, so that a room's id cannot be passed for a user's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id; ids made later sort later.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a fresh id is not a default value")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

id! {
    /// A registered account.
    UserId,
    /// A voice room.
    RoomId,
    /// A login: the family of one refresh token and all its rotations.
    SessionId,
    /// An invitation to a private room.
    InviteId,
    /// One person's seat in a room, from join to leave; survives a reconnect.
    ParticipantId,
    /// One code that was mailed to prove an address.
    EmailCodeId,
    /// A message in the built-in outbox.
    OutboxMailId,
    /// An entry of the audit log.
    AuditEntryId,
}
