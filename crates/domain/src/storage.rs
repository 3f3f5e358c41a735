//! What Hubbub asks of its database. One implementation serves SQLite and Postgres; every method is exercised on both
//! by one contract suite.
//!
//! A look-up that finds nothing is `Ok(None)`. A method that returns `Ok` for a write has made it durable: it survives
//! `kill -9` and power loss.

mod directory;

use async_trait::async_trait;
use thiserror::Error;

pub use directory::{
    AuditCursor, AuditFilter, AuditLog, ChangeUser, Directory, ListedUser, UserChange, UserCursor, UserFilter,
    UserState,
};

use crate::audit::AuditEntry;
use crate::clock::Timestamp;
use crate::ids::{EmailCodeId, OutboxMailId, RoomId, SessionId, UserId};
use crate::room::{Invite, NewRoom, Room, RoomAccess, RoomPatch};
use crate::user::{Email, ProfilePatch, User, Username};

/// Why storage did not answer.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The database cannot be reached, or the pool gave no connection in time: try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The disk or a quota is full; nothing was written.
    #[error("the database has no room left: {0}")]
    Full(String),
    /// Anything else; a bug or a damaged database.
    #[error("the database failed: {0}")]
    Failed(String),
}

/// The result of asking storage.
pub type StorageResult<T> = Result<T, StorageError>;

/// Everything together.
pub trait Storage:
    Users + EmailCodes + Sessions + Rooms + Invites + Avatars + Outbox + Administration + Directory + AuditLog + Health
{
}
impl<T> Storage for T where
    T: Users
        + EmailCodes
        + Sessions
        + Rooms
        + Invites
        + Avatars
        + Outbox
        + Administration
        + Directory
        + AuditLog
        + Health
{
}

/// Whether the database answers.
#[async_trait]
pub trait Health: Send + Sync + 'static {
    /// Runs a trivial query.
    async fn ping(&self) -> StorageResult<()>;
}

/// A user to be created.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Fresh id.
    pub id: UserId,
    /// Unproved address.
    pub email: Email,
    /// Wanted name.
    pub username: Username,
    /// PHC string (argon2id).
    pub password_hash: String,
    /// Now.
    pub created_at: Timestamp,
}

/// Stands where a password hash would, in an account without a password: none is right for it.
pub const NO_PASSWORD: &str = "!";

/// How creating a user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateUser {
    /// Done.
    Created,
    /// An account has this address.
    EmailTaken,
    /// An account has this username, or one that looks like it.
    UsernameTaken,
}

/// How changing a profile ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateProfile {
    /// The user as it is now.
    Updated(Box<User>),
    /// An account has this username, or one that looks like it; nothing changed.
    UsernameTaken,
    /// No such user.
    NotFound,
}

/// How proving an address ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkVerified {
    /// Done.
    Verified {
        /// Whether the account became an admin by it.
        became_admin: bool,
    },
    /// The account was replaced meanwhile; nothing changed.
    Replaced,
}

/// Accounts.
#[async_trait]
pub trait Users: Send + Sync + 'static {
    /// Creates a user. Address and username skeleton are unique; the address is checked first.
    async fn create_user(&self, user: NewUser) -> StorageResult<CreateUser>;
    /// Finds by id.
    async fn user(&self, id: UserId) -> StorageResult<Option<User>>;
    /// Finds by address, with the password hash.
    async fn user_by_email(&self, email: &Email) -> StorageResult<Option<(User, String)>>;
    /// Whether a user has this username or one that looks like it.
    async fn username_taken(&self, username: &Username) -> StorageResult<bool>;
    /// Marks the address as proved if the account still has this password hash; [`MarkVerified::Replaced`], and nothing
    /// changed, if not: it was replaced meanwhile.
    ///
    /// With `first_is_admin` the account becomes an admin when there is no admin and no other proved account with a
    /// password; of several that are proved at once one does. That entry is written to the audit log then.
    async fn mark_email_verified(
        &self,
        id: UserId,
        password_hash: &str,
        first_is_admin: Option<AuditEntry>,
    ) -> StorageResult<MarkVerified>;
    /// Replaces username, password hash and creation time of the account with this address if it was never verified, so
    /// that nobody keeps an address by registering it first; [`CreateUser::EmailTaken`] when it is verified or gone.
    async fn replace_unverified(&self, user: NewUser) -> StorageResult<CreateUser>;
    /// Changes the profile.
    async fn update_profile(&self, id: UserId, patch: ProfilePatch) -> StorageResult<UpdateProfile>;
}

/// A code that was mailed. At most one is live a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailCode {
    /// Which.
    pub id: EmailCodeId,
    /// For whom.
    pub user: UserId,
    /// Keyed hash of the six digits.
    pub code_hash: [u8; 32],
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// Wrong tries that are left; at 0 the code is dead.
    pub tries_left: u32,
    /// When it was mailed.
    pub created_at: Timestamp,
}

/// Mailed codes.
#[async_trait]
pub trait EmailCodes: Send + Sync + 'static {
    /// Replaces the user's code by a new one.
    async fn put_email_code(&self, code: EmailCode) -> StorageResult<()>;
    /// The user's code, live or not.
    async fn email_code(&self, user: UserId) -> StorageResult<Option<EmailCode>>;
    /// Takes one try off, atomically, if any is left; returns whether one was.
    async fn take_email_code_try(&self, id: EmailCodeId) -> StorageResult<bool>;
    /// Deletes the code; `false` when it was gone already, so that a code serves once.
    async fn delete_email_code(&self, id: EmailCodeId) -> StorageResult<bool>;
}

/// A login. Its refresh tokens form one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the newest refresh token.
    pub token_hash: [u8; 32],
    /// SHA-256 of the one before it, and when it was rotated away.
    pub previous: Option<([u8; 32], Timestamp)>,
    /// When the login was made.
    pub created_at: Timestamp,
    /// The absolute end: rotation does not move it.
    pub expires_at: Timestamp,
    /// When it was ended; `None` while it lives.
    pub revoked_at: Option<Timestamp>,
    /// What the client said it is.
    pub user_agent: String,
}

/// Logins.
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// Stores a new login.
    async fn create_session(&self, session: Session) -> StorageResult<()>;
    /// Finds by id. The logins of a blocked user count as ended, those too that were made in the moment of blocking.
    async fn session(&self, id: SessionId) -> StorageResult<Option<Session>>;
    /// Makes `new` the newest token if `old` still is it, in one step; `false` when another request was faster.
    async fn rotate_session(&self, id: SessionId, old: [u8; 32], new: [u8; 32], now: Timestamp) -> StorageResult<bool>;
    /// Ends a login; harmless when it has ended.
    async fn revoke_session(&self, id: SessionId, now: Timestamp) -> StorageResult<()>;
    /// Removes logins that expired before `before`; returns how many.
    async fn delete_expired_sessions(&self, before: Timestamp) -> StorageResult<u64>;
}

/// A place in the list of rooms: everything after this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomCursor {
    /// Creation time of the last room seen.
    pub created_at: Timestamp,
    /// Its id, for rooms of the same moment.
    pub id: RoomId,
}

/// Rooms.
#[async_trait]
pub trait Rooms: Send + Sync + 'static {
    /// Stores a new room; `None`, and nothing stored, when `owner` owns `limit` rooms or more already. However many
    /// requests come at once, no owner gets more than `limit`.
    async fn create_room(
        &self,
        owner: UserId,
        room: NewRoom,
        limit: u64,
        now: Timestamp,
    ) -> StorageResult<Option<Room>>;
    /// How many rooms are stored.
    async fn room_count(&self) -> StorageResult<u64>;
    /// A room and whether `user` is a member of it.
    async fn room(&self, id: RoomId, user: UserId) -> StorageResult<Option<RoomAccess>>;
    /// Rooms `user` may see, newest first, at most `limit`. `search` finds words anywhere in name and description,
    /// ignoring case and diacritics.
    async fn rooms(
        &self,
        user: UserId,
        search: Option<&str>,
        after: Option<RoomCursor>,
        limit: u32,
    ) -> StorageResult<Vec<Room>>;
    /// Every room, private ones too: for whoever looks after the server. Otherwise as [`Self::rooms`].
    async fn all_rooms(&self, search: Option<&str>, after: Option<RoomCursor>, limit: u32) -> StorageResult<Vec<Room>>;
    /// Changes a room; `None` when it is gone.
    async fn update_room(&self, id: RoomId, patch: RoomPatch, now: Timestamp) -> StorageResult<Option<Room>>;
    /// Who is a member of a room, in no order; the owner need not be among them. Nobody when it is gone.
    async fn room_members(&self, id: RoomId) -> StorageResult<Vec<UserId>>;
    /// Whom moderators muted in a room.
    async fn room_mutes(&self, id: RoomId) -> StorageResult<Vec<UserId>>;
    /// Remembers, or forgets, that a moderator muted `user`; harmless when that is so already, or the room or user is gone.
    async fn set_room_mute(&self, id: RoomId, user: UserId, muted: bool) -> StorageResult<()>;
    /// Deletes a room with its members, mutes and invitations; `false` when it was gone.
    async fn delete_room(&self, id: RoomId) -> StorageResult<bool>;
}

/// How accepting an invitation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptInvite {
    /// The user is a member now, or was one before (then no use is taken off).
    Accepted(Box<Room>),
    /// Unknown, expired or used up.
    Invalid,
}

/// Invitations to private rooms.
#[async_trait]
pub trait Invites: Send + Sync + 'static {
    /// Stores an invitation.
    async fn create_invite(&self, invite: Invite) -> StorageResult<()>;
    /// Makes `user` a member, in one transaction with taking a use off.
    async fn accept_invite(&self, token_hash: [u8; 32], user: UserId, now: Timestamp) -> StorageResult<AcceptInvite>;
}

/// Pictures of users, already cropped and re-encoded.
#[async_trait]
pub trait Avatars: Send + Sync + 'static {
    /// Stores the user's picture (an encoded image of `media_type`).
    async fn put_avatar(&self, user: UserId, media_type: &str, bytes: &[u8], now: Timestamp) -> StorageResult<()>;
    /// The user's picture: media type, bytes, version.
    async fn avatar(&self, user: UserId) -> StorageResult<Option<(String, Vec<u8>, Timestamp)>>;
    /// Back to the drawn default.
    async fn delete_avatar(&self, user: UserId) -> StorageResult<()>;
}

/// A message in the built-in outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMail {
    /// Which.
    pub id: OutboxMailId,
    /// To whom.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its plain text.
    pub text: String,
    /// When it was sent.
    pub created_at: Timestamp,
}

/// The built-in outbox: where mail goes when no SMTP server is configured.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Keeps a message; the oldest beyond 1 000 go.
    async fn put_outbox_mail(&self, mail: OutboxMail) -> StorageResult<()>;
    /// Newest first, at most `limit`.
    async fn outbox_mails(&self, limit: u32) -> StorageResult<Vec<OutboxMail>>;
}

/// How creating several users ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateUsers {
    /// All were made.
    Created,
    /// None were: an account has this address.
    EmailTaken(Email),
    /// None were: an account has this username, or one that looks like it.
    UsernameTaken(Username),
}

/// What only the operator does, from the command line.
#[async_trait]
pub trait Administration: Send + Sync + 'static {
    /// Creates users whose addresses count as proved: all of them or none.
    async fn create_verified_users(&self, users: &[NewUser]) -> StorageResult<CreateUsers>;
    /// Stores new logins: all of them or none.
    async fn create_sessions(&self, sessions: &[Session]) -> StorageResult<()>;
    /// Finds by the exact username.
    async fn user_by_username(&self, username: &Username) -> StorageResult<Option<User>>;
    /// The accounts without a password ([`NO_PASSWORD`]) whose username begins with `prefix`, in the order they were made.
    async fn users_without_password(&self, prefix: &str) -> StorageResult<Vec<User>>;
    /// Deletes users with all that is theirs: logins, rooms, memberships, pictures. Returns how many there were.
    async fn delete_users(&self, users: &[UserId]) -> StorageResult<u64>;
}
