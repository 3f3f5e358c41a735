//! What the operator does.

use hubbub_domain::storage::{Administration, CreateUsers, NO_PASSWORD, NewUser, Rooms, Session, Sessions, Users};
use hubbub_domain::user::Username;
use hubbub_domain::{SessionId, UserId};
use hubbub_storage::Database;

use super::fixtures::{NOW, at, email, new_user, room, user};

fn without_password(name: &str) -> NewUser {
    NewUser { password_hash: NO_PASSWORD.to_owned(), ..new_user(name) }
}

pub(crate) async fn many_users_come_and_go_together(db: Database) {
    let person = user(&db, "load-person").await;
    let many: Vec<NewUser> = (1..=40).map(|n| without_password(&format!("load-{n:02}"))).collect();
    assert_eq!(db.create_verified_users(&many).await.unwrap(), CreateUsers::Created);
    let (found, hash) = db.user_by_email(&email("load-07")).await.unwrap().unwrap();
    assert!(found.email_verified && hash == NO_PASSWORD);
    assert_eq!(db.user_by_username(&found.username).await.unwrap(), Some(found.clone()));
    for other in ["LOAD-07", "load-7", "load-0"] {
        assert_eq!(db.user_by_username(&Username::parse(other).unwrap()).await.unwrap(), None, "{other}");
    }

    let taken_name = [without_password("bob"), NewUser { email: email("x"), ..without_password("LOAD-01") }];
    let refused = db.create_verified_users(&taken_name).await.unwrap();
    assert_eq!(refused, CreateUsers::UsernameTaken(Username::parse("LOAD-01").unwrap()));
    let taken_email = [without_password("bob"), NewUser { email: email("load-01"), ..without_password("x-y") }];
    assert_eq!(db.create_verified_users(&taken_email).await.unwrap(), CreateUsers::EmailTaken(email("load-01")));
    assert_eq!(db.user_by_email(&email("bob")).await.unwrap(), None, "all or none");
    assert_eq!(db.create_verified_users(&[]).await.unwrap(), CreateUsers::Created);

    let listed = db.users_without_password("load-").await.unwrap();
    assert_eq!(listed.iter().map(|u| u.id).collect::<Vec<_>>(), many.iter().map(|u| u.id).collect::<Vec<_>>());
    assert_eq!(db.users_without_password("load-4").await.unwrap().len(), 1);
    for pattern in ["%", "load_", "Load-", "*"] {
        assert_eq!(db.users_without_password(pattern).await.unwrap(), [], "{pattern}");
    }
    assert_eq!(db.users_without_password("").await.unwrap().len(), 40, "people with a password are never among them");

    let owned = room(&db, &found, "Load", "", NOW).await;
    let session = Session {
        id: SessionId::new(),
        user: found.id,
        token_hash: [1; 32],
        previous: None,
        created_at: NOW,
        expires_at: at(60),
        revoked_at: None,
        user_agent: String::new(),
    };
    let second = Session { id: SessionId::new(), ..session.clone() };
    db.create_sessions(&[session.clone(), second.clone()]).await.unwrap();
    assert_eq!(db.session(second.id).await.unwrap(), Some(second.clone()));
    let nobodys = Session { id: SessionId::new(), user: UserId::new(), ..session.clone() };
    let third = Session { id: SessionId::new(), ..session.clone() };
    assert!(db.create_sessions(&[third.clone(), nobodys]).await.is_err());
    assert_eq!(db.session(third.id).await.unwrap(), None, "all or none");

    let ids: Vec<UserId> = listed.iter().map(|u| u.id).chain([UserId::new()]).collect();
    assert_eq!(db.delete_users(&ids).await.unwrap(), 40);
    assert_eq!(db.users_without_password("").await.unwrap(), []);
    assert_eq!(db.session(session.id).await.unwrap(), None);
    assert_eq!(db.room(owned.id, person.id).await.unwrap(), None);
    assert_eq!(db.user(person.id).await.unwrap(), Some(person));
}
