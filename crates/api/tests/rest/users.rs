//! Profiles.

use hubbub_domain::{DomainEvent, UserId};
use serde_json::json;

use crate::support::{PASSWORD, TestApi};

#[tokio::test]
async fn a_profile_changes_field_by_field() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let before = ada.get("/api/users/me").await.json();
    let me = ada.patch("/api/users/me", json!({ "displayName": " Ada Lovelace " })).await.expect(200).json();
    assert_eq!(me["displayName"], "Ada Lovelace");
    assert_eq!(me["username"], "ada");
    assert_ne!(me["avatarUrl"], before["avatarUrl"], "another name draws another picture");
    let me = ada
        .patch("/api/users/me", json!({ "username": "ada_l", "bio": "First\r\nprogrammer" }))
        .await
        .expect(200)
        .json();
    assert_eq!((&me["username"], &me["bio"]), (&json!("ada_l"), &json!("First\nprogrammer")));
    assert_eq!(ada.get("/api/users/me").await.json(), me);
    let id: UserId = me["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(api.events(), [DomainEvent::ProfileChanged(id), DomainEvent::ProfileChanged(id)]);
}

#[tokio::test]
async fn changing_nothing_tells_nobody() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    ada.patch("/api/users/me", json!({})).await.expect(200);
    assert_eq!(api.events(), []);
}

#[tokio::test]
async fn bad_profiles_change_nothing() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    api.user("bob").await;
    let before = ada.get("/api/users/me").await.json();
    let long = "x".repeat(501);
    ada.patch("/api/users/me", json!({ "displayName": "", "username": "a b", "bio": long })).await.expect_fields(&[
        "username",
        "displayName",
        "bio",
    ]);
    ada.patch("/api/users/me", json!({ "displayName": "new", "username": "BOB" }))
        .await
        .expect_problem(409, "username-taken");
    for field in ["email", "id", "role", "emailVerified"] {
        ada.patch("/api/users/me", json!({ "displayName": "new", field: "x" })).await.expect_fields(&[field]);
    }
    ada.patch("/api/users/me", json!({ "displayName": "a\u{202e}b" })).await.expect_fields(&["displayName"]);
    assert_eq!(ada.get("/api/users/me").await.json(), before);
}

#[tokio::test]
async fn c1_markup_in_names_is_text() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let name = "<script>alert(1)</script>";
    let me = ada.patch("/api/users/me", json!({ "displayName": name })).await.expect(200);
    assert_eq!(me.json()["displayName"], name, "kept as it is, and never taken for markup");
    assert_eq!(me.header("content-type"), "application/json");
    assert_eq!(me.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn others_see_no_address() {
    let api = TestApi::new();
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    let id = ada.get("/api/users/me").await.json()["id"].as_str().unwrap().to_owned();
    let seen = bob.get(&format!("/api/users/{id}")).await.expect(200);
    assert!(!seen.text().contains("example.org"), "{}", seen.text());
    assert_eq!(seen.json()["username"], "ada");
    assert_eq!(seen.json().as_object().unwrap().len(), 5);
}

#[tokio::test]
async fn unknown_unproved_and_senseless_users_are_the_same_404() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let body = json!({ "email": "eve@example.org", "username": "eve", "password": PASSWORD });
    api.stranger().post("/api/auth/register", body).await.expect(202);
    let eve = hubbub_domain::user::Email::parse("eve@example.org").unwrap();
    let eve = hubbub_domain::storage::Users::user_by_email(&*api.auth.storage, &eve).await.unwrap().unwrap().0.id;
    let mut answers = Vec::new();
    for id in [eve.to_string(), UserId::new().to_string(), "nonsense".into(), "..%2f..%2fetc".into(), "%00".into()] {
        answers.push(ada.get(&format!("/api/users/{id}")).await.expect_problem(404, "not-found").text());
        ada.get(&format!("/api/users/{id}/avatar")).await.expect_problem(404, "not-found");
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}
