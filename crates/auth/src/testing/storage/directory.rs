//! The part of storage in memory that admins use.

use std::cmp::Reverse;

use async_trait::async_trait;
use hubbub_domain::storage::{
    AuditCursor, AuditFilter, AuditLog, ChangeUser, Directory, ListedUser, StorageResult, UserChange, UserCursor,
    UserFilter, UserState,
};
use hubbub_domain::user::{Role, User};
use hubbub_domain::{Actor, AuditEntry, Timestamp, UserId};

use super::{MemoryStorage, Tables, has_words};

impl Tables {
    fn listed(&self, user: &User, now: Timestamp) -> ListedUser {
        let own = || self.sessions.values().filter(|session| session.user == user.id);
        let lives = own().filter(|s| user.blocked_at.is_none() && s.revoked_at.is_none() && s.expires_at > now);
        ListedUser {
            user: user.clone(),
            sessions: u32::try_from(lives.count()).unwrap_or(u32::MAX),
            last_login_at: own().map(|session| session.created_at).max(),
            rooms: u32::try_from(self.rooms.values().filter(|room| room.owner == user.id).count()).unwrap_or(u32::MAX),
        }
    }
}

#[async_trait]
impl Directory for MemoryStorage {
    async fn list_users(
        &self,
        filter: &UserFilter,
        after: Option<UserCursor>,
        limit: u32,
        now: Timestamp,
    ) -> StorageResult<Vec<ListedUser>> {
        let tables = self.read()?;
        let wanted = |user: &&User| {
            let in_state = match filter.state {
                None => true,
                Some(UserState::Admin) => user.role == Role::Admin,
                Some(UserState::Blocked) => user.blocked_at.is_some(),
                Some(UserState::Unverified) => !user.email_verified,
            };
            let names = format!("{} {} {}", user.username, user.display_name, user.email);
            let behind = after.is_none_or(|c| (user.created_at, user.id) < (c.created_at, c.id));
            in_state && behind && has_words(filter.search.as_deref(), &names)
        };
        let mut found: Vec<&User> = tables.users.values().map(|(user, _)| user).filter(wanted).collect();
        found.sort_by_key(|user| Reverse((user.created_at, user.id)));
        found.truncate(limit as usize);
        Ok(found.into_iter().map(|user| tables.listed(user, now)).collect())
    }

    async fn listed_user(&self, id: UserId, now: Timestamp) -> StorageResult<Option<ListedUser>> {
        let tables = self.read()?;
        Ok(tables.users.get(&id).map(|(user, _)| tables.listed(user, now)))
    }

    async fn change_user(&self, id: UserId, change: UserChange, entry: AuditEntry) -> StorageResult<ChangeUser> {
        let mut guard = self.write()?;
        let tables = &mut *guard;
        let Some(user) = tables.users.get(&id).map(|(user, _)| user.clone()) else { return Ok(ChangeUser::NotFound) };
        let others = tables.users.values().filter(|(other, _)| other.id != id && other.acts_as_admin()).count();
        let Some(changed) = change.applied(&user, entry.at) else {
            return Ok(ChangeUser::Unchanged(Box::new(user)));
        };
        if change == UserChange::SetRole(Role::Admin) && !user.email_verified {
            return Ok(ChangeUser::Unverified);
        }
        if user.acts_as_admin() && !changed.acts_as_admin() && others == 0 {
            return Ok(ChangeUser::LastAdmin);
        }
        if change.ends_sessions() {
            for session in tables.sessions.values_mut().filter(|session| session.user == id) {
                session.revoked_at.get_or_insert(entry.at);
            }
        }
        if let Some((stored, _)) = tables.users.get_mut(&id) {
            stored.clone_from(&changed);
        }
        tables.audit.push(entry);
        Ok(ChangeUser::Changed(Box::new(changed)))
    }
}

#[async_trait]
impl AuditLog for MemoryStorage {
    async fn write_audit(&self, entries: &[AuditEntry]) -> StorageResult<()> {
        self.write()?.audit.extend_from_slice(entries);
        Ok(())
    }

    async fn audit(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> StorageResult<Vec<AuditEntry>> {
        let tables = self.read()?;
        let wanted = |entry: &&AuditEntry| {
            let actor = match &entry.actor {
                Actor::User(user) => Some(user),
                Actor::Operator | Actor::Server => None,
            };
            let people = || actor.into_iter().chain(entry.target.as_ref());
            let names: Vec<&str> = people().map(|user| user.username.as_str()).collect();
            let room = entry.room.as_ref().map_or("", |room| room.name.as_str());
            filter.action.is_none_or(|action| action == entry.action)
                && filter.user.is_none_or(|id| people().any(|user| user.id == id))
                && after.is_none_or(|c| (entry.at, entry.id) < (c.at, c.id))
                && has_words(filter.search.as_deref(), &format!("{} {room} {}", names.join(" "), entry.detail))
        };
        let mut found: Vec<AuditEntry> = tables.audit.iter().filter(wanted).cloned().collect();
        found.sort_by_key(|entry| Reverse((entry.at, entry.id)));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn delete_audit(&self, before: Timestamp) -> StorageResult<u64> {
        let mut tables = self.write()?;
        let count = tables.audit.len();
        tables.audit.retain(|entry| entry.at >= before);
        Ok((count - tables.audit.len()) as u64)
    }
}
