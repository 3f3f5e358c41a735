//! What admins and the operator do to accounts: each change is written down, and its consequences are told at once.

use hubbub_domain::storage::{ChangeUser, UserChange};
use hubbub_domain::{Actor, AuditAction, AuditEntry, AuditUser, DomainEvent, LoginsEnd, Role, StorageError, User};

use crate::auth::Auth;

impl Auth {
    /// Does `change` to `target` and writes down that `actor` did. When it ends logins, their sockets are told to close.
    ///
    /// Whether `actor` may is for the caller to find out, by [`hubbub_domain::may_administer`].
    ///
    /// # Errors
    /// [`StorageError`] when storage does not answer; nothing has changed then.
    pub async fn change_user(
        &self,
        actor: Actor,
        target: &User,
        change: UserChange,
    ) -> Result<ChangeUser, StorageError> {
        let entry = AuditEntry::new(actor, action_of(change), self.now()).on(AuditUser::from(target));
        let done = self.inner.storage.change_user(target.id, change, entry).await?;
        if let ChangeUser::Changed(user) = &done {
            tracing::info!(user.id = %user.id, audit.action = action_of(change).as_str(), "an account was changed");
            let why = match change {
                UserChange::Block => Some(LoginsEnd::Blocked),
                UserChange::EndSessions => Some(LoginsEnd::Ended),
                UserChange::Verify | UserChange::Unblock | UserChange::SetRole(_) => None,
            };
            if let Some(why) = why {
                self.inner.events.publish(DomainEvent::LoginsEnded { user: user.id, why });
            }
        }
        Ok(done)
    }
}

fn action_of(change: UserChange) -> AuditAction {
    match change {
        UserChange::Verify => AuditAction::UserVerified,
        UserChange::Block => AuditAction::UserBlocked,
        UserChange::Unblock => AuditAction::UserUnblocked,
        UserChange::EndSessions => AuditAction::SessionsEnded,
        UserChange::SetRole(Role::Admin) => AuditAction::AdminGranted,
        UserChange::SetRole(Role::Member) => AuditAction::AdminRevoked,
    }
}
