//! All of storage in memory: what the two databases do, without them.

mod accounts;
mod administration;
mod directory;
mod rooms;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use hubbub_domain::search::{fold, words};
use hubbub_domain::storage::{EmailCode, Health, NewUser, Outbox, OutboxMail, Session, Sessions, StorageResult};
use hubbub_domain::user::{Bio, DisplayName, Email, Role, User, Username};
use hubbub_domain::{AuditEntry, Invite, InviteId, Room, RoomId, SessionId, StorageError, Timestamp, UserId};

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
struct Tables {
    users: HashMap<UserId, (User, String)>,
    codes: HashMap<UserId, EmailCode>,
    sessions: HashMap<SessionId, Session>,
    rooms: BTreeMap<RoomId, Room>,
    members: HashSet<(RoomId, UserId)>,
    mutes: HashSet<(RoomId, UserId)>,
    invites: HashMap<InviteId, Invite>,
    avatars: HashMap<UserId, (String, Vec<u8>, Timestamp)>,
    outbox: Vec<OutboxMail>,
    audit: Vec<AuditEntry>,
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

    fn read(&self) -> StorageResult<MutexGuard<'_, Tables>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.available()
    }

    fn write(&self) -> StorageResult<MutexGuard<'_, Tables>> {
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

/// Whether every word of `search` is in `text`.
fn has_words(search: Option<&str>, text: &str) -> bool {
    let text = fold(text);
    words(search.unwrap_or_default()).iter().all(|word| text.contains(word))
}

#[async_trait]
impl Health for MemoryStorage {
    async fn ping(&self) -> StorageResult<()> {
        self.read().map(drop)
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
