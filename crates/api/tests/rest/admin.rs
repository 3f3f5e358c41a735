//! Looking after the server: who may, and what it does.

use axum::http::Method;
use hubbub_api::LimitConfig;
use hubbub_domain::storage::{Rooms as _, Users as _};
use hubbub_domain::user::Email;
use hubbub_domain::{DomainEvent, LoginsEnd, RoomId, UserId};
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApi};

/// The first user of a server is its admin.
async fn admin_and_bob(api: &TestApi) -> (Client, Client) {
    (api.user("ada").await, api.user("bob").await)
}

async fn id_of(client: &Client) -> String {
    client.get("/api/users/me").await.expect(200).json()["id"].as_str().unwrap().to_owned()
}

async fn audit(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/api/admin/audit{query}")).await.expect(200).json();
    page["entries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn whoever_is_no_admin_is_refused_everywhere_and_nothing_happens() {
    let api = TestApi::new();
    let (ada, bob) = admin_and_bob(&api).await;
    assert_eq!(ada.get("/api/auth/me").await.json()["role"], "admin");
    assert_eq!(bob.get("/api/auth/me").await.json()["role"], "member");
    let before = audit(&ada, "").await;
    let document = hubbub_api::openapi_document();
    let mut refused = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/admin/") {
            continue;
        }
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{id}", &UserId::new().to_string());
            let method: Method = method.to_uppercase().parse().unwrap();
            // The body is wrong too: an admin would be told so.
            let answer = bob.send(method.clone(), &path, Some("application/json"), b"[]".to_vec()).await;
            answer.expect_problem(403, "forbidden");
            api.stranger().send(method, &path, Some("application/json"), b"[]".to_vec()).await.expect(401);
            refused += 1;
        }
    }
    assert!(refused >= 10, "{refused}");
    assert_eq!(audit(&ada, "").await, before);
}

#[tokio::test]
async fn the_operator_needs_no_login_and_nobody_becomes_one_by_asking() {
    let api = TestApi::new();
    let (_, bob) = admin_and_bob(&api).await;
    api.operator().get("/api/admin/users").await.expect(200);
    bob.header("x-operator", "1").get("/api/admin/users").await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn users_are_found_filtered_and_paged() {
    let api = TestApi::new();
    let (ada, _) = admin_and_bob(&api).await;
    api.auth.register("eve").await;
    let names = |list: &Value| -> Vec<String> {
        list["users"].as_array().unwrap().iter().map(|u| u["username"].as_str().unwrap().to_owned()).collect()
    };
    let all = ada.get("/api/admin/users").await.expect(200).json();
    assert_eq!((names(&all), &all["nextCursor"]), (vec!["eve".into(), "bob".into(), "ada".into()], &Value::Null));
    let first = &all["users"][2];
    assert_eq!(
        (&first["role"], &first["emailVerified"], &first["sessions"], &first["blockedAt"]),
        (&json!("admin"), &json!(true), &json!(1), &Value::Null)
    );
    for (query, expected) in [
        ("search=EVE", vec!["eve"]),
        ("search=example.org%20bob", vec!["bob"]),
        ("search=%25", vec![]),
        ("state=admin", vec!["ada"]),
        ("state=unverified", vec!["eve"]),
        ("state=blocked", vec![]),
    ] {
        assert_eq!(names(&ada.get(&format!("/api/admin/users?{query}")).await.json()), expected, "{query}");
    }
    let page = ada.get("/api/admin/users?limit=2").await.json();
    assert_eq!(names(&page), ["eve", "bob"]);
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = ada.get(&format!("/api/admin/users?limit=2&cursor={cursor}")).await.json();
    assert_eq!((names(&rest), &rest["nextCursor"]), (vec!["ada".to_owned()], &Value::Null));
    for (query, field) in [("limit=0", "limit"), ("limit=201", "limit"), ("cursor=x", "cursor"), ("state=x", "state")] {
        ada.get(&format!("/api/admin/users?{query}")).await.expect_fields(&[field]);
        let audit = query.replace("state", "action");
        ada.get(&format!("/api/admin/audit?{audit}")).await.expect_fields(&[&field.replace("state", "action")]);
    }
    ada.get("/api/admin/audit?user=x").await.expect_fields(&["user"]);
}

#[tokio::test]
async fn s5_blocking_ends_logins_and_keeps_out_until_it_is_lifted() {
    let api = TestApi::new();
    let (ada, bob) = admin_and_bob(&api).await;
    let id = id_of(&bob).await;
    let path = format!("/api/admin/users/{id}");
    let blocked = ada.patch(&path, json!({ "blocked": true })).await.expect(200).json();
    assert!(blocked["blockedAt"].is_string() && blocked["sessions"] == 0, "{blocked}");
    bob.get("/api/rooms").await.expect_problem(401, "unauthorized");
    let login = json!({ "email": "bob@example.org", "password": PASSWORD });
    let refused = api.stranger().post("/api/auth/login", login.clone()).await.expect_problem(403, "account-blocked");
    assert!(refused.json()["detail"].as_str().unwrap().contains("blocked"), "{}", refused.text());
    let wrong = json!({ "email": "bob@example.org", "password": "not the password" });
    api.stranger().post("/api/auth/login", wrong).await.expect_problem(401, "invalid-credentials");
    let user: UserId = id.parse().unwrap();
    assert_eq!(api.events(), [DomainEvent::LoginsEnded { user, why: LoginsEnd::Blocked }]);

    ada.patch(&path, json!({ "blocked": true })).await.expect(200);
    assert_eq!(audit(&ada, "?action=user-blocked").await.len(), 1, "what is so already is not written down again");
    ada.patch(&path, json!({ "blocked": false })).await.expect(200);
    api.stranger().post("/api/auth/login", login).await.expect(200);
    let last = &audit(&ada, &format!("?user={id}")).await[0];
    assert_eq!(
        (&last["action"], &last["actor"]["name"], &last["target"]["name"], &last["actorKind"]),
        (&json!("user-unblocked"), &json!("ada"), &json!("bob"), &json!("user"))
    );
}

#[tokio::test]
async fn a_blocked_admin_is_none_and_the_last_one_stays() {
    let api = TestApi::new();
    let (ada, bob) = admin_and_bob(&api).await;
    let (ada_id, bob_id) = (id_of(&ada).await, id_of(&bob).await);
    let change = |client: &Client, id: &str, body: Value| {
        let (client, path) = (client.clone(), format!("/api/admin/users/{id}"));
        async move { client.patch(&path, body).await }
    };
    for body in [json!({ "blocked": true }), json!({ "role": "member" })] {
        change(&ada, &ada_id, body.clone()).await.expect_problem(403, "forbidden");
        change(&api.operator(), &ada_id, body).await.expect_problem(409, "last-admin");
    }
    change(&ada, &bob_id, json!({ "role": "admin" })).await.expect(200);
    bob.get("/api/admin/users").await.expect(200);
    change(&bob, &ada_id, json!({ "role": "member" })).await.expect(200);
    ada.get("/api/admin/users").await.expect_problem(403, "forbidden");
    change(&api.operator(), &bob_id, json!({ "blocked": true })).await.expect_problem(409, "last-admin");

    api.auth.register("eve").await;
    let eve = Email::parse("eve@example.org").unwrap();
    let eve = api.auth.storage.user_by_email(&eve).await.unwrap().unwrap().0.id.to_string();
    change(&bob, &eve, json!({ "role": "admin" })).await.expect_problem(403, "email-not-verified");
    change(&bob, &eve, json!({ "emailVerified": true })).await.expect(200);
    change(&bob, &eve, json!({ "role": "admin" })).await.expect(200);
    let login = json!({ "email": "eve@example.org", "password": PASSWORD });
    api.stranger().post("/api/auth/login", login).await.expect(200);
}

#[tokio::test]
async fn one_change_at_a_time_to_somebody_who_exists() {
    let api = TestApi::new();
    let (ada, bob) = admin_and_bob(&api).await;
    let path = format!("/api/admin/users/{}", id_of(&bob).await);
    for (body, field) in [
        (json!({}), "body"),
        (json!({ "blocked": true, "role": "admin" }), "body"),
        (json!({ "emailVerified": false }), "emailVerified"),
        (json!({ "role": "owner" }), "role"),
        (json!({ "password": "x" }), "password"),
    ] {
        ada.patch(&path, body).await.expect_fields(&[field]);
    }
    for id in [UserId::new().to_string(), "nonsense".to_owned()] {
        let path = format!("/api/admin/users/{id}");
        ada.patch(&path, json!({ "blocked": true })).await.expect_problem(404, "not-found");
        ada.get(&path).await.expect_problem(404, "not-found");
        ada.poke(&format!("{path}/end-sessions")).await.expect_problem(404, "not-found");
    }
    ada.poke(&format!("{path}/end-sessions")).await.expect(200);
    bob.get("/api/rooms").await.expect_problem(401, "unauthorized");
    assert!(matches!(api.events()[..], [DomainEvent::LoginsEnded { why: LoginsEnd::Ended, .. }]));
}

#[tokio::test]
async fn live_rooms_are_seen_with_everybody_in_them() {
    let api = TestApi::new();
    let (ada, _) = admin_and_bob(&api).await;
    assert_eq!(ada.get("/api/admin/rooms").await.expect(200).json(), json!({ "rooms": [] }));
    let room = RoomId::new();
    for name in ["carol", "dan", "eve"] {
        api.live.seat(room, name, false);
    }
    let rooms = ada.get("/api/admin/rooms").await.expect(200).json();
    assert_eq!((&rooms["rooms"][0]["name"], &rooms["rooms"][0]["participantCount"]), (&json!("Tea"), &json!(3)));
    let page = ada.get(&format!("/api/admin/rooms/{room}?limit=2")).await.expect(200).json();
    assert_eq!(page["participants"].as_array().unwrap().len(), 2);
    let carol = &page["participants"][0];
    assert_eq!(
        (&carol["username"], &carol["browser"], &carol["system"]),
        (&json!("carol"), &json!("Firefox 143"), &Value::Null)
    );
    let media = &carol["media"];
    assert_eq!(media["route"], json!({ "protocol": "udp", "family": "ipv6", "relayed": false }));
    assert_eq!((&media["roundTripMs"], &media["uplink"]["jitterMs"]), (&json!(23.0), &json!(3.5)));
    assert_eq!(media["uplink"]["lossPercent"], 2.5);
    assert_eq!(media["downlink"], json!({ "bitrate": 0, "lossPercent": null, "jitterMs": null }));
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = ada.get(&format!("/api/admin/rooms/{room}?limit=2&cursor={cursor}")).await.expect(200).json();
    assert_eq!((&rest["participants"][0]["username"], &rest["nextCursor"]), (&json!("eve"), &Value::Null));
    ada.get(&format!("/api/admin/rooms/{room}?cursor=x")).await.expect_fields(&["cursor"]);
    ada.get(&format!("/api/admin/rooms/{}", RoomId::new())).await.expect_problem(404, "room-not-found");
}

#[tokio::test]
async fn people_are_muted_and_sent_out_and_calls_ended_and_all_of_it_is_written_down() {
    let api = TestApi::new();
    let (ada, bob) = admin_and_bob(&api).await;
    let room = bob.post("/api/rooms", json!({ "name": "Tea" })).await.expect(201).json();
    let id: RoomId = room["id"].as_str().unwrap().parse().unwrap();
    let (carol, dan) = (api.live.seat(id, "carol", false), api.live.seat(id, "dan", false));
    ada.patch(&format!("/api/admin/participants/{carol}"), json!({ "muted": true })).await.expect(204);
    assert_eq!(api.auth.storage.room_mutes(id).await.unwrap().len(), 0, "a user that is no more is not remembered");
    ada.delete(&format!("/api/admin/participants/{carol}")).await.expect(204);
    ada.delete(&format!("/api/admin/participants/{carol}")).await.expect_problem(404, "participant-not-found");
    ada.patch(&format!("/api/admin/participants/{carol}"), json!({ "muted": false }))
        .await
        .expect_problem(404, "participant-not-found");
    let closed = ada.poke(&format!("/api/admin/rooms/{id}/close")).await.expect(200).json();
    assert_eq!(closed, json!({ "sentOut": 1 }));
    ada.delete(&format!("/api/admin/participants/{dan}")).await.expect_problem(404, "participant-not-found");
    ada.poke(&format!("/api/admin/rooms/{id}/close")).await.expect_problem(404, "room-not-found");
    bob.get(&format!("/api/rooms/{id}")).await.expect(200);
    ada.delete(&format!("/api/admin/rooms/{id}")).await.expect(204);
    ada.delete(&format!("/api/admin/rooms/{id}")).await.expect_problem(404, "room-not-found");
    bob.get(&format!("/api/rooms/{id}")).await.expect_problem(404, "room-not-found");
    assert_eq!(api.events(), [DomainEvent::RoomDeleted(id)]);

    let entries = audit(&ada, "?limit=4").await;
    let told: Vec<(&str, &str, &str)> = entries
        .iter()
        .map(|entry| {
            let name = |key: &str| entry[key]["name"].as_str().unwrap_or("");
            (entry["action"].as_str().unwrap(), name("target"), name("room"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("room-deleted", "", "Tea"),
            ("room-closed", "", "Tea"),
            ("participant-kicked", "carol", "Tea"),
            ("participant-muted", "carol", "Tea")
        ]
    );
}

#[tokio::test]
async fn an_owner_who_deletes_a_room_is_written_down() {
    let api = TestApi::new();
    let (ada, bob) = admin_and_bob(&api).await;
    let room = bob.post("/api/rooms", json!({ "name": "Tea" })).await.expect(201).json();
    bob.delete(&format!("/api/rooms/{}", room["id"].as_str().unwrap())).await.expect(204);
    let entry = &audit(&ada, "?action=room-deleted").await[0];
    assert_eq!((&entry["actor"]["name"], &entry["room"]["name"]), (&json!("bob"), &json!("Tea")));
}

#[tokio::test]
async fn g7_admins_and_those_who_would_be_are_limited() {
    let slow = LimitConfig::new(2, std::time::Duration::from_secs(60));
    let api = TestApi::with(|config| config.limits.admin = slow);
    let (ada, bob) = admin_and_bob(&api).await;
    for (client, status) in [(&ada, 200), (&bob, 403)] {
        for _ in 0..2 {
            client.get("/api/admin/rooms").await.expect(status);
        }
        client.get("/api/admin/rooms").await.expect_problem(429, "rate-limited");
    }
    ada.get("/api/rooms").await.expect(200);
}
