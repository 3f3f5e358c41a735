//! Rate limits: who is slowed down, and who is not.

use std::time::Duration;

use hubbub_api::LimitConfig;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApi};

const SLOW: LimitConfig = LimitConfig::new(2, Duration::from_secs(60));

fn wrong_login(email: &str) -> Value {
    json!({ "email": email, "password": "not the password" })
}

/// Two requests pass, the third is told to wait a minute at most.
async fn assert_limited(client: &Client, path: &str, body: impl Fn(usize) -> Value) {
    for n in 0..2 {
        assert_ne!(client.post(path, body(n)).await.status, 429, "{path}");
    }
    let refused = client.post(path, body(2)).await.expect_problem(429, "rate-limited");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn each_kind_of_request_has_its_own_limit_an_address() {
    let api = TestApi::with(|config| {
        config.limits.register = SLOW;
        config.limits.login = SLOW;
        config.limits.verify = SLOW;
        config.limits.resend = SLOW;
        config.limits.rooms = SLOW;
        config.limits.invites = SLOW;
    });
    let client = api.stranger();
    let email = |n: usize| format!("user{n}@example.org");
    assert_limited(&client, "/api/auth/login", |n| wrong_login(&email(n))).await;
    assert_limited(&client, "/api/auth/email/verify", |n| json!({ "email": email(n), "code": "000000" })).await;
    assert_limited(&client, "/api/auth/email/resend-verification", |n| json!({ "email": email(n) })).await;
    assert_limited(
        &client,
        "/api/auth/register",
        |n| json!({ "email": email(n), "username": format!("user{n}"), "password": PASSWORD }),
    )
    .await;
    let ada = api.user("ada").await;
    assert_limited(&ada, "/api/rooms", |n| json!({ "name": format!("room {n}") })).await;
    assert_limited(&ada, &format!("/api/invites/{}/accept", "A".repeat(43)), |_| json!({})).await;

    client.clone().at("198.51.100.2").post("/api/auth/login", wrong_login("x@example.org")).await.expect(401);
    api.auth.clock.advance(Duration::from_secs(60));
    client.post("/api/auth/login", wrong_login("x@example.org")).await.expect(401);
}

#[tokio::test]
async fn a_user_searches_only_so_often_from_wherever_and_lists_rooms_all_the_same() {
    let api = TestApi::with(|config| config.limits.search = SLOW);
    let (ada, ben) = (api.user("ada").await, api.user("ben").await);
    for n in 1..=3 {
        let answer = ada.clone().at(&format!("203.0.113.{n}")).get("/api/rooms?search=tea").await;
        assert_eq!(answer.status == 429, n == 3, "{n}: {}", answer.text());
    }
    for path in ["/api/rooms", "/api/rooms?search="] {
        ada.get(path).await.expect(200);
    }
    ben.get("/api/rooms?search=tea").await.expect(200);
}

#[tokio::test]
async fn an_account_is_guarded_against_guesses_from_many_addresses() {
    let api = TestApi::with(|config| {
        config.limits.login_account = SLOW;
        config.limits.verify_account = SLOW;
        config.limits.resend_account = SLOW;
    });
    api.auth.verified_user("ada").await;
    for known in ["ada@example.org", "nobody@example.org"] {
        for path in ["/api/auth/login", "/api/auth/email/verify", "/api/auth/email/resend-verification"] {
            let body = match path {
                "/api/auth/login" => wrong_login(known),
                "/api/auth/email/verify" => json!({ "email": known, "code": "000000" }),
                _ => json!({ "email": known }),
            };
            for n in 1..=3 {
                let client = api.stranger().at(&format!("203.0.113.{n}"));
                let answer = client.post(path, body.clone()).await;
                assert_eq!(answer.status == 429, n == 3, "{path} {n}: {}", answer.text());
            }
        }
    }
    let other = wrong_login("other@example.org");
    api.stranger().post("/api/auth/login", other).await.expect_problem(401, "invalid-credentials");
}

#[tokio::test]
async fn s7_a_forged_forwarded_address_changes_nothing() {
    let api = TestApi::with(|config| config.limits.general = SLOW);
    for n in 0..4 {
        let client = api.stranger().header("x-forwarded-for", format!("203.0.113.{n}"));
        let answer = client.get("/api/server").await;
        assert_eq!(answer.status == 429, n >= 2, "{n}");
    }
}

#[tokio::test]
async fn s7_behind_a_trusted_proxy_clients_are_told_apart_by_what_the_proxy_says() {
    let api = TestApi::with(|config| {
        config.limits.general = SLOW;
        config.trusted_proxies = vec!["198.51.100.0/24".parse().unwrap()];
    });
    for n in 0..4 {
        let other = api.stranger().header("x-forwarded-for", format!("203.0.113.{n}"));
        other.get("/api/server").await.expect(200);
    }
    for n in 0..4 {
        let forger = api.stranger().header("x-forwarded-for", format!("10.0.0.{n}, 192.0.2.9"));
        assert_eq!(forger.get("/api/server").await.status == 429, n >= 2, "only the last hop counts: {n}");
    }
}

#[tokio::test]
async fn a_whole_ipv6_network_is_one_client() {
    let api = TestApi::with(|config| config.limits.general = SLOW);
    for n in 1..=3 {
        let client = api.stranger().at(&format!("2001:db8:0:1::{n}"));
        assert_eq!(client.get("/api/server").await.status == 429, n == 3);
    }
    api.stranger().at("2001:db8:0:2::1").get("/api/server").await.expect(200);
}
