//! Invitations to private rooms.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, TestApi};

/// A private room of ada's, and its path.
async fn private_room(ada: &Client) -> (Value, String) {
    let room = ada.post("/api/rooms", json!({ "name": "Plans", "isPrivate": true })).await.expect(201).json();
    let path = format!("/api/rooms/{}", room["id"].as_str().unwrap());
    (room, path)
}

fn accept(invite: &Value) -> String {
    format!("/api/invites/{}/accept", invite["token"].as_str().unwrap())
}

#[tokio::test]
async fn an_invitation_opens_a_private_room() {
    let api = TestApi::with(|config| config.public_url = "https://talk.example.org/".parse().unwrap());
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    let (room, path) = private_room(&ada).await;
    let invite = ada.poke(&format!("{path}/invites")).await.expect(201).json();
    let token = invite["token"].as_str().unwrap();
    assert_eq!(token.len(), 43, "32 bytes");
    assert_eq!(invite["url"], format!("https://talk.example.org/invite/{token}"));
    assert_eq!(invite["maxUses"], Value::Null);

    bob.get(&path).await.expect_problem(403, "forbidden");
    let accepted = bob.poke(&accept(&invite)).await.expect(200).json();
    assert_eq!((&accepted["id"], &accepted["isOwner"]), (&room["id"], &json!(false)));
    bob.get(&path).await.expect(200);
    assert_eq!(bob.get("/api/rooms").await.json()["rooms"][0]["id"], room["id"]);
    bob.poke(&accept(&invite)).await.expect(200);
    bob.poke(&format!("{path}/invites")).await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn an_invitation_is_used_up_expires_and_dies_with_its_room() {
    let api = TestApi::new();
    let (ada, bob, eve) = (api.user("ada").await, api.user("bob").await, api.user("eve").await);
    let (_, path) = private_room(&ada).await;
    let invites = format!("{path}/invites");
    let once = ada.post(&invites, json!({ "maxUses": 1, "expiresInSeconds": 60 })).await.expect(201).json();
    assert_eq!(once["maxUses"], 1);
    bob.poke(&accept(&once)).await.expect(200);
    bob.poke(&accept(&once)).await.expect(200);
    let used_up = eve.poke(&accept(&once)).await.expect_problem(404, "invite-invalid").text();

    let short = ada.post(&invites, json!({ "expiresInSeconds": 60 })).await.expect(201).json();
    api.auth.clock.advance(Duration::from_secs(60));
    let expired = eve.poke(&accept(&short)).await.expect_problem(404, "invite-invalid").text();
    let unknown =
        eve.poke(&format!("/api/invites/{}/accept", "A".repeat(43))).await.expect_problem(404, "invite-invalid");
    assert!(used_up == expired && expired == unknown.text(), "which it was is not told");

    let late = ada.poke(&invites).await.expect(201).json();
    ada.delete(&path).await.expect(204);
    eve.poke(&accept(&late)).await.expect_problem(404, "invite-invalid");
}

#[tokio::test]
async fn tokens_that_are_none_are_unknown() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    for token in ["x", "..%2f..", "%00", &"A".repeat(44), &"%F0%9F%A6%80".repeat(10)] {
        ada.poke(&format!("/api/invites/{token}/accept")).await.expect_problem(404, "invite-invalid");
    }
    api.stranger().poke(&format!("/api/invites/{}/accept", "A".repeat(43))).await.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn invitations_that_cannot_be_are_refused() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let (_, path) = private_room(&ada).await;
    let invites = format!("{path}/invites");
    for (body, field) in [
        (json!({ "expiresInSeconds": 59 }), "expiresInSeconds"),
        (json!({ "expiresInSeconds": 2_592_001 }), "expiresInSeconds"),
        (json!({ "maxUses": 0 }), "maxUses"),
        (json!({ "maxUses": 1001 }), "maxUses"),
        (json!({ "maxUses": 1.5 }), "maxUses"),
        (json!({ "room": "x" }), "room"),
    ] {
        ada.post(&invites, body).await.expect_fields(&[field]);
    }
    ada.post(&invites, json!({ "expiresInSeconds": -1, "maxUses": -1 }))
        .await
        .expect_fields(&["expiresInSeconds", "maxUses"]);
}
