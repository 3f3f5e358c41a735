//! S6: what other sites make a browser send.

use axum::http::Method;
use serde_json::json;

use crate::support::{PASSWORD, TestApi};

#[tokio::test]
async fn s6_form_posts_are_refused_before_anything_happens() {
    let api = TestApi::new();
    api.auth.verified_user("ada").await;
    let body = json!({ "email": "ada@example.org", "password": PASSWORD }).to_string().into_bytes();
    for form in [
        "text/plain",
        "text/plain; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let answer = api.stranger().send(Method::POST, "/api/auth/login", Some(form), body.clone()).await;
        let answer = answer.expect_problem(403, "cross-site-request");
        assert!(answer.cookie("hubbub_access").is_none());
    }
    let ada = api.user("bob").await;
    ada.send(Method::POST, "/api/auth/logout", Some("application/x-www-form-urlencoded"), Vec::new())
        .await
        .expect_problem(403, "cross-site-request");
    ada.get("/api/auth/me").await.expect(200);
}

#[tokio::test]
async fn s6_other_sites_change_nothing() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "http://127.0.0.1:9999"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let evil = ada.clone().header(name, value);
        evil.post("/api/rooms", json!({ "name": "Mine" })).await.expect_problem(403, "cross-site-request");
        evil.patch("/api/users/me", json!({ "bio": "x" })).await.expect_problem(403, "cross-site-request");
        evil.delete("/api/users/me/avatar").await.expect_problem(403, "cross-site-request");
        evil.put_picture("image/png", Vec::new()).await.expect_problem(403, "cross-site-request");
        evil.poke("/api/auth/logout").await.expect_problem(403, "cross-site-request");
        evil.get("/api/rooms").await.expect(200);
    }
    assert_eq!(ada.get("/api/rooms").await.json()["rooms"], json!([]));
}

#[tokio::test]
async fn own_pages_and_programs_may() {
    let api = TestApi::with(|config| config.public_url = "https://talk.example.org/".parse().unwrap());
    let ada = api.user("ada").await;
    for (name, value) in
        [("origin", "https://talk.example.org"), ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")]
    {
        ada.clone().header(name, value).post("/api/rooms", json!({ "name": "Tea" })).await.expect(201);
    }
    ada.post("/api/rooms", json!({ "name": "Tea" })).await.expect(201);
}
