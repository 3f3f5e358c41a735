use std::time::Duration;

use hubbub_domain::DomainEvent;

use crate::testing;
use crate::{RefreshError, SessionError, TokenError};

#[tokio::test]
async fn refreshing_rotates_the_token_and_keeps_the_login() {
    let h = testing::auth();
    let first = h.logged_in("ada").await;
    h.clock.advance(Duration::from_secs(20 * 60));
    assert_eq!(h.auth.authenticate(first.tokens.access.expose()), Err(TokenError::Expired));

    let second = h.auth.refresh(first.tokens.refresh.expose()).await.unwrap();
    assert_eq!(second.user, first.user);
    assert_ne!(second.tokens.refresh, first.tokens.refresh);
    let identity = h.auth.authenticate(second.tokens.access.expose()).unwrap();
    assert!(h.auth.session_active(identity.session).await.unwrap());
    let third = h.auth.refresh(second.tokens.refresh.expose()).await.unwrap();
    assert_eq!(h.auth.authenticate(third.tokens.access.expose()).unwrap().session, identity.session);
}

#[tokio::test]
async fn a_rotated_token_that_comes_back_ends_the_login() {
    let h = testing::auth();
    let stolen = h.logged_in("ada").await.tokens.refresh;
    let newest = h.auth.refresh(stolen.expose()).await.unwrap();
    let session = h.auth.authenticate(newest.tokens.access.expose()).unwrap().session;
    h.clock.advance(Duration::from_secs(10) + Duration::from_micros(1));

    assert!(matches!(h.auth.refresh(stolen.expose()).await, Err(RefreshError::Replayed)));
    assert!(!h.auth.session_active(session).await.unwrap());
    assert_eq!(h.events.all(), [DomainEvent::SessionEnded(session)]);
    assert!(matches!(h.auth.refresh(newest.tokens.refresh.expose()).await, Err(RefreshError::Invalid)));
    assert!(matches!(h.auth.authenticate_live(newest.tokens.access.expose()).await, Err(SessionError::Invalid)));
}

#[tokio::test]
async fn a_token_two_rotations_old_ends_the_login_even_within_the_grace() {
    let h = testing::auth();
    let oldest = h.logged_in("ada").await.tokens.refresh;
    let second = h.auth.refresh(oldest.expose()).await.unwrap().tokens.refresh;
    h.auth.refresh(second.expose()).await.unwrap();
    assert!(matches!(h.auth.refresh(oldest.expose()).await, Err(RefreshError::Replayed)));
}

#[tokio::test]
async fn only_the_family_of_the_replayed_token_ends() {
    let h = testing::auth();
    let phone = h.logged_in("ada").await;
    let laptop = h.auth.login(&phone.user.email, testing::PASSWORD, "").await.unwrap();
    h.auth.refresh(phone.tokens.refresh.expose()).await.unwrap();
    h.clock.advance(Duration::from_secs(60));
    assert!(matches!(h.auth.refresh(phone.tokens.refresh.expose()).await, Err(RefreshError::Replayed)));
    h.auth.refresh(laptop.tokens.refresh.expose()).await.unwrap();
}

#[tokio::test]
async fn two_tabs_that_refresh_within_ten_seconds_both_go_on() {
    let h = testing::auth();
    let old = h.logged_in("ada").await.tokens.refresh;
    let first_tab = h.auth.refresh(old.expose()).await.unwrap();
    h.clock.advance(Duration::from_secs(10));
    let second_tab = h.auth.refresh(old.expose()).await.unwrap();
    assert_eq!(first_tab.tokens.refresh, second_tab.tokens.refresh, "both hold the token that works");
    assert!(h.auth.authenticate(second_tab.tokens.access.expose()).is_ok());
    assert!(h.events.all().is_empty());
    h.auth.refresh(second_tab.tokens.refresh.expose()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_tabs_at_the_same_moment_all_go_on() {
    let h = testing::auth();
    let old = h.logged_in("ada").await.tokens.refresh;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (auth, old) = (h.auth.clone(), old.clone());
            tokio::spawn(async move { auth.refresh(old.expose()).await.unwrap().tokens.refresh })
        })
        .collect();
    let mut next = Vec::new();
    for task in tasks {
        next.push(task.await.unwrap());
    }
    assert!(next.iter().all(|token| *token == next[0]));
    h.auth.refresh(next[0].expose()).await.unwrap();
}

#[tokio::test]
async fn a_login_ends_after_thirty_days_however_often_it_is_refreshed() {
    let h = testing::auth();
    let mut tokens = h.logged_in("ada").await.tokens;
    for day in 1..30 {
        h.clock.advance(Duration::from_secs(24 * 60 * 60));
        tokens = h.auth.refresh(tokens.refresh.expose()).await.unwrap().tokens;
        assert_eq!(tokens.refresh_expires_in, Duration::from_secs((30 - day) * 24 * 60 * 60));
    }
    h.clock.advance(Duration::from_secs(24 * 60 * 60 - 60));
    tokens = h.auth.refresh(tokens.refresh.expose()).await.unwrap().tokens;
    assert_eq!(tokens.access_expires_in, Duration::from_secs(60), "an access token does not outlive its login");
    let session = h.auth.authenticate(tokens.access.expose()).unwrap().session;
    h.clock.advance(Duration::from_secs(60));
    assert!(matches!(h.auth.refresh(tokens.refresh.expose()).await, Err(RefreshError::Expired)));
    assert!(!h.auth.session_active(session).await.unwrap());
}

#[tokio::test]
async fn noise_made_from_a_known_session_id_does_not_end_the_login() {
    let h = testing::auth();
    let login = h.logged_in("ada").await;
    let session = h.auth.authenticate(login.tokens.access.expose()).unwrap().session;
    let foreign = crate::keys::Keys::derive(&crate::ServerSecret::generate().unwrap());
    let forged = crate::refresh_token::RefreshToken::generate(&foreign, session).reveal();
    for noise in ["", "a", "not a token", login.tokens.access.expose(), forged.expose()] {
        assert!(matches!(h.auth.refresh(noise).await, Err(RefreshError::Invalid)), "{noise:?}");
    }
    assert!(h.auth.session_active(session).await.unwrap());
    h.auth.refresh(login.tokens.refresh.expose()).await.unwrap();
}

#[tokio::test]
async fn logout_ends_the_login_by_either_token_and_is_harmless_twice() {
    let h = testing::auth();
    let user = h.verified_user("ada").await;
    for by_access in [true, false] {
        let tokens = h.auth.login(&user.email, testing::PASSWORD, "").await.unwrap().tokens;
        let session = h.auth.authenticate(tokens.access.expose()).unwrap().session;
        // The access token may have run out while the page was closed.
        h.clock.advance(Duration::from_secs(60 * 60));
        let events = h.events.all().len();
        for _ in 0..2 {
            let access = by_access.then(|| tokens.access.expose());
            let refresh = (!by_access).then(|| tokens.refresh.expose());
            h.auth.logout(access, refresh).await.unwrap();
        }
        assert!(!h.auth.session_active(session).await.unwrap());
        assert_eq!(h.events.all()[events..], [DomainEvent::SessionEnded(session)], "told once");
        assert!(matches!(h.auth.refresh(tokens.refresh.expose()).await, Err(RefreshError::Invalid)));
    }
    h.auth.logout(None, None).await.unwrap();
    h.auth.logout(Some("noise"), Some("noise")).await.unwrap();
}

#[tokio::test]
async fn logout_with_tokens_of_two_logins_ends_both() {
    let h = testing::auth();
    let first = h.logged_in("ada").await.tokens;
    let second = h.logged_in("bob").await.tokens;
    h.auth.logout(Some(first.access.expose()), Some(second.refresh.expose())).await.unwrap();
    assert_eq!(h.events.all().len(), 2);
}
