//! Cookies, tokens, refreshing and logging out.

use std::time::Duration;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubbub_domain::DomainEvent;
use serde_json::json;

use crate::support::{Answer, Client, PASSWORD, TestApi};

async fn log_in(api: &TestApi, name: &str) -> Answer {
    api.auth.verified_user(name).await;
    let body = json!({ "email": format!("{name}@example.org"), "password": PASSWORD });
    api.stranger().post("/api/auth/login", body).await.expect(200)
}

/// A client with the cookies that an answer sets.
fn with_cookies(client: Client, answer: &Answer) -> Client {
    let pair = |name: &str| format!("{name}={}", answer.cookie(name).unwrap().0);
    client.header("cookie", format!("{}; {}", pair("hubbub_access"), pair("hubbub_refresh")))
}

#[tokio::test]
async fn s6_cookies_cannot_be_read_by_scripts_nor_sent_by_other_sites() {
    let api = TestApi::new();
    let answer = log_in(&api, "ada").await;
    for (name, max_age) in [("hubbub_access", 900), ("hubbub_refresh", 30 * 24 * 3600)] {
        let (value, attributes) = answer.cookie(name).unwrap();
        assert!(value.len() > 40);
        for wanted in ["HttpOnly", "SameSite=Lax", "Path=/", &format!("Max-Age={max_age}")] {
            assert!(attributes.iter().any(|a| a == wanted), "{wanted} in {attributes:?}");
        }
        assert!(!attributes.iter().any(|a| a == "Secure" || a.starts_with("Domain")), "{attributes:?}");
    }
    assert_eq!(answer.header("cache-control"), "no-store");
    let me = with_cookies(api.stranger(), &answer).get("/api/auth/me").await.expect(200).json();
    assert_eq!(me["username"], "ada");
}

#[tokio::test]
async fn s6_under_https_cookies_are_secure_and_bound_to_the_host() {
    let api = TestApi::with(|config| config.public_url = "https://talk.example.org/".parse().unwrap());
    let answer = log_in(&api, "ada").await;
    for name in ["__Host-hubbub_access", "__Host-hubbub_refresh"] {
        let (_, attributes) = answer.cookie(name).unwrap();
        assert!(attributes.iter().any(|a| a == "Secure"), "{attributes:?}");
    }
    assert!(answer.cookie("hubbub_access").is_none());
    let value = answer.cookie("__Host-hubbub_access").unwrap().0;
    let client = api.stranger().header("cookie", format!("hubbub_access={value}"));
    client.get("/api/auth/me").await.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn nobody_is_nobody() {
    let api = TestApi::new();
    for path in ["/api/auth/me", "/api/users/me", "/api/rooms", "/api/ice-servers"] {
        let answer = api.stranger().get(path).await.expect_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn s1_forged_tokens_prove_nothing() {
    let api = TestApi::new();
    let token = api.auth.logged_in("ada").await.tokens.access.expose().to_owned();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let mut forged = vec![
        format!("{}.{claims}.", encode(r#"{"alg":"none","typ":"JWT"}"#)),
        format!("{}.{claims}.{signature}", encode(r#"{"alg":"none"}"#)),
        format!("{}.{claims}.{signature}", encode(r#"{"alg":"RS256","typ":"JWT"}"#)),
        format!(
            "{}.{claims}.{signature}",
            encode(r#"{"alg":"HS256","kid":"../../dev/null","jku":"https://evil.example"}"#)
        ),
        format!("{header}.{}.{signature}", encode(r#"{"sub":"00000000-0000-0000-0000-000000000000"}"#)),
        format!("{header}.{claims}"),
        "a.b.c".to_owned(),
        "x".repeat(9000),
    ];
    forged.push(String::new());
    for token in forged {
        api.stranger().bearer(&token).get("/api/auth/me").await.expect_problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn s2_tokens_serve_only_for_what_they_are_and_while_they_last() {
    let api = TestApi::new();
    let tokens = api.auth.logged_in("ada").await.tokens;
    let ada = api.stranger().bearer(tokens.access.expose());
    let ticket = ada.poke("/api/auth/ws-ticket").await.expect(200).json();
    assert_eq!(ticket["expiresInSeconds"], 30);

    for wrong in [tokens.refresh.expose(), ticket["ticket"].as_str().unwrap()] {
        api.stranger().bearer(wrong).get("/api/auth/me").await.expect_problem(401, "unauthorized");
    }
    let body = json!({ "refreshToken": tokens.access.expose() });
    api.stranger().post("/api/auth/refresh", body).await.expect_problem(401, "unauthorized");

    api.auth.clock.advance(Duration::from_secs(901));
    ada.get("/api/auth/me").await.expect_problem(401, "token-expired");
}

#[tokio::test]
async fn a_refresh_rotates_both_cookies() {
    let api = TestApi::new();
    let first = log_in(&api, "ada").await;
    api.auth.clock.advance(Duration::from_secs(1000));
    let second = with_cookies(api.stranger(), &first).poke("/api/auth/refresh").await.expect(200);
    assert_ne!(first.cookie("hubbub_refresh"), second.cookie("hubbub_refresh"));
    assert_eq!(second.cookie("hubbub_refresh").unwrap().0, second.json()["refreshToken"].as_str().unwrap());
    with_cookies(api.stranger(), &second).get("/api/auth/me").await.expect(200);
    assert_eq!(second.json()["refreshExpiresInSeconds"], 30 * 24 * 3600 - 1000, "the end does not move");
}

#[tokio::test]
async fn s3_a_replayed_refresh_token_ends_the_login() {
    let api = TestApi::new();
    let first = log_in(&api, "ada").await;
    let refresh = |answer: &Answer| json!({ "refreshToken": answer.json()["refreshToken"] });
    let second = api.stranger().post("/api/auth/refresh", refresh(&first)).await.expect(200);
    // Two tabs at once: within the grace the same token gets the same successor.
    let twin = api.stranger().post("/api/auth/refresh", refresh(&first)).await.expect(200);
    assert_eq!(twin.json()["refreshToken"], second.json()["refreshToken"]);

    api.auth.clock.advance(Duration::from_secs(11));
    let stolen = api.stranger().post("/api/auth/refresh", refresh(&first)).await.expect_problem(401, "unauthorized");
    for name in ["hubbub_access", "hubbub_refresh"] {
        let (value, attributes) = stolen.cookie(name).unwrap();
        assert!(value.is_empty() && attributes.iter().any(|a| a == "Max-Age=0"), "{attributes:?}");
    }
    api.stranger().post("/api/auth/refresh", refresh(&second)).await.expect_problem(401, "unauthorized");
    let token = second.json()["accessToken"].as_str().unwrap().to_owned();
    api.stranger().bearer(&token).get("/api/auth/me").await.expect_problem(401, "unauthorized");
    assert!(matches!(api.events().last(), Some(DomainEvent::SessionEnded(_))));
}

#[tokio::test]
async fn a_refresh_without_a_token_clears_what_is_left() {
    let api = TestApi::new();
    let answer = api.stranger().poke("/api/auth/refresh").await.expect_problem(401, "unauthorized");
    assert_eq!(answer.cookie("hubbub_refresh").unwrap().0, "");
    let refused = api.stranger().post("/api/auth/refresh", json!({ "token": "x" })).await;
    refused.expect_fields(&["token"]);
}

#[tokio::test]
async fn a_failing_database_logs_nobody_out() {
    let api = TestApi::new();
    let login = log_in(&api, "ada").await;
    api.auth.storage.set_unavailable(true);
    let answer = with_cookies(api.stranger(), &login).poke("/api/auth/refresh").await;
    let answer = answer.expect_problem(503, "database-unavailable");
    assert!(answer.cookie("hubbub_refresh").is_none(), "the cookies stay");
    api.auth.storage.set_unavailable(false);
    with_cookies(api.stranger(), &login).poke("/api/auth/refresh").await.expect(200);
}

#[tokio::test]
async fn s5_a_logout_counts_at_once_and_twice_is_harmless() {
    let api = TestApi::new();
    let login = log_in(&api, "ada").await;
    let ada = with_cookies(api.stranger(), &login);
    let gone = ada.poke("/api/auth/logout").await.expect(204);
    assert_eq!(gone.cookie("hubbub_access").unwrap().0, "");
    assert_eq!(gone.cookie("hubbub_refresh").unwrap().0, "");
    assert_eq!(api.events().iter().filter(|e| matches!(e, DomainEvent::SessionEnded(_))).count(), 1);

    ada.get("/api/auth/me").await.expect_problem(401, "unauthorized");
    ada.poke("/api/auth/refresh").await.expect_problem(401, "unauthorized");
    ada.poke("/api/auth/logout").await.expect(204);
    api.stranger().poke("/api/auth/logout").await.expect(204);
}

#[tokio::test]
async fn a_logout_works_when_the_access_token_has_expired() {
    let api = TestApi::new();
    let login = log_in(&api, "ada").await;
    api.auth.clock.advance(Duration::from_secs(3600));
    let refresh = format!("hubbub_refresh={}", login.cookie("hubbub_refresh").unwrap().0);
    api.stranger().header("cookie", refresh.clone()).poke("/api/auth/logout").await.expect(204);
    api.stranger().header("cookie", refresh).poke("/api/auth/refresh").await.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_bearer_token_wins_over_the_cookie_and_other_schemes_do_not_matter() {
    let api = TestApi::new();
    let (ada, bob) = (log_in(&api, "ada").await, log_in(&api, "bob").await);
    let both = with_cookies(api.stranger(), &ada).bearer(bob.json()["accessToken"].as_str().unwrap());
    assert_eq!(both.get("/api/auth/me").await.expect(200).json()["username"], "bob");
    let proxied = with_cookies(api.stranger(), &ada).header("authorization", "Basic eDp5");
    assert_eq!(proxied.get("/api/auth/me").await.expect(200).json()["username"], "ada");
    let lower =
        api.stranger().header("authorization", format!("bearer {}", ada.json()["accessToken"].as_str().unwrap()));
    lower.send(Method::HEAD, "/api/auth/me", None, Vec::new()).await.expect(200);
}
