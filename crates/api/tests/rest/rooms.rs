//! Rooms: making, listing, seeing, changing and deleting them.

use std::time::Duration;

use hubbub_domain::{DomainEvent, RoomId};
use serde_json::{Value, json};

use crate::support::{Client, TestApi};

async fn make(client: &Client, body: Value) -> Value {
    client.post("/api/rooms", body).await.expect(201).json()
}

fn path(room: &Value) -> String {
    format!("/api/rooms/{}", room["id"].as_str().unwrap())
}

fn names(list: &Value) -> Vec<&str> {
    list["rooms"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_room_is_made_with_defaults_and_seen_by_others() {
    let api = TestApi::new();
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    let answer = ada.post("/api/rooms", json!({ "name": " Tea " })).await.expect(201);
    let room = answer.json();
    assert_eq!(answer.header("location"), path(&room));
    assert_eq!(room["name"], "Tea");
    assert_eq!(room["description"], "");
    assert_eq!((&room["isPrivate"], &room["maxParticipants"]), (&json!(false), &json!(100)));
    assert_eq!((&room["isOwner"], &room["participantCount"]), (&json!(true), &json!(0)));
    assert_eq!(room["ownerId"], ada.get("/api/users/me").await.json()["id"]);

    let id: RoomId = room["id"].as_str().unwrap().parse().unwrap();
    api.live.seat(id, "cleo", false);
    api.live.seat(id, "dora", true);
    let seen = bob.get(&path(&room)).await.expect(200).json();
    assert_eq!((&seen["isOwner"], &seen["participantCount"]), (&json!(false), &json!(2)));
    let dora = &seen["participants"][1];
    assert_eq!(dora["username"], "dora");
    assert_eq!(dora["displayName"], "DORA");
    assert_eq!((&dora["muted"], &dora["mutedByModerator"]), (&json!(true), &json!(true)));
    assert_eq!(dora["joinedAt"], "2026-11-21T10:00:00.000000Z");
    let avatar = format!("/api/users/{}/avatar?v=", dora["userId"].as_str().unwrap());
    assert!(dora["avatarUrl"].as_str().unwrap().starts_with(&avatar), "with its version, so that a new one is seen");
    assert_eq!(bob.get("/api/rooms").await.expect(200).json()["rooms"][0]["participantCount"], 2);
}

#[tokio::test]
async fn of_a_hall_the_first_hundred_are_listed_and_everybody_is_counted() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let room = ada.post("/api/rooms", json!({ "name": "Hall", "maxParticipants": 200 })).await.expect(201).json();
    let id: RoomId = room["id"].as_str().unwrap().parse().unwrap();
    for n in 0..130 {
        api.live.seat(id, &format!("guest-{n}"), false);
    }
    let seen = ada.get(&path(&room)).await.expect(200).json();
    let people = seen["participants"].as_array().unwrap();
    assert_eq!((people.len(), &seen["participantCount"]), (100, &json!(130)));
    assert_eq!((&people[0]["username"], &people[99]["username"]), (&json!("guest-0"), &json!("guest-99")));
}

#[tokio::test]
async fn rooms_that_cannot_be_are_refused() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    ada.post("/api/rooms", json!({ "name": "  ", "description": "x".repeat(501), "maxParticipants": 1 }))
        .await
        .expect_fields(&["name", "description", "maxParticipants"]);
    ada.post("/api/rooms", json!({ "name": "Tea\nparty" })).await.expect_fields(&["name"]);
    ada.post("/api/rooms", json!({ "name": "Tea", "maxParticipants": 10_001 }))
        .await
        .expect_fields(&["maxParticipants"]);
    for speakers in [0, 9, -1] {
        ada.post("/api/rooms", json!({ "name": "Tea", "maxForwardedSpeakers": speakers }))
            .await
            .expect_fields(&["maxForwardedSpeakers"]);
    }
    ada.post("/api/rooms", json!({ "name": "Tea", "maxParticipants": "9" })).await.expect_fields(&["maxParticipants"]);
    ada.post("/api/rooms", json!({ "description": "x" })).await.expect_fields(&["name"]);
    for field in ["ownerId", "id", "participantCount"] {
        ada.post("/api/rooms", json!({ "name": "Tea", field: "x" })).await.expect_fields(&[field]);
    }
    assert_eq!(ada.get("/api/rooms").await.json(), json!({ "rooms": [], "nextCursor": null }));
}

#[tokio::test]
async fn c1_markup_in_room_names_is_text() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let room = make(&ada, json!({ "name": "<img src=x onerror=alert(1)>" })).await;
    assert_eq!(room["name"], "<img src=x onerror=alert(1)>");
    let answer = ada.get(&path(&room)).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn pages_follow_one_another_newest_first_and_lose_nothing() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    for n in 0..7 {
        make(&ada, json!({ "name": format!("room {n}") })).await;
        // Two of each moment, so that the cursor must look at the id too.
        api.auth.clock.advance(Duration::from_micros(n % 2));
    }
    let mut seen = Vec::new();
    let mut query = "/api/rooms?limit=3".to_owned();
    for page in 0.. {
        let list = ada.get(&query).await.expect(200).json();
        seen.extend(names(&list).into_iter().map(ToOwned::to_owned));
        match list["nextCursor"].as_str() {
            Some(cursor) => query = format!("/api/rooms?limit=3&cursor={cursor}"),
            None => {
                assert_eq!(page, 2);
                break;
            }
        }
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|n| format!("room {n}")).collect::<Vec<_>>());
    let all = ada.get("/api/rooms?limit=100").await.json();
    let times: Vec<&str> = all["rooms"].as_array().unwrap().iter().map(|r| r["createdAt"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    assert_eq!(ada.get("/api/rooms?limit=7").await.json()["nextCursor"], Value::Null, "a full last page is the last");
}

#[tokio::test]
async fn searching_looks_at_name_and_description() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    make(&ada, json!({ "name": "Café Zürich" })).await;
    make(&ada, json!({ "name": "Garden", "description": "near the cafe" })).await;
    make(&ada, json!({ "name": "Tea" })).await;
    assert_eq!(names(&ada.get("/api/rooms?search=CAFE").await.json()), ["Garden", "Café Zürich"]);
    assert_eq!(names(&ada.get("/api/rooms?search=zur").await.json()), ["Café Zürich"]);
    assert_eq!(names(&ada.get("/api/rooms?search=%20%20").await.json()).len(), 3, "blank is no search");
    assert_eq!(names(&ada.get("/api/rooms?search=%25").await.json()).len(), 0, "no wildcards");
}

#[tokio::test]
async fn c3_pages_that_cannot_be_are_refused() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    for limit in ["0", "101", "1000000000", "1e9", "-1", "99999999999999999999", "ten", ""] {
        ada.get(&format!("/api/rooms?limit={limit}")).await.expect_fields(&["limit"]);
    }
    for cursor in ["x", "-1", "AAAA", "%00", "%27%20OR%201=1", &"A".repeat(5000)] {
        ada.get(&format!("/api/rooms?cursor={cursor}")).await.expect_fields(&["cursor"]);
    }
    for search in ["a%00b", "a%0ab", &"x".repeat(101)] {
        ada.get(&format!("/api/rooms?search={search}")).await.expect_fields(&["search"]);
    }
    ada.get("/api/rooms?limit=0&cursor=x").await.expect_fields(&["limit", "cursor"]);
    ada.get("/api/rooms?limit=1&limit=2").await.expect_fields(&["limit"]);
}

#[tokio::test]
async fn r1_of_a_private_room_strangers_learn_nothing() {
    let api = TestApi::new();
    let (ada, eve) = (api.user("ada").await, api.user("eve").await);
    let room = make(&ada, json!({ "name": "Secret plans", "description": "hush", "isPrivate": true })).await;
    api.live.seat(room["id"].as_str().unwrap().parse().unwrap(), "cleo", false);
    let invites = format!("{}/invites", path(&room));
    for answer in [
        eve.get(&path(&room)).await,
        eve.patch(&path(&room), json!({ "name": "Mine" })).await,
        eve.delete(&path(&room)).await,
        eve.poke(&invites).await,
    ] {
        let text = answer.expect_problem(403, "forbidden").text();
        assert!(!text.contains("Secret") && !text.contains("hush") && !text.contains("cleo"), "{text}");
    }
    assert_eq!(names(&eve.get("/api/rooms?search=secret").await.json()).len(), 0);
    assert_eq!(names(&ada.get("/api/rooms?search=secret").await.json()), ["Secret plans"]);
}

#[tokio::test]
async fn owners_change_their_rooms_and_everybody_inside_is_told() {
    let api = TestApi::new();
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    let room = make(&ada, json!({ "name": "Tea" })).await;
    let id: RoomId = room["id"].as_str().unwrap().parse().unwrap();
    bob.patch(&path(&room), json!({ "name": "Coffee" })).await.expect_problem(403, "forbidden");
    assert_eq!(api.events(), []);

    api.auth.clock.advance(Duration::from_secs(60));
    assert_eq!(room["maxForwardedSpeakers"], 8, "what the server forwards");
    let changed = ada.patch(&path(&room), json!({ "maxForwardedSpeakers": 2 })).await.expect(200).json();
    assert_eq!(changed["maxForwardedSpeakers"], 2);
    ada.patch(&path(&room), json!({ "maxForwardedSpeakers": 9 })).await.expect_fields(&["maxForwardedSpeakers"]);
    let changed = ada.patch(&path(&room), json!({ "name": "Coffee", "maxParticipants": 5, "isPrivate": true })).await;
    let changed = changed.expect(200).json();
    assert_eq!(
        (&changed["name"], &changed["maxParticipants"], &changed["isPrivate"]),
        (&json!("Coffee"), &json!(5), &json!(true))
    );
    assert!(changed["updatedAt"].as_str() > room["updatedAt"].as_str());
    assert_eq!(changed["createdAt"], room["createdAt"]);
    assert_eq!(api.events(), [DomainEvent::RoomUpdated(id), DomainEvent::RoomUpdated(id)]);

    ada.patch(&path(&room), json!({ "name": "", "maxParticipants": 0 }))
        .await
        .expect_fields(&["name", "maxParticipants"]);
    ada.patch(&path(&room), json!({ "ownerId": "x" })).await.expect_fields(&["ownerId"]);
    assert_eq!(ada.patch(&path(&room), json!({})).await.expect(200).json(), changed);
    assert_eq!(api.events().len(), 2);
}

#[tokio::test]
async fn owners_delete_their_rooms() {
    let api = TestApi::new();
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    let room = make(&ada, json!({ "name": "Tea" })).await;
    bob.delete(&path(&room)).await.expect_problem(403, "forbidden");
    ada.delete(&path(&room)).await.expect(204);
    assert_eq!(api.events(), [DomainEvent::RoomDeleted(room["id"].as_str().unwrap().parse().unwrap())]);
    ada.get(&path(&room)).await.expect_problem(404, "room-not-found");
    ada.delete(&path(&room)).await.expect_problem(404, "room-not-found");
    ada.get("/api/rooms/nonsense").await.expect_problem(404, "room-not-found");
}

#[tokio::test]
async fn one_user_owns_only_so_many_rooms() {
    let api = TestApi::with(|config| config.rooms_per_user = 2);
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    let first = make(&ada, json!({ "name": "1" })).await;
    make(&ada, json!({ "name": "2" })).await;
    ada.post("/api/rooms", json!({ "name": "3" })).await.expect_problem(409, "room-limit-reached");
    make(&bob, json!({ "name": "3" })).await;
    ada.delete(&path(&first)).await.expect(204);
    make(&ada, json!({ "name": "3" })).await;
}

#[tokio::test]
async fn while_the_server_is_about_to_end_no_room_is_made_and_those_there_are_seen() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let room = make(&ada, json!({ "name": "Tea" })).await;
    api.live.drain();
    let refused = ada.post("/api/rooms", json!({ "name": "Too late" })).await.expect(503);
    assert_eq!(refused.json()["code"], "server-draining");
    assert_eq!(refused.header("retry-after"), "5");
    ada.get(&path(&room)).await.expect(200);
}

#[tokio::test]
async fn the_server_has_only_so_many_rooms() {
    let api = TestApi::with(|config| config.rooms_stored = 2);
    let (ada, bob) = (api.user("ada").await, api.user("bob").await);
    let first = make(&ada, json!({ "name": "1" })).await;
    make(&bob, json!({ "name": "2" })).await;
    ada.post("/api/rooms", json!({ "name": "3" })).await.expect_problem(409, "room-limit-reached");
    ada.delete(&path(&first)).await.expect(204);
    make(&bob, json!({ "name": "3" })).await;
}

#[tokio::test]
async fn no_room_is_for_more_people_than_the_server_allows() {
    let api = TestApi::with(|config| config.people_per_room = 50);
    let ada = api.user("ada").await;
    let room = make(&ada, json!({ "name": "Tea" })).await;
    assert_eq!(room["maxParticipants"], 50, "what it is by default is no more either");
    let problem = ada.post("/api/rooms", json!({ "name": "Hall", "maxParticipants": 51 })).await;
    let problem = problem.expect_problem(422, "validation-failed");
    assert_eq!(problem.json()["errors"][0]["detail"], "must be 2 to 50, is 51");
    ada.patch(&path(&room), json!({ "maxParticipants": 51 })).await.expect_problem(422, "validation-failed");
    ada.patch(&path(&room), json!({ "maxParticipants": 49 })).await.expect(200);
}
