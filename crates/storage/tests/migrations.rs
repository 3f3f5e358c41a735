//! Databases of before: what a release wrote is read by this version, and every migration of a release stays as it was.
//!
//! `releases/` has a dump of each schema that was in use, with a row or two in every table. A dump is never made anew: when a
//! schema is released, one is added. It holds the migrations' checksums too, so that a migration that was changed afterwards
//! fails here.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

#[path = "support/postgres.rs"]
mod postgres;

use hubbub_domain::storage::{
    AcceptInvite, Avatars, Directory, EmailCode, EmailCodes, Health, Invites, Outbox, Rooms, Session, Sessions,
    UserFilter, Users,
};
use hubbub_domain::user::{Email, Username};
use hubbub_domain::{EmailCodeId, Role, RoomId, SessionId, Timestamp, UserId};
use hubbub_storage::{Config, Database, inspect_sqlite};
use postgres::Postgres;
use tempfile::TempDir;

const SCHEMA_3_SQLITE: &str = include_str!("releases/schema-3-sqlite.sql");
const SCHEMA_3_POSTGRES: &str = include_str!("releases/schema-3-postgres.sql");

/// When the dumps' first rows were written.
const THEN: i64 = 1_795_255_200_000_000;

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(number: u32) -> T {
    format!("0192a0b0-0000-7000-8000-{number:012x}").parse().unwrap()
}

fn after(micros: i64) -> Timestamp {
    Timestamp(THEN + micros)
}

/// Everything that the dumps hold, through the traits, and that it can be worked with.
async fn reads_everything(db: &Database) {
    db.ping().await.unwrap();
    let (ada, bob): (UserId, UserId) = (id(0xa), id(0xb));
    let (user, hash) = db.user_by_email(&Email::parse("ada@example.org").unwrap()).await.unwrap().unwrap();
    assert_eq!((user.id, user.username.as_str(), user.display_name.as_str()), (ada, "ada", "Ada Lovelace"));
    assert_eq!((user.bio.as_str(), user.email_verified, user.created_at), ("First of all.", true, after(0)));
    assert_eq!(user.avatar_version, Some(after(5)));
    assert!(hash.starts_with("$argon2id$"));
    assert!(!db.user(bob).await.unwrap().unwrap().email_verified);
    assert!(db.username_taken(&Username::parse("BOB").unwrap()).await.unwrap());
    let named = UserFilter { search: Some("LOVELACE".to_owned()), state: None };
    let found = db.list_users(&named, None, 10, after(0)).await.unwrap();
    assert_eq!(
        (found.len(), found[0].user.id, found[0].user.role),
        (1, ada, Role::Member),
        "nobody is promoted by a migration"
    );

    let (media_type, picture, version) = db.avatar(ada).await.unwrap().unwrap();
    assert_eq!((media_type.as_str(), picture.as_slice(), version), ("image/png", &b"\x89PNG picture"[..], after(5)));
    let code = db.email_code(bob).await.unwrap().unwrap();
    let expected = EmailCode {
        id: id::<EmailCodeId>(0x20),
        user: bob,
        code_hash: [0x33; 32],
        expires_at: after(900_000_000),
        tries_left: 4,
        created_at: after(0),
    };
    assert_eq!(code, expected);

    let session = db.session(id::<SessionId>(0x30)).await.unwrap().unwrap();
    let expected = Session {
        id: id(0x30),
        user: ada,
        token_hash: [0x11; 32],
        previous: Some(([0x12; 32], after(60_000_000))),
        created_at: after(0),
        expires_at: after(10_000_000_000_000),
        revoked_at: None,
        user_agent: "Firefox on Linux".to_owned(),
    };
    assert_eq!(session, expected);
    assert_eq!(db.session(id::<SessionId>(0x31)).await.unwrap().unwrap().revoked_at, Some(after(1)));

    let (tea, den): (RoomId, RoomId) = (id(0x10), id(0x11));
    let access = db.room(tea, bob).await.unwrap().unwrap();
    assert_eq!((access.room.owner, access.room.name.as_str()), (ada, "Tea at five"));
    assert_eq!(access.room.description.as_str(), "Everybody is welcome.");
    assert_eq!((access.room.is_private, access.room.updated_at), (false, after(7)));
    assert_eq!(
        (access.room.max_participants.get(), access.room.max_forwarded_speakers.map(|n| n.get())),
        (100, Some(4))
    );
    assert_eq!(db.room_mutes(tea).await.unwrap(), [bob]);
    let access = db.room(den, ada).await.unwrap().unwrap();
    assert_eq!((access.room.name.as_str(), access.room.is_private, access.is_member), ("Dén", true, true));
    assert_eq!(access.room.max_forwarded_speakers.map(|n| n.get()), None);

    let accepted = db.accept_invite([0x22; 32], ada, after(4)).await.unwrap();
    assert!(matches!(accepted, AcceptInvite::Accepted(_)), "{accepted:?}");
    let mails = db.outbox_mails(10).await.unwrap();
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].to.as_str(), mails[0].subject.as_str(), mails[0].text.as_str()),
        ("bob@example.org", "Your code", "It is 123456.")
    );

    // And written to.
    assert!(db.rotate_session(id(0x30), [0x11; 32], [0x14; 32], after(70_000_000)).await.unwrap());
    db.set_room_mute(tea, bob, false).await.unwrap();
    assert!(db.room_mutes(tea).await.unwrap().is_empty());
    assert!(db.delete_room(den).await.unwrap());
}

#[tokio::test]
async fn an_sqlite_database_of_schema_3_is_migrated_and_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hubbub.db");
    let url = format!("sqlite:{}", path.display());
    let before = sqlx::sqlite::SqlitePool::connect(&format!("{url}?mode=rwc")).await.unwrap();
    sqlx::raw_sql(SCHEMA_3_SQLITE).execute(&before).await.unwrap();
    before.close().await;
    assert_eq!(inspect_sqlite(&path).await.unwrap().schema, 3);

    // Twice: the second start finds nothing to do.
    Database::connect(&Config::new(&url)).await.unwrap().close().await;
    let db = Database::connect(&Config::new(&url)).await.unwrap();
    reads_everything(&db).await;
    db.close().await;
    let now = inspect_sqlite(&path).await.unwrap();
    assert!(now.schema >= 3);
    assert_eq!((now.users, now.rooms), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_database_of_schema_3_is_migrated_and_read() {
    let server = Postgres::start();
    let url = server.create_database();
    server.sql(&url, SCHEMA_3_POSTGRES);
    Database::connect(&Config::new(&url)).await.unwrap().close().await;
    let db = Database::connect(&Config::new(&url)).await.unwrap();
    reads_everything(&db).await;
    db.close().await;
}

#[tokio::test]
async fn a_migration_that_was_changed_after_its_release_is_refused() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("hubbub.db").display());
    let before = sqlx::sqlite::SqlitePool::connect(&format!("{url}?mode=rwc")).await.unwrap();
    sqlx::raw_sql(SCHEMA_3_SQLITE).execute(&before).await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2").execute(&before).await.unwrap();
    before.close().await;
    let error = Database::connect(&Config::new(&url)).await.unwrap_err().to_string();
    assert!(error.contains("could not be brought up to date") && error.lines().count() == 1, "{error}");
}
