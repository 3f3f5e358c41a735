//! Requests that are no good, whoever sends them.

use axum::http::Method;
use serde_json::json;

use crate::support::{Mood, TestApi};

#[tokio::test]
async fn a_method_that_is_not_taken_is_told_with_those_that_are() {
    let api = TestApi::new();
    let answer = api.stranger().delete("/api/rooms").await.expect_problem(405, "method-not-allowed");
    let allowed = answer.header("allow");
    assert!(allowed.contains("GET") && allowed.contains("POST") && !allowed.contains("DELETE"), "{allowed}");
    api.stranger().get("/api/auth/login").await.expect_problem(405, "method-not-allowed");
}

#[tokio::test]
async fn bodies_that_are_not_json() {
    let api = TestApi::new();
    let client = api.stranger();
    let post = |content_type: Option<&'static str>, body: &str| {
        let (client, body) = (client.clone(), body.as_bytes().to_vec());
        async move { client.send(Method::POST, "/api/auth/login", content_type, body).await }
    };
    for bad in ["", "{", "{\"email\":", "nope", "{} {}", "\u{1}", "{\"email\":\"a\",}"] {
        post(Some("application/json"), bad).await.expect_problem(400, "bad-json");
    }
    let deep = "[".repeat(20_000);
    assert!([400, 422].contains(&post(Some("application/json"), &deep).await.status));
    for odd in [None, Some("application/xml"), Some("application/jsonx"), Some("nonsense")] {
        post(odd, "{}").await.expect_problem(415, "unsupported-media-type");
    }
    post(Some("application/json; charset=utf-8"), "{}").await.expect_fields(&["email"]);
    post(Some("application/json"), r#"{"email":"a@b.c","email":"d@e.f"}"#).await.expect_fields(&["email"]);
    let positional = r#"["ada@example.org", "a herd of purple otters"]"#;
    for no_object in ["[]", "null", "1", positional] {
        post(Some("application/json"), no_object).await.expect_fields(&["body"]);
    }
    post(Some("application/json"), r#"{"email":5,"password":"x"}"#).await.expect_fields(&["email"]);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let api = TestApi::new();
    let body = json!({ "email": "ada@example.org", "password": "x".repeat(70_000) });
    api.stranger().post("/api/auth/login", body).await.expect_problem(413, "payload-too-large");
}

#[tokio::test]
async fn o3_without_a_database_the_answer_says_when_to_come_back() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    api.auth.storage.set_unavailable(true);
    ada.get("/api/rooms").await.expect_problem(503, "database-unavailable");
    ada.get("/api/auth/me").await.expect_problem(503, "database-unavailable");
    let body = json!({ "email": "ada@example.org", "password": "x" });
    let answer = ada.post("/api/auth/login", body).await.expect_problem(503, "database-unavailable");
    assert!(!answer.text().contains("switched off"), "nothing internal is told: {}", answer.text());
    api.auth.storage.set_unavailable(false);
    ada.get("/api/rooms").await.expect(200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_ended() {
    let api = TestApi::with(|config| config.request_timeout = std::time::Duration::from_millis(200));
    let ada = api.user("ada").await;
    let room = ada.post("/api/rooms", json!({ "name": "Tea" })).await.expect(201).json();
    api.live.set_mood(Mood::Hangs);
    ada.get(&format!("/api/rooms/{}", room["id"].as_str().unwrap())).await.expect_problem(503, "timeout");
    ada.get("/api/server").await.expect(200);
}

#[tokio::test]
async fn o2_a_panic_ends_one_request_and_tells_nothing() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let room = ada.post("/api/rooms", json!({ "name": "Tea" })).await.expect(201).json();
    let path = format!("/api/rooms/{}", room["id"].as_str().unwrap());
    api.live.set_mood(Mood::Panics);
    let answer = ada.get(&path).await.expect_problem(500, "internal");
    assert!(!answer.text().contains("broken by a test"), "{}", answer.text());
    api.live.set_mood(Mood::Answers);
    ada.get(&path).await.expect(200);
}
