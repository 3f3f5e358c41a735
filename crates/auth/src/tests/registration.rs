use hubbub_domain::storage::Users as _;

use super::{email, registration};
use crate::testing::{self, PASSWORD};
use crate::{LoginError, PasswordError, RegisterError, Registration, VerifyError};

#[tokio::test]
async fn registering_mails_a_code_that_opens_the_account() {
    let h = testing::auth();
    h.auth.register(registration("ada@example.org", "ada")).await.unwrap();
    let mails = h.mails().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to.as_str(), "ada@example.org");
    assert_eq!(mails[0].subject, "Your code for Hubbub");

    let ada = email("ada@example.org");
    assert!(matches!(h.auth.login(&ada, PASSWORD, "").await, Err(LoginError::EmailNotVerified)));
    h.auth.verify_email(&ada, &h.last_code("ada@example.org").await, None).await.unwrap();
    let logged_in = h.auth.login(&ada, PASSWORD, "").await.unwrap();
    assert_eq!(logged_in.user.username.as_str(), "ada");
    assert!(logged_in.user.email_verified);
}

#[tokio::test]
async fn a_known_address_gets_the_same_answer_and_a_notice_and_nothing_changes() {
    let h = testing::auth();
    h.verified_user("ada").await;
    let theft = Registration { password: "another good password".to_owned(), ..registration("ada@example.org", "eve") };
    h.auth.register(theft).await.unwrap();

    let notice = h.mails().await.pop().unwrap();
    assert_eq!(notice.subject, "You already have a Hubbub account");
    assert!(!notice.text.chars().any(|c| c.is_ascii_digit()), "no code in it: {}", notice.text);
    let ada = email("ada@example.org");
    assert_eq!(h.auth.login(&ada, PASSWORD, "").await.unwrap().user.username.as_str(), "ada");
    assert!(matches!(h.auth.login(&ada, "another good password", "").await, Err(LoginError::InvalidCredentials)));
}

#[tokio::test]
async fn every_kind_of_address_costs_the_same_hashes_reads_writes_and_mails() {
    let h = testing::auth();
    h.verified_user("verified").await;
    h.register("pending").await;
    let mut costs = Vec::new();
    for (address, name) in
        [("new@example.org", "new1"), ("verified@example.org", "new2"), ("pending@example.org", "new3")]
    {
        let (hashes, calls, mails) = (h.auth.metrics().passwords.count, h.storage.calls(), h.mails().await.len());
        h.auth.register(registration(address, name)).await.unwrap();
        let (hashed, after) = (h.auth.metrics().passwords.count, h.storage.calls());
        costs.push((hashed - hashes, after.0 - calls.0, after.1 - calls.1, h.mails().await.len() - mails));
    }
    // The hash is what an answer's time is made of.
    assert_eq!(costs, [(1, 2, 2, 1); 3], "(hashes, reads, writes, mails) for unknown, proved and pending");
}

#[tokio::test]
async fn a_taken_username_is_refused_for_known_and_unknown_addresses_alike() {
    let h = testing::auth();
    h.verified_user("ada").await;
    h.verified_user("bob").await;
    h.register("carol").await;
    // The third looks like "ada" in Cyrillic letters.
    for name in ["ada", "ADA", "аԁа"] {
        for address in ["new@example.org", "bob@example.org", "carol@example.org", "ada@example.org"] {
            let result = h.auth.register(registration(address, name)).await;
            assert!(matches!(result, Err(RegisterError::UsernameTaken)), "{name} {address}: {result:?}");
        }
    }
    assert_eq!(h.mails().await.len(), 3, "nothing was mailed for a refused name");
}

#[tokio::test]
async fn whoever_registers_first_without_proving_it_does_not_keep_the_address() {
    let h = testing::auth();
    let squat =
        Registration { password: "the squatter's secret".to_owned(), ..registration("ada@example.org", "squatter") };
    h.auth.register(squat).await.unwrap();
    let old_code = h.last_code("ada@example.org").await;

    h.auth.register(registration("ada@example.org", "ada")).await.unwrap();
    let code = h.last_code("ada@example.org").await;
    let ada = email("ada@example.org");
    if old_code != code {
        assert!(matches!(h.auth.verify_email(&ada, &old_code, None).await, Err(VerifyError::InvalidCode)));
    }
    h.auth.verify_email(&ada, &code, None).await.unwrap();
    assert!(matches!(h.auth.login(&ada, "the squatter's secret", "").await, Err(LoginError::InvalidCredentials)));
    assert_eq!(h.auth.login(&ada, PASSWORD, "").await.unwrap().user.username.as_str(), "ada");
    h.auth.register(registration("other@example.org", "squatter")).await.expect("the name is free again");
}

#[tokio::test]
async fn a_pending_registration_can_be_repeated_under_its_own_name() {
    let h = testing::auth();
    h.register("ada").await;
    h.auth.register(registration("ada@example.org", "Ada")).await.unwrap();
    let (user, _) = h.storage.user_by_email(&email("ada@example.org")).await.unwrap().unwrap();
    assert_eq!(user.username.as_str(), "Ada");
    assert_eq!(h.mails().await.len(), 2);
}

#[tokio::test]
async fn a_bad_password_is_refused_with_its_reason_before_anything_is_stored() {
    let h = testing::auth();
    for (password, reason, words) in [
        ("short", PasswordError::Length { actual: 5 }, "the password must have 8 to 128 characters, has 5"),
        ("Password123", PasswordError::Common, "the password is one of the most common passwords"),
        ("ada_lovelace9", PasswordError::Personal, "the password is made from the username"),
    ] {
        let bad = Registration { password: password.to_owned(), ..registration("ada@example.org", "ada_lovelace") };
        let error = h.auth.register(bad).await.unwrap_err();
        assert!(matches!(&error, RegisterError::Password(e) if *e == reason), "{password}: {error:?}");
        assert!(error.to_string().starts_with(words), "{error}");
    }
    assert_eq!(h.storage.calls(), (0, 0));
    assert!(h.mails().await.is_empty());
}

#[tokio::test]
async fn two_registrations_at_once_make_one_account() {
    let h = testing::auth();
    let tasks: Vec<_> = (0..10)
        .map(|n| {
            let auth = h.auth.clone();
            tokio::spawn(async move { auth.register(registration("ada@example.org", &format!("ada{n}"))).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    // Whichever was last is the one that counts, and its code the one that works.
    let (user, _) = h.storage.user_by_email(&email("ada@example.org")).await.unwrap().unwrap();
    let newest = h.storage.stored_code(user.id).unwrap();
    assert_eq!(newest.tries_left, 5);
    assert!((0..10).any(|n| user.username.as_str() == format!("ada{n}")));
}

#[tokio::test]
async fn storage_that_is_down_is_told_as_such() {
    let h = testing::auth();
    h.storage.set_unavailable(true);
    let result = h.auth.register(registration("ada@example.org", "ada")).await;
    assert!(matches!(result, Err(RegisterError::Storage(hubbub_domain::StorageError::Unavailable(_)))), "{result:?}");
    assert!(h.mails().await.is_empty());
    h.storage.set_unavailable(false);
    h.auth.register(registration("ada@example.org", "ada")).await.unwrap();
}
