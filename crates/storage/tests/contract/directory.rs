//! What admins see of accounts and do to them.

use hubbub_domain::storage::{Administration, CreateUsers};
use hubbub_domain::storage::{
    AuditFilter, AuditLog, ChangeUser, Directory, MarkVerified, NO_PASSWORD, NewUser, Session, Sessions, UserChange,
    UserCursor, UserFilter, UserState, Users,
};
use hubbub_domain::user::DisplayName;
use hubbub_domain::{Actor, AuditAction, AuditEntry, AuditUser, ProfilePatch, Role, SessionId, User, UserId};
use hubbub_storage::Database;

use super::fixtures::{NOW, at, email, new_user, room, user};

fn entry(action: AuditAction, target: &User) -> AuditEntry {
    AuditEntry::new(Actor::Operator, action, NOW).on(AuditUser::from(target))
}

async fn verify(db: &Database, user: &User) -> MarkVerified {
    let hash = format!("$argon2id$of-{}", user.username);
    db.mark_email_verified(user.id, &hash, Some(entry(AuditAction::AdminGranted, user))).await.unwrap()
}

async fn change(db: &Database, user: &User, change: UserChange) -> ChangeUser {
    db.change_user(user.id, change, entry(AuditAction::UserVerified, user)).await.unwrap()
}

async fn written(db: &Database) -> usize {
    db.audit(&AuditFilter::default(), None, 100).await.unwrap().len()
}

fn session(user: &User, expires_in: i64) -> Session {
    Session {
        id: SessionId::new(),
        user: user.id,
        token_hash: [1; 32],
        previous: None,
        created_at: at(5),
        expires_at: at(expires_in),
        revoked_at: None,
        user_agent: String::new(),
    }
}

pub(crate) async fn the_first_proved_account_is_the_admin(db: Database) {
    let program = NewUser { password_hash: NO_PASSWORD.to_owned(), ..new_user("program") };
    assert_eq!(db.create_verified_users(&[program]).await.unwrap(), CreateUsers::Created);
    let (stranger, ada, bob) = (user(&db, "stranger").await, user(&db, "ada").await, user(&db, "bob").await);
    let wrong = db.mark_email_verified(stranger.id, "another", Some(entry(AuditAction::AdminGranted, &stranger)));
    assert_eq!(wrong.await.unwrap(), MarkVerified::Replaced);
    assert_eq!((db.user(stranger.id).await.unwrap().unwrap().role, written(&db).await), (Role::Member, 0));

    assert_eq!(verify(&db, &ada).await, MarkVerified::Verified { became_admin: true });
    assert_eq!(verify(&db, &bob).await, MarkVerified::Verified { became_admin: false });
    assert_eq!(db.user(ada.id).await.unwrap().unwrap().role, Role::Admin);
    assert_eq!(db.user(bob.id).await.unwrap().unwrap().role, Role::Member);
    assert_eq!(written(&db).await, 1, "it is written down once");
}

pub(crate) async fn one_of_many_that_are_proved_at_once_is_the_admin(db: Database) {
    let mut tasks = Vec::new();
    for n in 0..12 {
        let (db, user) = (db.clone(), user(&db, &format!("user{n}")).await);
        tasks.push(tokio::spawn(async move { verify(&db, &user).await }));
    }
    let mut admins = 0;
    for task in tasks {
        admins += usize::from(task.await.unwrap() == MarkVerified::Verified { became_admin: true });
    }
    assert_eq!((admins, written(&db).await), (1, 1));
}

pub(crate) async fn somebody_is_always_left_who_is_an_admin(db: Database) {
    let (ada, bob, eve) = (user(&db, "ada").await, user(&db, "bob").await, user(&db, "eve").await);
    verify(&db, &ada).await;
    verify(&db, &bob).await;
    let grant = UserChange::SetRole(Role::Admin);
    assert_eq!(change(&db, &eve, grant).await, ChangeUser::Unverified);
    for refused in [UserChange::Block, UserChange::SetRole(Role::Member)] {
        assert_eq!(change(&db, &ada, refused).await, ChangeUser::LastAdmin, "{refused:?}");
    }
    assert_eq!(written(&db).await, 1, "what is refused is not written down");

    assert!(matches!(change(&db, &bob, grant).await, ChangeUser::Changed(user) if user.role == Role::Admin));
    assert!(matches!(change(&db, &bob, grant).await, ChangeUser::Unchanged(_)));
    // Both take the other's role at the same time: one of them does.
    let mut tasks = Vec::new();
    for target in [&ada, &bob] {
        let (db, target) = (db.clone(), target.clone());
        tasks.push(tokio::spawn(async move { change(&db, &target, UserChange::SetRole(Role::Member)).await }));
    }
    let mut kept = 0;
    for task in tasks {
        kept += usize::from(task.await.unwrap() == ChangeUser::LastAdmin);
    }
    assert_eq!(kept, 1);

    let admins = UserFilter { state: Some(UserState::Admin), ..UserFilter::default() };
    assert_eq!(db.list_users(&admins, None, 10, NOW).await.unwrap().len(), 1);
    let nobody = db.change_user(UserId::new(), UserChange::Verify, entry(AuditAction::UserVerified, &ada)).await;
    assert_eq!(nobody.unwrap(), ChangeUser::NotFound);
}

pub(crate) async fn the_blocked_are_logged_out_and_stay_so(db: Database) {
    let (ada, bob) = (user(&db, "ada").await, user(&db, "bob").await);
    let (before, expired, others) = (session(&bob, 1_000), session(&bob, -1), session(&ada, 1_000));
    for session in [&before, &expired, &others] {
        db.create_session(session.clone()).await.unwrap();
    }
    let listed = db.listed_user(bob.id, NOW).await.unwrap().unwrap();
    assert_eq!((listed.sessions, listed.last_login_at, listed.rooms), (1, Some(at(5)), 0));

    assert!(
        matches!(change(&db, &bob, UserChange::Block).await, ChangeUser::Changed(user) if user.blocked_at == Some(NOW))
    );
    assert_eq!(db.session(before.id).await.unwrap().unwrap().revoked_at, Some(NOW));
    assert_eq!(db.session(others.id).await.unwrap().unwrap().revoked_at, None);
    // A login that was under way when the account was blocked.
    let late = session(&bob, 1_000);
    db.create_session(late.clone()).await.unwrap();
    assert_eq!(db.session(late.id).await.unwrap().unwrap().revoked_at, Some(NOW));
    assert_eq!(db.listed_user(bob.id, NOW).await.unwrap().unwrap().sessions, 0);

    assert!(
        matches!(change(&db, &bob, UserChange::Unblock).await, ChangeUser::Changed(user) if user.blocked_at.is_none())
    );
    assert_eq!(db.session(before.id).await.unwrap().unwrap().revoked_at, Some(NOW), "a login that ended stays so");

    let fresh = session(&bob, 1_000);
    db.create_session(fresh.clone()).await.unwrap();
    assert!(matches!(change(&db, &bob, UserChange::EndSessions).await, ChangeUser::Changed(_)));
    assert!(matches!(change(&db, &bob, UserChange::EndSessions).await, ChangeUser::Changed(_)));
    assert_eq!(db.session(fresh.id).await.unwrap().unwrap().revoked_at, Some(NOW));
    assert_eq!(db.user(bob.id).await.unwrap().unwrap().blocked_at, None);
    assert_eq!(db.listed_user(UserId::new(), NOW).await.unwrap(), None);
}

pub(crate) async fn everybody_is_found_page_by_page(db: Database) {
    let mut everybody = Vec::new();
    for n in 0..7 {
        everybody.push(user(&db, &format!("user{n}")).await);
    }
    let zoe = everybody[3].clone();
    let name =
        ProfilePatch { display_name: Some(DisplayName::parse("Zoë Ångström").unwrap()), ..ProfilePatch::default() };
    db.update_profile(zoe.id, name).await.unwrap();
    room(&db, &zoe, "Tea", "", NOW).await;
    change(&db, &zoe, UserChange::Verify).await;
    change(&db, &everybody[5], UserChange::Block).await;

    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = db.list_users(&UserFilter::default(), after, 3, NOW).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(UserCursor { created_at: last.user.created_at, id: last.user.id });
        seen.extend(page.into_iter().map(|listed| listed.user.id));
    }
    let expected: Vec<UserId> = everybody.iter().rev().map(|user| user.id).collect();
    assert_eq!(seen, expected, "newest first, without gaps");

    let ids = |filter: UserFilter| {
        let db = db.clone();
        async move {
            let found = db.list_users(&filter, None, 100, NOW).await.unwrap();
            found.into_iter().map(|listed| listed.user.id).collect::<Vec<_>>()
        }
    };
    for (words, expected) in [
        ("zoe", vec![zoe.id]),
        ("ANGSTROM user3", vec![zoe.id]),
        (email("user2").as_str(), vec![everybody[2].id]),
        ("user_", vec![]),
        ("%", vec![]),
        ("user3 user4", vec![]),
    ] {
        assert_eq!(ids(UserFilter { search: Some(words.to_owned()), state: None }).await, expected, "{words}");
    }
    let state = |state| UserFilter { search: None, state: Some(state) };
    assert_eq!(ids(state(UserState::Blocked)).await, [everybody[5].id]);
    assert_eq!(ids(state(UserState::Unverified)).await.len(), 6);
    assert_eq!(ids(state(UserState::Admin)).await, []);
    assert_eq!(db.listed_user(zoe.id, NOW).await.unwrap().unwrap().rooms, 1);
}
