//! What admins do to accounts, and who the first admin is.

use hubbub_domain::storage::{
    AuditFilter, AuditLog as _, ChangeUser, Directory as _, UserChange, UserFilter, Users as _,
};
use hubbub_domain::user::Role;
use hubbub_domain::{Actor, AuditAction, DomainEvent, LoginsEnd};

use crate::testing::{self, PASSWORD};
use crate::{LoginError, RefreshError, SessionError};

#[tokio::test]
async fn the_first_whose_address_is_proved_is_the_admin_and_registering_gets_nobody_there() {
    let harness = testing::auth();
    harness.register("stranger").await;
    let ada = harness.verified_user("ada").await;
    assert_eq!(ada.role, Role::Admin);
    let email = hubbub_domain::user::Email::parse("stranger@example.org").unwrap();
    let code = harness.last_code("stranger@example.org").await;
    harness.auth.verify_email(&email, &code, None).await.unwrap();
    let (stranger, _) = harness.storage.user_by_email(&email).await.unwrap().unwrap();
    assert_eq!(stranger.role, Role::Member, "who registered first and proved nothing is nobody");
    let written = harness.storage.audit(&AuditFilter::default(), None, 10).await.unwrap();
    assert_eq!(written.len(), 1);
    assert_eq!((&written[0].actor, written[0].action), (&Actor::Server, AuditAction::AdminGranted));
}

#[tokio::test]
async fn nobody_is_the_first_admin_where_the_operator_wants_none() {
    let config = crate::Config { first_user_is_admin: false, ..testing::config() };
    let harness = testing::auth_with(config);
    assert_eq!(harness.verified_user("ada").await.role, Role::Member);
    let all = harness.storage.list_users(&UserFilter::default(), None, 10, harness.now()).await.unwrap();
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn s5_the_blocked_are_out_at_once_and_told_why_when_they_prove_who_they_are() {
    let harness = testing::auth();
    harness.verified_user("ada").await;
    let bob = harness.logged_in("bob").await;
    let (access, refresh) = (bob.tokens.access.expose(), bob.tokens.refresh.expose());
    let ticket = harness.auth.issue_ws_ticket(&harness.auth.authenticate(access).unwrap());

    let done = harness.auth.change_user(Actor::Operator, &bob.user, UserChange::Block).await.unwrap();
    assert!(matches!(done, ChangeUser::Changed(_)));
    let event = DomainEvent::LoginsEnded { user: bob.user.id, why: LoginsEnd::Blocked };
    assert_eq!(harness.events.all(), [event]);
    assert!(matches!(harness.auth.authenticate_live(access).await, Err(SessionError::Invalid)));
    assert!(matches!(harness.auth.redeem_ws_ticket(ticket.ticket.expose()).await, Err(SessionError::Invalid)));
    assert!(matches!(harness.auth.refresh(refresh).await, Err(RefreshError::Blocked)));
    let login = |password: &'static str| harness.auth.login(&bob.user.email, password, "test");
    assert!(matches!(login(PASSWORD).await, Err(LoginError::Blocked)));
    assert!(matches!(login("wrong").await, Err(LoginError::InvalidCredentials)), "only who has the password is told");

    harness.auth.change_user(Actor::Operator, &bob.user, UserChange::Unblock).await.unwrap();
    assert!(matches!(harness.auth.refresh(refresh).await, Err(RefreshError::Invalid)), "old logins stay ended");
    login(PASSWORD).await.unwrap();
    let actions: Vec<AuditAction> =
        harness.storage.audit(&AuditFilter::default(), None, 10).await.unwrap().iter().map(|e| e.action).collect();
    assert!(
        actions.contains(&AuditAction::UserBlocked) && actions.contains(&AuditAction::UserUnblocked),
        "{actions:?}"
    );
}

#[tokio::test]
async fn what_changes_nothing_is_told_to_nobody() {
    let harness = testing::auth();
    let ada = harness.verified_user("ada").await;
    let before = harness.storage.audit(&AuditFilter::default(), None, 10).await.unwrap().len();
    for (change, expected) in [
        (UserChange::Verify, ChangeUser::Unchanged(Box::new(ada.clone()))),
        (UserChange::Unblock, ChangeUser::Unchanged(Box::new(ada.clone()))),
        (UserChange::Block, ChangeUser::LastAdmin),
        (UserChange::SetRole(Role::Member), ChangeUser::LastAdmin),
    ] {
        assert_eq!(harness.auth.change_user(Actor::Operator, &ada, change).await.unwrap(), expected, "{change:?}");
    }
    assert_eq!(harness.events.all(), []);
    assert_eq!(harness.storage.audit(&AuditFilter::default(), None, 10).await.unwrap().len(), before);
}
