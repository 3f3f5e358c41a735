//! What admins ask of storage: who there is, changes to accounts that are written down, and what was written down.

use async_trait::async_trait;

use super::StorageResult;
use crate::audit::{AuditAction, AuditEntry};
use crate::clock::Timestamp;
use crate::ids::{AuditEntryId, UserId};
use crate::user::{Role, User};

/// Which accounts to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserState {
    /// Those who are admins.
    Admin,
    /// Those who may not log in.
    Blocked,
    /// Those whose address is not proved.
    Unverified,
}

/// Which accounts to list; by default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Words that must be in address, username or shown name; case and diacritics do not matter.
    pub search: Option<String>,
    /// Only those in this state.
    pub state: Option<UserState>,
}

/// A place in the list of users: everybody after this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserCursor {
    /// When the account of the last one seen was made.
    pub created_at: Timestamp,
    /// Its id, for accounts of the same moment.
    pub id: UserId,
}

/// A user as admins see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedUser {
    /// The account.
    pub user: User,
    /// How many logins live.
    pub sessions: u32,
    /// When the newest of all logins that are kept was made.
    pub last_login_at: Option<Timestamp>,
    /// How many rooms they own.
    pub rooms: u32,
}

/// What is done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// The address counts as proved.
    Verify,
    /// No logging in any more; all logins end.
    Block,
    /// Logging in works again.
    Unblock,
    /// All logins end.
    EndSessions,
    /// Another role.
    SetRole(Role),
}

impl UserChange {
    /// The account after the change at `now`; `None` where it is so already. Logins may be ended again and again.
    #[must_use]
    pub fn applied(self, user: &User, now: Timestamp) -> Option<User> {
        let changed = match self {
            Self::Verify => User { email_verified: true, ..user.clone() },
            Self::Block => User { blocked_at: user.blocked_at.or(Some(now)), ..user.clone() },
            Self::Unblock => User { blocked_at: None, ..user.clone() },
            Self::EndSessions => return Some(user.clone()),
            Self::SetRole(role) => User { role, ..user.clone() },
        };
        (changed != *user).then_some(changed)
    }

    /// Whether all logins end with it.
    #[must_use]
    pub const fn ends_sessions(self) -> bool {
        matches!(self, Self::Block | Self::EndSessions)
    }
}

/// How changing an account ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeUser {
    /// The account as it is now.
    Changed(Box<User>),
    /// It was so already; nothing was written.
    Unchanged(Box<User>),
    /// Nobody would be left who is an admin and can log in; nothing was written.
    LastAdmin,
    /// The address is not proved, without which nobody is an admin; nothing was written.
    Unverified,
    /// There is no such user.
    NotFound,
}

/// Everybody, for admins.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// The accounts that `filter` wants, newest first, at most `limit`. A login lives if it does at `now`.
    async fn list_users(
        &self,
        filter: &UserFilter,
        after: Option<UserCursor>,
        limit: u32,
        now: Timestamp,
    ) -> StorageResult<Vec<ListedUser>>;
    /// One account, as [`Self::list_users`] has it.
    async fn listed_user(&self, id: UserId, now: Timestamp) -> StorageResult<Option<ListedUser>>;
    /// Changes an account at the time of `entry` and writes `entry` down, both or neither.
    async fn change_user(&self, id: UserId, change: UserChange, entry: AuditEntry) -> StorageResult<ChangeUser>;
}

/// Which entries to list; by default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Words that must be in the names of actor, target or room or in the detail; case and diacritics do not matter.
    pub search: Option<String>,
    /// Only this action.
    pub action: Option<AuditAction>,
    /// Only what this user did or what was done to them.
    pub user: Option<UserId>,
}

/// A place in the audit log: everything older than this entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    /// When the last entry seen was made.
    pub at: Timestamp,
    /// Its id, for entries of the same moment.
    pub id: AuditEntryId,
}

/// The audit log.
#[async_trait]
pub trait AuditLog: Send + Sync + 'static {
    /// Writes entries down: all or none.
    async fn write_audit(&self, entries: &[AuditEntry]) -> StorageResult<()>;
    /// Newest first, at most `limit`.
    async fn audit(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> StorageResult<Vec<AuditEntry>>;
    /// Removes entries made before `before`; returns how many.
    async fn delete_audit(&self, before: Timestamp) -> StorageResult<u64>;
}
