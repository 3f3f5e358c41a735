//! What only shows from inside: a full disk, and what a session of Postgres is told.

#[path = "../tests/support/postgres.rs"]
mod postgres;

use hubbub_domain::storage::{NewUser, StorageError, Users};
use hubbub_domain::user::{Email, Username};
use hubbub_domain::{Timestamp, UserId};
use tempfile::TempDir;

use crate::database::Pools;
use crate::{Config, Database};

fn new_user(i: usize) -> NewUser {
    NewUser {
        id: UserId::new(),
        email: Email::parse(&format!("user{i}@example.org")).unwrap(),
        username: Username::parse(&format!("user{i}")).unwrap(),
        password_hash: "x".repeat(3000),
        created_at: Timestamp(0),
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_serves_reads_until_there_is_room() {
    let folder = TempDir::new().unwrap();
    let config = Config::new(format!("sqlite:{}", folder.path().join("hubbub.db").display()));
    let db = Database::connect(&config).await.unwrap();
    let first = new_user(0);
    let id = first.id;
    db.create_user(first).await.unwrap();

    // The connection that writes may not make the file larger: to SQLite that is a full disk.
    let Pools::Sqlite { writer, .. } = &db.pools else { unreachable!("opened as SQLite") };
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(writer).await.unwrap();
    let limit = format!("PRAGMA max_page_count = {pages}");
    sqlx::query(sqlx::AssertSqlSafe(limit)).execute(writer).await.unwrap();
    let mut refusals = Vec::new();
    for i in 1..20 {
        refusals.extend(db.create_user(new_user(i)).await.err());
    }
    let refused = refusals.first().expect("20 users of 3 KB need more pages");
    assert!(matches!(refused, StorageError::Full(_)), "{refused}");
    assert!(db.user(id).await.unwrap().is_some(), "reads go on");

    // Only the connection knew the limit, and the pool has replaced it: there is room again.
    for i in 20..40 {
        db.create_user(new_user(i)).await.unwrap();
    }
}

#[tokio::test]
async fn o5_what_sqlite_acknowledges_is_on_the_disk() {
    let folder = TempDir::new().unwrap();
    let config = Config::new(format!("sqlite:{}", folder.path().join("hubbub.db").display()));
    let db = Database::connect(&config).await.unwrap();
    let Pools::Sqlite { writer, .. } = &db.pools else { unreachable!("opened as SQLite") };
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(writer).await.unwrap();
    assert_eq!(synchronous, 2, "FULL: the log is synced with every commit");
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(writer).await.unwrap();
    assert_eq!(journal, "wal");
}

#[tokio::test]
async fn a_session_of_postgres_syncs_its_commits_whatever_the_server_is_configured_for() {
    let server = postgres::Postgres::start();
    for (configured, expected) in [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")] {
        let url = server.create_database();
        let name = url.rsplit('/').find(|part| part.contains("hubbub_test")).unwrap().split('?').next().unwrap();
        server.sql(&url, &format!("ALTER DATABASE {name} SET synchronous_commit = {configured}"));
        let db = Database::connect(&Config::new(url)).await.unwrap();
        let Pools::Postgres(pool) = &db.pools else { unreachable!("opened as Postgres") };
        let settings: (String, String) =
            sqlx::query_as("SELECT current_setting('synchronous_commit'), current_setting('statement_timeout')")
                .fetch_one(pool)
                .await
                .unwrap();
        assert_eq!(settings, (expected.to_owned(), "5s".to_owned()), "configured {configured}");
    }
}
