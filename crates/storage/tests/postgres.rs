//! What is particular to Postgres: a server that is away, refuses, or goes away and comes back.

#[path = "support/postgres.rs"]
mod server;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use hubbub_domain::storage::{Health, MarkVerified, NewUser, StorageError, Users};
use hubbub_domain::user::{Email, Username};
use hubbub_domain::{Timestamp, UserId};
use hubbub_storage::{Config, ConnectError, Database};
use server::Postgres;

fn quick(url: impl Into<String>) -> Config {
    Config { timeout: Duration::from_secs(1), ..Config::new(url) }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_within_the_timeout() {
    // One port where nobody listens, and one where nobody speaks.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mute = silent.local_addr().unwrap();
    for (address, expected) in [(free, "refused"), (mute, "no answer within 1s")] {
        let begin = Instant::now();
        let url = format!("postgres://hubbub:secret@{address}/talk");
        let error = Database::connect(&quick(url)).await.unwrap_err();
        assert!(begin.elapsed() < Duration::from_secs(5));
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains(&format!("{address}/talk")), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    let no_such_host = Database::connect(&quick("postgres://hubbub@no-such-host.invalid/talk")).await.unwrap_err();
    assert!(matches!(no_such_host, ConnectError::Unreachable { .. }), "{no_such_host}");
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_fail_as_unavailable_while_the_server_is_away_and_work_again_after() {
    let mut server = Postgres::start_own();
    let missing = Database::connect(&quick(server.url("no_such_database"))).await.unwrap_err();
    assert!(matches!(missing, ConnectError::Refused { .. }), "{missing}");
    assert!(missing.to_string().contains("no_such_database"), "{missing}");

    let url = server.create_database();
    let db = Database::connect(&quick(&url)).await.unwrap();
    let user = NewUser {
        id: UserId::new(),
        email: Email::parse("ada@example.org").unwrap(),
        username: Username::parse("ada").unwrap(),
        password_hash: String::new(),
        created_at: Timestamp(0),
    };
    let (id, hash) = (user.id, user.password_hash.clone());
    db.create_user(user).await.unwrap();
    // Several open connections, all of which will be broken.
    let many = (0..20).map(|_| {
        tokio::spawn({
            let db = db.clone();
            async move { db.ping().await }
        })
    });
    for ping in many.collect::<Vec<_>>() {
        ping.await.unwrap().unwrap();
    }

    server.stop();
    for _ in 0..3 {
        let begin = Instant::now();
        let error = db.user(id).await.unwrap_err();
        assert!(matches!(error, StorageError::Unavailable(_)), "{error}");
        assert!(matches!(db.mark_email_verified(id, &hash, None).await, Err(StorageError::Unavailable(_))));
        assert!(begin.elapsed() < Duration::from_secs(6), "took {:?}", begin.elapsed());
    }

    server.resume();
    db.ping().await.unwrap();
    assert_eq!(db.mark_email_verified(id, &hash, None).await.unwrap(), MarkVerified::Verified { became_admin: false });
    assert!(db.user(id).await.unwrap().unwrap().email_verified, "what was acknowledged is there");

    server.sql(
        &url,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, '', 0)",
    );
    let error = Database::connect(&quick(&url)).await.unwrap_err();
    assert!(matches!(error, ConnectError::NewerSchema { version: 9999, .. }), "{error}");
}
