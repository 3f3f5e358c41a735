//! Mailed codes.

use hubbub_domain::storage::{EmailCode, EmailCodes};
use hubbub_domain::{EmailCodeId, UserId};
use hubbub_storage::Database;

use super::fixtures::{NOW, at, user};

fn code(user: UserId, tries_left: u32) -> EmailCode {
    let id = EmailCodeId::new();
    EmailCode { id, user, code_hash: [7; 32], expires_at: at(900), tries_left, created_at: NOW }
}

pub(crate) async fn a_code_lives_and_dies(db: Database) {
    let ada = user(&db, "ada").await.id;
    let bob = user(&db, "bob").await.id;
    assert_eq!(db.email_code(ada).await.unwrap(), None);

    let first = code(ada, 5);
    let of_bob = code(bob, 5);
    db.put_email_code(first.clone()).await.unwrap();
    db.put_email_code(of_bob.clone()).await.unwrap();
    assert_eq!(db.email_code(ada).await.unwrap(), Some(first.clone()));

    let second = EmailCode { code_hash: [8; 32], expires_at: at(1000), created_at: at(100), ..code(ada, 5) };
    db.put_email_code(second.clone()).await.unwrap();
    assert_eq!(db.email_code(ada).await.unwrap(), Some(second.clone()), "the new code replaces the old one");
    assert!(!db.take_email_code_try(first.id).await.unwrap(), "the old code has no tries");
    assert!(!db.delete_email_code(first.id).await.unwrap());

    assert!(db.take_email_code_try(second.id).await.unwrap());
    assert_eq!(db.email_code(ada).await.unwrap().unwrap().tries_left, 4);
    assert!(db.delete_email_code(second.id).await.unwrap());
    assert!(!db.delete_email_code(second.id).await.unwrap(), "a code serves once");
    assert_eq!(db.email_code(ada).await.unwrap(), None);
    assert_eq!(db.email_code(bob).await.unwrap(), Some(of_bob));
}

pub(crate) async fn tries_never_go_below_zero(db: Database) {
    let ada = user(&db, "ada").await.id;
    let code = code(ada, 5);
    db.put_email_code(code.clone()).await.unwrap();
    let guesses: Vec<_> = (0..20)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.take_email_code_try(code.id).await.unwrap() })
        })
        .collect();
    let mut granted = 0;
    for guess in guesses {
        granted += usize::from(guess.await.unwrap());
    }
    assert_eq!(granted, 5);
    assert_eq!(db.email_code(ada).await.unwrap().unwrap().tries_left, 0);
}
