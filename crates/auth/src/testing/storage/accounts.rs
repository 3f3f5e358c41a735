//! Accounts, the codes that prove their addresses, and their pictures.

use async_trait::async_trait;
use hubbub_domain::storage::{
    Avatars, CreateUser, EmailCode, EmailCodes, MarkVerified, NO_PASSWORD, NewUser, StorageResult, UpdateProfile, Users,
};
use hubbub_domain::user::{Email, ProfilePatch, Role, User, Username};
use hubbub_domain::{AuditEntry, EmailCodeId, Timestamp, UserId};

use super::MemoryStorage;

#[async_trait]
impl Users for MemoryStorage {
    async fn create_user(&self, user: NewUser) -> StorageResult<CreateUser> {
        let mut tables = self.write()?;
        if tables.by_email(&user.email).is_some() {
            return Ok(CreateUser::EmailTaken);
        }
        if tables.name_taken(&user.username, None) {
            return Ok(CreateUser::UsernameTaken);
        }
        tables.insert_user(user);
        Ok(CreateUser::Created)
    }

    async fn user(&self, id: UserId) -> StorageResult<Option<User>> {
        Ok(self.read()?.users.get(&id).map(|(user, _)| user.clone()))
    }

    async fn user_by_email(&self, email: &Email) -> StorageResult<Option<(User, String)>> {
        Ok(self.read()?.by_email(email).cloned())
    }

    async fn username_taken(&self, username: &Username) -> StorageResult<bool> {
        Ok(self.read()?.name_taken(username, None))
    }

    async fn mark_email_verified(
        &self,
        id: UserId,
        password_hash: &str,
        first_is_admin: Option<AuditEntry>,
    ) -> StorageResult<MarkVerified> {
        let mut tables = self.write()?;
        let Some((user, _)) = tables.users.get_mut(&id).filter(|(_, hash)| hash == password_hash) else {
            return Ok(MarkVerified::Replaced);
        };
        user.email_verified = true;
        let is_first = tables.users.values().all(|(user, hash)| {
            user.role == Role::Member && (user.id == id || !user.email_verified || hash == NO_PASSWORD)
        });
        let Some(entry) = first_is_admin.filter(|_| is_first) else {
            return Ok(MarkVerified::Verified { became_admin: false });
        };
        if let Some((user, _)) = tables.users.get_mut(&id) {
            user.role = Role::Admin;
        }
        tables.audit.push(entry);
        Ok(MarkVerified::Verified { became_admin: true })
    }

    async fn replace_unverified(&self, new: NewUser) -> StorageResult<CreateUser> {
        let mut tables = self.write()?;
        let Some(id) = tables.by_email(&new.email).filter(|(user, _)| !user.email_verified).map(|(user, _)| user.id)
        else {
            return Ok(CreateUser::EmailTaken);
        };
        if tables.name_taken(&new.username, Some(id)) {
            return Ok(CreateUser::UsernameTaken);
        }
        tables.insert_user(NewUser { id, ..new });
        Ok(CreateUser::Created)
    }

    async fn update_profile(&self, id: UserId, patch: ProfilePatch) -> StorageResult<UpdateProfile> {
        let mut tables = self.write()?;
        if patch.username.as_ref().is_some_and(|name| tables.name_taken(name, Some(id))) {
            return Ok(UpdateProfile::UsernameTaken);
        }
        let Some((user, _)) = tables.users.get_mut(&id) else { return Ok(UpdateProfile::NotFound) };
        if let Some(username) = patch.username {
            user.username = username;
        }
        if let Some(display_name) = patch.display_name {
            user.display_name = display_name;
        }
        if let Some(bio) = patch.bio {
            user.bio = bio;
        }
        Ok(UpdateProfile::Updated(Box::new(user.clone())))
    }
}

#[async_trait]
impl EmailCodes for MemoryStorage {
    async fn put_email_code(&self, code: EmailCode) -> StorageResult<()> {
        self.write()?.codes.insert(code.user, code);
        Ok(())
    }

    async fn email_code(&self, user: UserId) -> StorageResult<Option<EmailCode>> {
        Ok(self.read()?.codes.get(&user).cloned())
    }

    async fn take_email_code_try(&self, id: EmailCodeId) -> StorageResult<bool> {
        let mut tables = self.write()?;
        let Some(code) = tables.codes.values_mut().find(|code| code.id == id && code.tries_left > 0) else {
            return Ok(false);
        };
        code.tries_left -= 1;
        Ok(true)
    }

    async fn delete_email_code(&self, id: EmailCodeId) -> StorageResult<bool> {
        let mut tables = self.write()?;
        let before = tables.codes.len();
        tables.codes.retain(|_, code| code.id != id);
        Ok(tables.codes.len() < before)
    }
}

#[async_trait]
impl Avatars for MemoryStorage {
    async fn put_avatar(&self, user: UserId, media_type: &str, bytes: &[u8], now: Timestamp) -> StorageResult<()> {
        let mut tables = self.write()?;
        tables.avatars.insert(user, (media_type.to_owned(), bytes.to_vec(), now));
        if let Some((user, _)) = tables.users.get_mut(&user) {
            user.avatar_version = Some(now);
        }
        Ok(())
    }

    async fn avatar(&self, user: UserId) -> StorageResult<Option<(String, Vec<u8>, Timestamp)>> {
        Ok(self.read()?.avatars.get(&user).cloned())
    }

    async fn delete_avatar(&self, user: UserId) -> StorageResult<()> {
        let mut tables = self.write()?;
        tables.avatars.remove(&user);
        if let Some((user, _)) = tables.users.get_mut(&user) {
            user.avatar_version = None;
        }
        Ok(())
    }
}
