use std::time::Duration;

use hubbub_domain::storage::{Administration as _, Users as _};
use hubbub_domain::user::Username;

use super::email;
use crate::testing::{self, PASSWORD};
use crate::{CreateError, LoginError, MintError, SessionError, VerifiedUser};

fn vouched(name: &str, password: Option<&str>) -> VerifiedUser {
    VerifiedUser {
        email: email(&format!("{name}@example.org")),
        username: Username::parse(name).unwrap(),
        password: password.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_user_with_a_password_logs_in_without_any_mail() {
    let h = testing::auth();
    let ids = h.auth.create_verified(vec![vouched("ada", Some(PASSWORD))]).await.unwrap();
    let logged_in = h.auth.login(&email("ada@example.org"), PASSWORD, "").await.unwrap();
    assert_eq!(logged_in.user.id, ids[0]);
    assert!(h.mails().await.is_empty());
}

#[tokio::test]
async fn no_password_is_right_for_a_user_without_one_and_that_does_not_show() {
    let h = testing::auth();
    h.auth.create_verified(vec![vouched("load-1", None)]).await.unwrap();
    let mut seen = Vec::new();
    for address in ["load-1@example.org", "nobody@example.org"] {
        for password in ["", "!", PASSWORD] {
            let calls = h.storage.calls();
            let error = h.auth.login(&email(address), password, "").await.unwrap_err();
            assert!(matches!(error, LoginError::InvalidCredentials), "{error:?}");
            let after = h.storage.calls();
            seen.push((error.to_string(), after.0 - calls.0, after.1 - calls.1));
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
}

#[tokio::test]
async fn all_are_made_or_none() {
    let h = testing::auth();
    h.verified_user("load-0503").await;
    let many: Vec<_> = (1..=505).map(|n| vouched(&format!("load-{n:04}"), None)).collect();
    let error = h.auth.create_verified(many).await.unwrap_err();
    assert!(
        matches!(error, CreateError::EmailTaken(ref taken) if taken.as_str() == "load-0503@example.org"),
        "{error}"
    );
    assert_eq!(h.storage.users_without_password("load-").await.unwrap(), [], "the first batch was taken back");

    let look_alike = VerifiedUser { email: email("other@example.org"), ..vouched("LOAD-0503", None) };
    let error = h.auth.create_verified(vec![vouched("bob", None), look_alike]).await.unwrap_err();
    assert!(matches!(error, CreateError::UsernameTaken(_)), "{error}");
    let error = h.auth.create_verified(vec![vouched("bob", None), vouched("eve", Some("12345678"))]).await.unwrap_err();
    assert!(matches!(error, CreateError::Password(_)), "{error}");
    assert_eq!(h.storage.user_by_email(&email("bob@example.org")).await.unwrap(), None);
}

#[tokio::test]
async fn a_minted_token_is_a_login_that_ends_with_it() {
    let h = testing::auth();
    let ids = h.auth.create_verified(vec![vouched("ada", None), vouched("bob", None)]).await.unwrap();
    let hour = Duration::from_secs(3600);
    let minted = h.auth.mint(&ids, hour).await.unwrap();
    for (id, token) in ids.iter().zip(&minted) {
        let identity = h.auth.authenticate_live(token.access.expose()).await.unwrap();
        assert_eq!(identity.user, *id);
        assert_eq!(h.storage.stored_session(identity.session).unwrap().user_agent, "hubbub admin");
    }
    assert_eq!(minted[0].expires_at, h.now().plus(hour));

    h.auth.logout(Some(minted[0].access.expose()), None).await.unwrap();
    let ended = h.auth.authenticate_live(minted[0].access.expose()).await;
    assert!(matches!(ended, Err(SessionError::Invalid)), "{ended:?}");
    h.clock.advance(hour);
    let expired = h.auth.authenticate_live(minted[1].access.expose()).await;
    assert!(matches!(expired, Err(SessionError::Expired)), "{expired:?}");

    for nonsense in [Duration::ZERO, Duration::from_millis(999), Duration::MAX] {
        assert!(matches!(h.auth.mint(&ids, nonsense).await, Err(MintError::Lifetime(_))), "{nonsense:?}");
    }
}
