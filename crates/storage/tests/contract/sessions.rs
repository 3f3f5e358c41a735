//! Logins.

use hubbub_domain::storage::{Session, Sessions};
use hubbub_domain::{SessionId, UserId};
use hubbub_storage::Database;

use super::fixtures::{NOW, at, user};

fn login(user: UserId) -> Session {
    Session {
        id: SessionId::new(),
        user,
        token_hash: [1; 32],
        previous: None,
        created_at: NOW,
        expires_at: at(3600),
        revoked_at: None,
        user_agent: "Firefox — Ubuntu".to_owned(),
    }
}

pub(crate) async fn a_login_from_beginning_to_end(db: Database) {
    let ada = user(&db, "ada").await.id;
    let session = login(ada);
    assert_eq!(db.session(session.id).await.unwrap(), None);
    db.create_session(session.clone()).await.unwrap();
    assert_eq!(db.session(session.id).await.unwrap(), Some(session.clone()));

    assert!(!db.rotate_session(session.id, [9; 32], [2; 32], at(1)).await.unwrap(), "an unknown token");
    assert!(!db.rotate_session(SessionId::new(), [1; 32], [2; 32], at(1)).await.unwrap(), "an unknown login");
    assert!(db.rotate_session(session.id, [1; 32], [2; 32], at(2)).await.unwrap());
    let rotated = db.session(session.id).await.unwrap().unwrap();
    assert_eq!((rotated.token_hash, rotated.previous), ([2; 32], Some(([1; 32], at(2)))));
    assert_eq!(rotated.expires_at, session.expires_at, "rotation does not move the end");
    assert!(!db.rotate_session(session.id, [1; 32], [3; 32], at(3)).await.unwrap(), "the old token");

    db.revoke_session(session.id, at(4)).await.unwrap();
    db.revoke_session(session.id, at(5)).await.unwrap();
    db.revoke_session(SessionId::new(), at(5)).await.unwrap();
    let revoked = db.session(session.id).await.unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(at(4)), "it ended once");
    assert!(!db.rotate_session(session.id, [2; 32], [3; 32], at(6)).await.unwrap(), "an ended login");

    let stored_whole = Session { previous: Some(([4; 32], at(7))), revoked_at: Some(at(8)), ..login(ada) };
    db.create_session(stored_whole.clone()).await.unwrap();
    assert_eq!(db.session(stored_whole.id).await.unwrap(), Some(stored_whole.clone()));

    let later = Session { expires_at: at(7200), ..login(ada) };
    db.create_session(later.clone()).await.unwrap();
    assert_eq!(db.delete_expired_sessions(at(3600)).await.unwrap(), 0, "not before its end");
    assert_eq!(db.delete_expired_sessions(at(3601)).await.unwrap(), 2);
    assert_eq!(db.session(session.id).await.unwrap(), None);
    assert_eq!(db.session(later.id).await.unwrap(), Some(later));
}

pub(crate) async fn one_of_two_rotations_wins(db: Database) {
    let session = login(user(&db, "ada").await.id);
    db.create_session(session.clone()).await.unwrap();
    for round in 0..10_u8 {
        let old =
            if round == 0 { session.token_hash } else { db.session(session.id).await.unwrap().unwrap().token_hash };
        let rotate = |tab: u8| {
            let db = db.clone();
            let new = [100 + 2 * round + tab; 32];
            tokio::spawn(async move { db.rotate_session(session.id, old, new, at(i64::from(round))).await.unwrap() })
        };
        let (one, two) = (rotate(0), rotate(1));
        let (one, two) = (one.await.unwrap(), two.await.unwrap());
        assert!(one ^ two, "round {round}: {one} and {two}");
        let winner = [100 + 2 * round + u8::from(two); 32];
        let stored = db.session(session.id).await.unwrap().unwrap();
        assert_eq!((stored.token_hash, stored.previous), (winner, Some((old, at(i64::from(round))))));
    }
}
