use std::time::Duration;

use super::email;
use crate::testing::{self, PASSWORD};
use crate::{Config, LoginError, PasswordConfig};

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_the_same() {
    let h = testing::auth();
    h.verified_user("ada").await;
    h.register("pending").await;
    let mut seen = Vec::new();
    for address in ["ada@example.org", "pending@example.org", "nobody@example.org"] {
        let (hashes, calls) = (h.auth.metrics().passwords.count, h.storage.calls());
        let error = h.auth.login(&email(address), "not the password", "").await.unwrap_err();
        assert!(matches!(error, LoginError::InvalidCredentials), "{address}: {error:?}");
        let (hashed, after) = (h.auth.metrics().passwords.count, h.storage.calls());
        seen.push((error.to_string(), hashed - hashes, after.0 - calls.0, after.1 - calls.1));
    }
    assert_eq!(seen[0].1, 1, "a hash each, which is what an answer's time is made of");
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
}

#[tokio::test]
async fn an_unproved_address_is_told_only_to_who_has_the_password() {
    let h = testing::auth();
    h.register("ada").await;
    let ada = email("ada@example.org");
    assert!(matches!(h.auth.login(&ada, "not the password", "").await, Err(LoginError::InvalidCredentials)));
    assert!(matches!(h.auth.login(&ada, PASSWORD, "").await, Err(LoginError::EmailNotVerified)));
}

#[tokio::test]
async fn a_login_has_its_lifetimes_and_remembers_the_client() {
    let h = testing::auth();
    let user = h.verified_user("ada").await;
    let agent = format!("Mozilla/5.0\r\nX-Evil: 1 {}", "é".repeat(500));
    let logged_in = h.auth.login(&user.email, PASSWORD, &agent).await.unwrap();
    assert_eq!(logged_in.user, user);
    assert_eq!(logged_in.tokens.access_expires_in, Duration::from_secs(15 * 60));
    assert_eq!(logged_in.tokens.refresh_expires_in, Duration::from_secs(30 * 24 * 60 * 60));

    let identity = h.auth.authenticate(logged_in.tokens.access.expose()).unwrap();
    assert_eq!(identity.user, user.id);
    let session = h.storage.stored_session(identity.session).unwrap();
    assert_eq!(session.user_agent.chars().count(), 200);
    assert!(session.user_agent.starts_with("Mozilla/5.0X-Evil"), "{}", session.user_agent);
    let refresh = logged_in.tokens.refresh.expose();
    assert!(!format!("{session:?}").contains(refresh), "only a hash of it is stored");
}

#[tokio::test]
async fn too_many_logins_at_once_are_busy_and_the_others_succeed() {
    let password = PasswordConfig { memory_kib: 4096, workers: 1, queue: 3, ..PasswordConfig::default() };
    let h = testing::auth_with(Config { password, ..testing::config() });
    let user = h.verified_user("ada").await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (auth, email) = (h.auth.clone(), user.email.clone());
            tokio::spawn(async move { auth.login(&email, PASSWORD, "").await })
        })
        .collect();
    let (mut ok, mut busy) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => ok += 1,
            Err(LoginError::Busy) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(ok >= 4, "one worker and three places: {ok} succeeded");
    assert!(busy >= 1 && ok + busy == 20, "{ok} succeeded, {busy} were told to come back");
    h.auth.login(&user.email, PASSWORD, "").await.expect("afterwards there is room again");
}

#[tokio::test]
async fn a_password_of_any_length_is_only_wrong() {
    let h = testing::auth();
    h.verified_user("ada").await;
    for password in ["", "\0", &"x".repeat(1_000_000)] {
        let result = h.auth.login(&email("ada@example.org"), password, "").await;
        assert!(matches!(result, Err(LoginError::InvalidCredentials)));
    }
    let prefix_right = format!("{PASSWORD}{}", "x".repeat(200));
    assert!(h.auth.login(&email("ada@example.org"), &prefix_right, "").await.is_err());
}
