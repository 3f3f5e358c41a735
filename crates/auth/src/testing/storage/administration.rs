//! What only the operator does.

use async_trait::async_trait;
use hubbub_domain::storage::{Administration, CreateUsers, NO_PASSWORD, NewUser, Session, StorageResult};
use hubbub_domain::user::{User, Username};
use hubbub_domain::{RoomId, UserId};

use super::MemoryStorage;

#[async_trait]
impl Administration for MemoryStorage {
    async fn create_verified_users(&self, users: &[NewUser]) -> StorageResult<CreateUsers> {
        let mut tables = self.write()?;
        for (made, new) in users.iter().enumerate() {
            let taken = if tables.by_email(&new.email).is_some() {
                CreateUsers::EmailTaken(new.email.clone())
            } else if tables.name_taken(&new.username, None) {
                CreateUsers::UsernameTaken(new.username.clone())
            } else {
                tables.insert_user(new.clone());
                if let Some((user, _)) = tables.users.get_mut(&new.id) {
                    user.email_verified = true;
                }
                continue;
            };
            for new in &users[..made] {
                tables.users.remove(&new.id);
            }
            return Ok(taken);
        }
        Ok(CreateUsers::Created)
    }

    async fn create_sessions(&self, sessions: &[Session]) -> StorageResult<()> {
        self.write()?.sessions.extend(sessions.iter().map(|session| (session.id, session.clone())));
        Ok(())
    }

    async fn user_by_username(&self, username: &Username) -> StorageResult<Option<User>> {
        let tables = self.read()?;
        Ok(tables.users.values().map(|(user, _)| user).find(|user| user.username == *username).cloned())
    }

    async fn users_without_password(&self, prefix: &str) -> StorageResult<Vec<User>> {
        let tables = self.read()?;
        let without = tables.users.values().filter(|(_, hash)| hash == NO_PASSWORD).map(|(user, _)| user);
        let mut found: Vec<User> = without.filter(|u| u.username.as_str().starts_with(prefix)).cloned().collect();
        found.sort_by_key(|user| user.id);
        Ok(found)
    }

    async fn delete_users(&self, users: &[UserId]) -> StorageResult<u64> {
        let mut tables = self.write()?;
        let mut deleted = 0;
        for id in users {
            deleted += u64::from(tables.users.remove(id).is_some());
            tables.sessions.retain(|_, session| session.user != *id);
            let gone: Vec<RoomId> =
                tables.rooms.values().filter(|room| room.owner == *id).map(|room| room.id).collect();
            tables.rooms.retain(|room, _| !gone.contains(room));
            tables.members.retain(|(room, user)| user != id && !gone.contains(room));
            tables.mutes.retain(|(room, user)| user != id && !gone.contains(room));
            tables.invites.retain(|_, invite| invite.created_by != *id && !gone.contains(&invite.room));
            tables.codes.remove(id);
            tables.avatars.remove(id);
        }
        Ok(deleted)
    }
}
