//! Fresh databases, and the people and rooms that stories begin with.

use std::sync::atomic::{AtomicU32, Ordering};

use hubbub_domain::room::{MaxParticipants, RoomDescription, RoomName};
use hubbub_domain::storage::{CreateUser, NewUser, Rooms, Users};
use hubbub_domain::user::{Email, Username};
use hubbub_domain::{NewRoom, Room, Timestamp, User, UserId};
use hubbub_storage::{Config, Database};
use tempfile::TempDir;

use crate::postgres::Postgres;

/// Where a story's database comes from.
pub(crate) enum Databases {
    Sqlite(TempDir, AtomicU32),
    Postgres(Postgres),
}

impl Databases {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(TempDir::new().unwrap(), AtomicU32::new(0))
    }

    pub(crate) fn postgres(server: Postgres) -> Self {
        Self::Postgres(server)
    }

    /// The configuration of a database that does not exist yet, or is empty.
    pub(crate) fn config(&self) -> Config {
        match self {
            Self::Sqlite(folder, count) => {
                let name = format!("{}.db", count.fetch_add(1, Ordering::Relaxed));
                Config::new(format!("sqlite:{}", folder.path().join(name).display()))
            }
            Self::Postgres(server) => Config::new(server.create_database()),
        }
    }

    pub(crate) async fn open(&self) -> Database {
        self.open_at(&self.config()).await
    }

    pub(crate) async fn open_at(&self, config: &Config) -> Database {
        Database::connect(config).await.unwrap()
    }
}

pub(crate) const NOW: Timestamp = Timestamp(1_790_000_000_000_001);

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1_000_000)
}

pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser {
        id: UserId::new(),
        email: email(name),
        username: Username::parse(name).unwrap(),
        password_hash: format!("$argon2id$of-{name}"),
        created_at: NOW,
    }
}

pub(crate) fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.org")).unwrap()
}

/// A registered user.
pub(crate) async fn user(db: &Database, name: &str) -> User {
    let new = new_user(name);
    let id = new.id;
    assert_eq!(db.create_user(new).await.unwrap(), CreateUser::Created);
    db.user(id).await.unwrap().unwrap()
}

pub(crate) fn new_room(name: &str, description: &str, is_private: bool) -> NewRoom {
    NewRoom {
        name: RoomName::parse(name).unwrap(),
        description: RoomDescription::parse(description).unwrap(),
        is_private,
        max_participants: MaxParticipants::DEFAULT,
        max_forwarded_speakers: None,
    }
}

/// A public room.
pub(crate) async fn room(db: &Database, owner: &User, name: &str, description: &str, now: Timestamp) -> Room {
    db.create_room(owner.id, new_room(name, description, false), u64::MAX, now).await.unwrap().unwrap()
}

/// A private room.
pub(crate) async fn private_room(db: &Database, owner: &User, name: &str) -> Room {
    db.create_room(owner.id, new_room(name, "", true), u64::MAX, NOW).await.unwrap().unwrap()
}
