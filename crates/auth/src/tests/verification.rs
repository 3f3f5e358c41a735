use std::time::Duration;

use super::{email, other_than, registration};
use crate::testing::{self, PASSWORD};
use crate::{Config, LoginError, Registration, Secret, VerifyError};

/// The answers to `tries` wrong codes: `422` or `429`.
async fn answers(h: &testing::Harness, address: &str, code: &str, tries: usize) -> Vec<u16> {
    answers_with(h, address, code, None, tries).await
}

/// The same with a registration's token: `409` too.
async fn answers_with(
    h: &testing::Harness,
    address: &str,
    code: &str,
    token: Option<&Secret>,
    tries: usize,
) -> Vec<u16> {
    let mut answers = Vec::new();
    for _ in 0..tries {
        answers.push(match h.auth.verify_email(&email(address), code, token.map(Secret::expose)).await {
            Ok(()) => 204,
            Err(VerifyError::RegisteredAgain) => 409,
            Err(VerifyError::InvalidCode) => 422,
            Err(VerifyError::TooManyAttempts) => 429,
            Err(VerifyError::Storage(error)) => panic!("{error}"),
        });
    }
    answers
}

const DEAD_AFTER_FIVE: [u16; 7] = [422, 422, 422, 422, 422, 429, 429];

#[tokio::test]
async fn five_wrong_tries_kill_the_code_and_a_new_one_can_be_asked_for() {
    let h = testing::auth();
    h.register("ada").await;
    let code = h.last_code("ada@example.org").await;
    assert_eq!(answers(&h, "ada@example.org", &other_than(&code), 7).await, DEAD_AFTER_FIVE);
    assert_eq!(answers(&h, "ada@example.org", &code, 1).await, [429], "the right code is dead too");

    h.clock.advance(Duration::from_secs(31));
    h.auth.resend_verification(&email("ada@example.org")).await.unwrap();
    let code = h.last_code("ada@example.org").await;
    assert_eq!(answers(&h, "ada@example.org", &code, 1).await, [204]);
}

#[tokio::test]
async fn the_fifth_try_may_still_be_right() {
    let h = testing::auth();
    h.register("ada").await;
    let code = h.last_code("ada@example.org").await;
    assert_eq!(answers(&h, "ada@example.org", &other_than(&code), 4).await, [422; 4]);
    assert_eq!(answers(&h, "ada@example.org", &code, 1).await, [204]);
}

#[tokio::test]
async fn pending_proved_and_unknown_addresses_answer_guesses_alike() {
    let h = testing::auth();
    h.register("pending").await;
    h.verified_user("proved").await;
    h.verified_user("repeated").await;
    // Registering again with a proved address leaves something to guess at as well.
    h.auth.register(registration("repeated@example.org", "other")).await.unwrap();
    for address in ["pending@example.org", "proved@example.org", "repeated@example.org", "nobody@example.org"] {
        // Two resends: one too early, which changes nothing, and one that gives the tries back.
        let mut all = answers(&h, address, "not a code", 7).await;
        h.auth.resend_verification(&email(address)).await.unwrap();
        h.mails().await;
        h.clock.advance(Duration::from_secs(31));
        h.auth.resend_verification(&email(address)).await.unwrap();
        h.mails().await;
        all.extend(answers(&h, address, "not a code", 6).await);
        h.auth.resend_verification(&email(address)).await.unwrap();
        h.mails().await;
        all.extend(answers(&h, address, "not a code", 1).await);
        let expected = [&DEAD_AFTER_FIVE[..], &DEAD_AFTER_FIVE[..6], &[429]].concat();
        assert_eq!(all, expected, "{address}");
    }
}

#[tokio::test]
async fn a_code_serves_once() {
    let h = testing::auth();
    h.register("ada").await;
    let code = h.last_code("ada@example.org").await;
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let (auth, code) = (h.auth.clone(), code.clone());
            tokio::spawn(async move { auth.verify_email(&email("ada@example.org"), &code, None).await.is_ok() })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += usize::from(task.await.unwrap());
    }
    assert_eq!(accepted, 1);
    assert_eq!(answers(&h, "ada@example.org", &code, 1).await, [422]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_in_parallel_gives_no_more_tries() {
    let h = testing::auth();
    h.register("ada").await;
    let wrong = other_than(&h.last_code("ada@example.org").await);
    for address in ["ada@example.org", "nobody@example.org"] {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (auth, wrong) = (h.auth.clone(), wrong.clone());
                tokio::spawn(async move { auth.verify_email(&email(address), &wrong, None).await })
            })
            .collect();
        let mut invalid = 0;
        for task in tasks {
            invalid += usize::from(matches!(task.await.unwrap(), Err(VerifyError::InvalidCode)));
        }
        assert_eq!(invalid, 5, "{address}");
    }
}

#[tokio::test]
async fn a_code_expires_after_fifteen_minutes() {
    let h = testing::auth();
    h.register("ada").await;
    h.register("bob").await;
    let (ada, bob) = (h.last_code("ada@example.org").await, h.last_code("bob@example.org").await);
    h.clock.advance(Duration::from_secs(15 * 60) - Duration::from_micros(1));
    assert_eq!(answers(&h, "ada@example.org", &ada, 1).await, [204]);
    h.clock.advance(Duration::from_micros(1));
    assert_eq!(answers(&h, "bob@example.org", &bob, 1).await, [422]);
}

#[tokio::test]
async fn somebody_elses_code_proves_nothing() {
    let h = testing::auth();
    h.register("ada").await;
    h.register("bob").await;
    let bob = h.last_code("bob@example.org").await;
    if bob != h.last_code("ada@example.org").await {
        assert_eq!(answers(&h, "ada@example.org", &bob, 1).await, [422]);
    }
}

#[tokio::test]
async fn a_new_code_comes_at_most_every_thirty_seconds_and_kills_the_old_one() {
    let h = testing::auth();
    h.register("ada").await;
    let ada = email("ada@example.org");
    let first = h.last_code("ada@example.org").await;
    h.clock.advance(Duration::from_secs(29));
    h.auth.resend_verification(&ada).await.unwrap();
    assert_eq!(h.mails().await.len(), 1, "too early: silently nothing");
    h.clock.advance(Duration::from_secs(1));
    h.auth.resend_verification(&ada).await.unwrap();
    assert_eq!(h.mails().await.len(), 2);
    let second = h.last_code("ada@example.org").await;
    if first != second {
        assert_eq!(answers(&h, "ada@example.org", &first, 1).await, [422]);
    }
    assert_eq!(answers(&h, "ada@example.org", &second, 1).await, [204]);
}

#[tokio::test]
async fn asking_again_costs_one_look_up_before_the_answer_and_mails_only_who_is_pending() {
    let h = testing::auth();
    h.verified_user("proved").await;
    h.register("pending").await;
    h.clock.advance(Duration::from_secs(60));
    let mails = h.mails().await.len();
    for (address, mailed) in [("nobody@example.org", 0), ("proved@example.org", 0), ("pending@example.org", 1)] {
        let calls = h.storage.calls();
        // On this single-threaded runtime nothing in the background runs before the next await that waits.
        h.auth.resend_verification(&email(address)).await.unwrap();
        assert_eq!(h.storage.calls(), (calls.0 + 1, calls.1), "{address}");
        assert_eq!(h.mails().await.len(), mails + mailed, "{address}");
    }
}

#[tokio::test]
async fn a_refused_code_is_answered_no_sooner_than_the_floor() {
    let floor = Duration::from_millis(60);
    let h = testing::auth_with(Config { refused_code_floor: floor, ..testing::config() });
    h.register("ada").await;
    for address in ["ada@example.org", "nobody@example.org"] {
        let started = std::time::Instant::now();
        answers(&h, address, "not a code", 1).await;
        assert!(started.elapsed() >= floor, "{address}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn codes_are_stored_only_as_a_keyed_hash() {
    let h = testing::auth();
    h.register("ada").await;
    let code = h.last_code("ada@example.org").await;
    let user = hubbub_domain::storage::Users::user_by_email(&*h.storage, &email("ada@example.org")).await.unwrap();
    let (user, password_hash) = user.unwrap();
    let stored = h.storage.stored_code(user.id).unwrap();
    assert_ne!(stored.code_hash, crate::keys::sha256(code.as_bytes()));
    assert!(!format!("{stored:?}").contains(&code));
    assert!(password_hash.starts_with("$argon2id$") && !password_hash.contains(PASSWORD));
}

#[tokio::test]
async fn nobody_gets_a_password_proved_by_registering_somebody_elses_pending_address_again() {
    let h = testing::auth();
    let ada = email("ada@example.org");
    let mine = h.auth.register(registration("ada@example.org", "ada")).await.unwrap();
    let theft =
        Registration { password: "the thief's own secret".to_owned(), ..registration("ada@example.org", "eve") };
    h.auth.register(theft).await.unwrap();

    // The newest code in the mail is the thief's registration's, and ten times it proves nothing and dies not.
    let code = h.last_code("ada@example.org").await;
    assert_eq!(answers_with(&h, "ada@example.org", &code, Some(&mine), 10).await, [409; 10]);
    let thief = h.auth.login(&ada, "the thief's own secret", "").await;
    assert!(matches!(thief, Err(LoginError::EmailNotVerified)), "{thief:?}");

    let mine = h.auth.register(registration("ada@example.org", "ada")).await.unwrap();
    let code = h.last_code("ada@example.org").await;
    assert_eq!(answers_with(&h, "ada@example.org", &code, Some(&mine), 1).await, [204]);
    assert_eq!(h.auth.login(&ada, PASSWORD, "").await.unwrap().user.username.as_str(), "ada");
}

#[tokio::test]
async fn a_registrations_token_outlives_new_codes() {
    let h = testing::auth();
    let token = h.auth.register(registration("ada@example.org", "ada")).await.unwrap();
    h.clock.advance(Duration::from_secs(31));
    h.auth.resend_verification(&email("ada@example.org")).await.unwrap();
    let code = h.last_code("ada@example.org").await;
    assert_eq!(answers_with(&h, "ada@example.org", &code, Some(&token), 1).await, [204]);
    assert_eq!(answers_with(&h, "ada@example.org", &code, Some(&token), 1).await, [422], "proved already");
}

#[tokio::test]
async fn a1_tokens_do_not_tell_a_proved_address_from_a_pending_one() {
    let h = testing::auth();
    h.verified_user("proved").await;
    for (address, first, second) in [("proved@example.org", "one", "two"), ("new@example.org", "three", "four")] {
        let old = h.auth.register(registration(address, first)).await.unwrap();
        assert_eq!(answers_with(&h, address, "not a code", Some(&old), 1).await, [422], "{address}");
        let newest = h.auth.register(registration(address, second)).await.unwrap();
        assert_eq!(answers_with(&h, address, "not a code", Some(&old), 2).await, [409; 2], "{address}");
        assert_eq!(answers_with(&h, address, "not a code", Some(&newest), 7).await, DEAD_AFTER_FIVE, "{address}");
        h.clock.advance(Duration::from_secs(31));
        h.auth.resend_verification(&email(address)).await.unwrap();
        h.mails().await;
        assert_eq!(answers_with(&h, address, "not a code", Some(&newest), 1).await, [422], "{address}");
        assert_eq!(answers_with(&h, address, "not a code", Some(&old), 1).await, [409], "{address}");
    }
    for address in ["proved@example.org", "new@example.org", "nobody@example.org"] {
        for nonsense in ["", "x", &"A".repeat(64)] {
            assert_eq!(answers_with(&h, address, "1", Some(&Secret::new(nonsense)), 1).await, [409], "{address}");
        }
    }
}
