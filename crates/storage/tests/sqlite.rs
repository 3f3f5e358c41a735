//! What is particular to SQLite: the file, its permissions, many writers, and what a wrong URL says.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use hubbub_domain::storage::{CreateUser, Health, NewUser, Users};
use hubbub_domain::user::{Email, Username};
use hubbub_domain::{Timestamp, UserId};
use hubbub_storage::{Config, ConnectError, Database};
use tempfile::TempDir;

fn config(path: &Path) -> Config {
    Config::new(format!("sqlite:{}", path.display()))
}

fn new_user(i: usize) -> NewUser {
    NewUser {
        id: UserId::new(),
        email: Email::parse(&format!("user{i}@example.org")).unwrap(),
        username: Username::parse(&format!("user{i}")).unwrap(),
        password_hash: String::new(),
        created_at: Timestamp(0),
    }
}

#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a folder with spaces");
    fs::create_dir(&path).unwrap();
    let db = Database::connect(&config(&path.join("hubbub.db"))).await.unwrap();
    db.create_user(new_user(0)).await.unwrap();
    let files: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2, "the database and its log: {files:?}");
    for file in files {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_writers_wait_for_each_other() {
    let folder = TempDir::new().unwrap();
    // One fsync each: a slow disk may take its time.
    let config = Config { timeout: Duration::from_secs(60), ..config(&folder.path().join("hubbub.db")) };
    let db = Database::connect(&config).await.unwrap();
    let other_process = Database::connect(&config).await.unwrap();
    let writers: Vec<_> = (0..200)
        .map(|i| {
            let db = if i % 2 == 0 { db.clone() } else { other_process.clone() };
            tokio::spawn(async move {
                let user = new_user(i);
                let id = user.id;
                assert_eq!(db.create_user(user).await.unwrap(), CreateUser::Created);
                assert!(db.user(id).await.unwrap().is_some(), "a reader sees what was acknowledged");
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_named_in_one_line() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x".repeat(5000)).unwrap();
    for (path, expected) in [
        (folder.path().join("missing/hubbub.db"), "does not exist"),
        (file.join("hubbub.db"), "is not a folder"),
        (folder.path().to_owned(), "it is a folder, not a file"),
        ("/proc/hubbub.db".into(), "cannot be opened for writing"),
        (file.clone(), "file is not a database"),
    ] {
        let error = Database::connect(&config(&path)).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(&*path.to_string_lossy()), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[tokio::test]
async fn a_read_only_file_or_folder_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hubbub.db");
    Database::connect(&config(&path)).await.unwrap().close().await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    match Database::connect(&config(&path)).await {
        Err(e @ ConnectError::NotWritable { .. }) => assert!(e.to_string().contains("permission denied"), "{e}"),
        // Nothing is read-only to root.
        Ok(_) => assert!(fs::OpenOptions::new().write(true).open(&path).is_ok()),
        Err(e) => panic!("{e}"),
    }
}

#[tokio::test]
async fn a_wrong_url_says_what_would_be_right() {
    for (url, expected) in [
        ("", "no scheme"),
        ("hubbub.db", "no scheme"),
        ("mysql://root:secret@localhost/hubbub", "\"mysql\""),
        ("postgres:hubbub", "\"postgres\""),
        ("postgres://:secret@host:99999/x", "port"),
        ("sqlite:", "path of the SQLite file is missing"),
        ("sqlite://", "path of the SQLite file is missing"),
        ("sqlite::memory:", "memory"),
        ("sqlite:hubbub.db?mode=rwc", "no parameters"),
    ] {
        let error = Database::connect(&Config::new(url)).await.unwrap_err();
        assert!(matches!(error, ConnectError::BadUrl(_)), "{url}: {error}");
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains("expected sqlite:<path> or postgres://"), "{url}: {text}");
        assert!(!text.contains("secret"), "{text}");
    }
    let none = Config { max_connections: 0, ..Config::new("sqlite:x") };
    assert!(matches!(Database::connect(&none).await, Err(ConnectError::NoConnections)));
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder.path().join("hubbub.db"));
    Database::connect(&config).await.unwrap().close().await;
    let url = config.url.clone();
    let newer = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', 1, x'00', 0)",
    )
    .execute(&newer)
    .await
    .unwrap();
    let error = Database::connect(&config).await.unwrap_err();
    assert!(matches!(error, ConnectError::NewerSchema { version: 9999, .. }), "{error}");
    assert_eq!(error.to_string().lines().count(), 1, "one line: {error}");

    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 9999").execute(&newer).await.unwrap();
    newer.close().await;
    Database::connect(&config).await.unwrap().ping().await.unwrap();
}
