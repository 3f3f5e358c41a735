//! All of storage in memory: what the two databases do, without them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use hubbub_domain::storage::{
    AcceptInvite, Administration, Avatars, CreateUser, CreateUsers, EmailCode, EmailCodes, Health, Invites,
    MarkVerified, NO_PASSWORD, NewUser, Outbox, OutboxMail, RoomCursor, Rooms, Session, Sessions, StorageResult,
    UpdateProfile, Users,
};
use hubbub_domain::user::{Bio, DisplayName, Email, ProfilePatch, Role, User, Username};
use hubbub_domain::{
    AuditEntry, EmailCodeId, Invite, InviteId, NewRoom, Room, RoomAccess, RoomId, RoomPatch, SessionId, StorageError,
    Timestamp, UserId,
};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Mails the outbox keeps.
const OUTBOX_CAPACITY: usize = 1_000;

/// Storage that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    tables: Mutex<Tables>,
    unavailable: AtomicBool,
    reads: AtomicU64,
    writes: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) users: HashMap<UserId, (User, String)>,
    codes: HashMap<UserId, EmailCode>,
    pub(super) sessions: HashMap<SessionId, Session>,
    pub(super) rooms: BTreeMap<RoomId, Room>,
    members: HashSet<(RoomId, UserId)>,
    mutes: HashSet<(RoomId, UserId)>,
    invites: HashMap<InviteId, Invite>,
    avatars: HashMap<UserId, (String, Vec<u8>, Timestamp)>,
    outbox: Vec<OutboxMail>,
    pub(super) audit: Vec<AuditEntry>,
}

impl MemoryStorage {
    /// From now on every call fails (`true`) or works again (`false`).
    pub fn set_unavailable(&self, unavailable: bool) {
        self.unavailable.store(unavailable, Ordering::SeqCst);
    }

    /// How many reads and writes were asked for so far: what an operation costs.
    #[must_use]
    pub fn calls(&self) -> (u64, u64) {
        (self.reads.load(Ordering::SeqCst), self.writes.load(Ordering::SeqCst))
    }

    /// The stored login, however it ended.
    #[must_use]
    pub fn stored_session(&self, id: SessionId) -> Option<Session> {
        self.lock().sessions.get(&id).cloned()
    }

    /// The stored code of a user.
    #[must_use]
    pub fn stored_code(&self, user: UserId) -> Option<EmailCode> {
        self.lock().codes.get(&user).cloned()
    }

    /// Makes `user` a member of a private room, as accepting an invitation does.
    pub fn add_member(&self, room: RoomId, user: UserId) {
        self.lock().members.insert((room, user));
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().expect("no code panics while it holds this lock")
    }

    pub(super) fn read(&self) -> StorageResult<MutexGuard<'_, Tables>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.available()
    }

    pub(super) fn write(&self) -> StorageResult<MutexGuard<'_, Tables>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.available()
    }

    fn available(&self) -> StorageResult<MutexGuard<'_, Tables>> {
        if self.unavailable.load(Ordering::SeqCst) {
            return Err(StorageError::Unavailable("switched off by a test".to_owned()));
        }
        Ok(self.lock())
    }
}

impl Tables {
    fn by_email(&self, email: &Email) -> Option<&(User, String)> {
        self.users.values().find(|(user, _)| user.email == *email)
    }

    fn name_taken(&self, username: &Username, except: Option<UserId>) -> bool {
        let skeleton = username.skeleton();
        self.users.values().any(|(user, _)| Some(user.id) != except && user.username.skeleton() == skeleton)
    }

    fn insert_user(&mut self, new: NewUser) {
        let user = User {
            id: new.id,
            email: new.email,
            email_verified: false,
            display_name: DisplayName::from(&new.username),
            username: new.username,
            bio: Bio::parse("").expect("a bio may be empty"),
            avatar_version: None,
            role: Role::Member,
            blocked_at: None,
            created_at: new.created_at,
        };
        self.users.insert(user.id, (user, new.password_hash));
    }
}

#[async_trait]
impl Health for MemoryStorage {
    async fn ping(&self) -> StorageResult<()> {
        self.read().map(drop)
    }
}

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
impl Sessions for MemoryStorage {
    async fn create_session(&self, session: Session) -> StorageResult<()> {
        self.write()?.sessions.insert(session.id, session);
        Ok(())
    }

    async fn session(&self, id: SessionId) -> StorageResult<Option<Session>> {
        let tables = self.read()?;
        Ok(tables.sessions.get(&id).cloned().map(|session| {
            let blocked_at = tables.users.get(&session.user).and_then(|(user, _)| user.blocked_at);
            Session { revoked_at: session.revoked_at.or(blocked_at), ..session }
        }))
    }

    async fn rotate_session(&self, id: SessionId, old: [u8; 32], new: [u8; 32], now: Timestamp) -> StorageResult<bool> {
        let mut tables = self.write()?;
        let current = tables.sessions.get_mut(&id).filter(|s| s.token_hash == old && s.revoked_at.is_none());
        let Some(session) = current else { return Ok(false) };
        session.previous = Some((old, now));
        session.token_hash = new;
        Ok(true)
    }

    async fn revoke_session(&self, id: SessionId, now: Timestamp) -> StorageResult<()> {
        if let Some(session) = self.write()?.sessions.get_mut(&id) {
            session.revoked_at.get_or_insert(now);
        }
        Ok(())
    }

    async fn delete_expired_sessions(&self, before: Timestamp) -> StorageResult<u64> {
        let mut tables = self.write()?;
        let count = tables.sessions.len();
        tables.sessions.retain(|_, session| session.expires_at >= before);
        Ok((count - tables.sessions.len()) as u64)
    }
}

#[async_trait]
impl Rooms for MemoryStorage {
    async fn create_room(
        &self,
        owner: UserId,
        room: NewRoom,
        limit: u64,
        now: Timestamp,
    ) -> StorageResult<Option<Room>> {
        let mut tables = self.write()?;
        if tables.rooms.values().filter(|room| room.owner == owner).count() as u64 >= limit {
            return Ok(None);
        }
        let room = Room {
            id: RoomId::new(),
            owner,
            name: room.name,
            description: room.description,
            is_private: room.is_private,
            max_participants: room.max_participants,
            max_forwarded_speakers: room.max_forwarded_speakers,
            created_at: now,
            updated_at: now,
        };
        tables.rooms.insert(room.id, room.clone());
        Ok(Some(room))
    }

    async fn room_count(&self) -> StorageResult<u64> {
        Ok(self.read()?.rooms.len() as u64)
    }

    async fn room(&self, id: RoomId, user: UserId) -> StorageResult<Option<RoomAccess>> {
        let tables = self.read()?;
        let is_member = tables.members.contains(&(id, user));
        Ok(tables.rooms.get(&id).map(|room| RoomAccess { room: room.clone(), is_member }))
    }

    async fn rooms(
        &self,
        user: UserId,
        search: Option<&str>,
        after: Option<RoomCursor>,
        limit: u32,
    ) -> StorageResult<Vec<Room>> {
        let tables = self.read()?;
        let words: Vec<String> = folded(search.unwrap_or_default()).split_whitespace().map(ToOwned::to_owned).collect();
        let visible =
            |room: &&Room| !room.is_private || room.owner == user || tables.members.contains(&(room.id, user));
        let found = |room: &&Room| {
            let text = folded(&format!("{} {}", room.name, room.description));
            words.iter().all(|word| text.contains(word.as_str()))
        };
        let behind = |room: &&Room| after.is_none_or(|c| (room.created_at, room.id) < (c.created_at, c.id));
        let mut rooms: Vec<Room> =
            tables.rooms.values().filter(visible).filter(found).filter(behind).cloned().collect();
        rooms.sort_by_key(|room| std::cmp::Reverse((room.created_at, room.id)));
        rooms.truncate(limit as usize);
        Ok(rooms)
    }

    async fn update_room(&self, id: RoomId, patch: RoomPatch, now: Timestamp) -> StorageResult<Option<Room>> {
        let mut tables = self.write()?;
        let Some(room) = tables.rooms.get_mut(&id) else { return Ok(None) };
        if let Some(name) = patch.name {
            room.name = name;
        }
        if let Some(description) = patch.description {
            room.description = description;
        }
        if let Some(is_private) = patch.is_private {
            room.is_private = is_private;
        }
        if let Some(max_participants) = patch.max_participants {
            room.max_participants = max_participants;
        }
        room.max_forwarded_speakers = patch.max_forwarded_speakers.or(room.max_forwarded_speakers);
        room.updated_at = now;
        Ok(Some(room.clone()))
    }

    async fn room_mutes(&self, id: RoomId) -> StorageResult<Vec<UserId>> {
        Ok(self.read()?.mutes.iter().filter(|(room, _)| *room == id).map(|(_, user)| *user).collect())
    }

    async fn set_room_mute(&self, id: RoomId, user: UserId, muted: bool) -> StorageResult<()> {
        let mut tables = self.write()?;
        if !muted {
            tables.mutes.remove(&(id, user));
        } else if tables.rooms.contains_key(&id) && tables.users.contains_key(&user) {
            tables.mutes.insert((id, user));
        }
        Ok(())
    }

    async fn delete_room(&self, id: RoomId) -> StorageResult<bool> {
        let mut tables = self.write()?;
        tables.members.retain(|(room, _)| *room != id);
        tables.mutes.retain(|(room, _)| *room != id);
        tables.invites.retain(|_, invite| invite.room != id);
        Ok(tables.rooms.remove(&id).is_some())
    }
}

#[async_trait]
impl Invites for MemoryStorage {
    async fn create_invite(&self, invite: Invite) -> StorageResult<()> {
        self.write()?.invites.insert(invite.id, invite);
        Ok(())
    }

    async fn accept_invite(&self, token_hash: [u8; 32], user: UserId, now: Timestamp) -> StorageResult<AcceptInvite> {
        let mut guard = self.write()?;
        let tables = &mut *guard;
        let Some(invite) = tables.invites.values_mut().find(|invite| invite.token_hash == token_hash) else {
            return Ok(AcceptInvite::Invalid);
        };
        let Some(room) = tables.rooms.get(&invite.room) else { return Ok(AcceptInvite::Invalid) };
        // Whoever is inside already may follow an old link again.
        if room.owner != user && !tables.members.contains(&(room.id, user)) {
            if invite.expires_at <= now || invite.uses_left == Some(0) {
                return Ok(AcceptInvite::Invalid);
            }
            invite.uses_left = invite.uses_left.map(|left| left - 1);
            tables.members.insert((room.id, user));
        }
        Ok(AcceptInvite::Accepted(Box::new(room.clone())))
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

#[async_trait]
impl Outbox for MemoryStorage {
    async fn put_outbox_mail(&self, mail: OutboxMail) -> StorageResult<()> {
        let mut tables = self.write()?;
        tables.outbox.push(mail);
        let excess = tables.outbox.len().saturating_sub(OUTBOX_CAPACITY);
        tables.outbox.drain(..excess);
        Ok(())
    }

    async fn outbox_mails(&self, limit: u32) -> StorageResult<Vec<OutboxMail>> {
        Ok(self.read()?.outbox.iter().rev().take(limit as usize).cloned().collect())
    }
}

/// Lower case, without diacritics.
pub(super) fn folded(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

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
