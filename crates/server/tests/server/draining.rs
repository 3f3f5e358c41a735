//! What SIGTERM does to people in rooms.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Server, Setup, get};

/// Ada in a room of hers, on a server that was told to end and would wait for an hour.
async fn draining() -> (Server, crate::harness::User, crate::harness::Socket, String) {
    let server = Setup::new().with("HUBBUB__SERVER__DRAIN_SECONDS", "3600").start().await;
    let ada = server.user("ada").await;
    let room = server.room(&ada, "Tea").await;
    let mut socket = server.socket(&ada).await;
    socket.send(json!({ "type": "join", "roomId": room })).await;
    socket.wait_for("joined").await;
    server.signal("TERM");
    assert_eq!(socket.wait_for("server-draining").await["secondsLeft"], 3600);
    (server, ada, socket, room)
}

#[tokio::test]
async fn people_in_rooms_are_told_and_kept_nobody_new_gets_in_and_it_ends_with_the_last_of_them() {
    let (mut server, ada, mut inside, room) = draining().await;
    let (status, body) = get(&format!("{}/readyz", server.base)).await.unwrap();
    assert_eq!((status, body["code"].as_str()), (503, Some("shutting-down")));
    assert_eq!(get(&format!("{}/healthz", server.base)).await.unwrap().0, 200);
    let (status, body) = server.post("/api/rooms", Some(&ada), &json!({ "name": "Too late" })).await;
    assert_eq!((status, body["code"].as_str()), (503, Some("server-draining")));
    assert_eq!(server.get(&format!("/api/rooms/{room}"), Some(&ada)).await.0, 200, "what is there is served");

    let bob = server.user("bob").await;
    let mut outside = server.socket(&bob).await;
    outside.wait_for("server-draining").await;
    outside.send(json!({ "type": "join", "roomId": room })).await;
    assert_eq!(outside.wait_for("error").await["code"], "server-draining");

    inside.send(json!({ "type": "leave" })).await;
    inside.wait_for("left").await;
    assert_eq!(inside.close_code().await, 1001);
    assert_eq!(outside.close_code().await, 1001);
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    server.logged("nobody is in a room").await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (mut server, _, _inside, _) = draining().await;
    server.signal("TERM");
    assert_eq!(server.ended().await.code(), Some(1), "not orderly, so not 0");
}

#[tokio::test]
async fn with_nobody_in_a_room_and_with_0_seconds_nothing_is_waited_for() {
    let mut server = Setup::new().with("HUBBUB__SERVER__DRAIN_SECONDS", "3600").start().await;
    let ada = server.user("ada").await;
    let _idle = server.socket(&ada).await;
    server.signal("TERM");
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());

    let mut server = Setup::new().with("HUBBUB__SERVER__DRAIN_SECONDS", "0").start().await;
    let ada = server.user("ada").await;
    let room = server.room(&ada, "Tea").await;
    let mut socket = server.socket(&ada).await;
    socket.send(json!({ "type": "join", "roomId": room })).await;
    socket.wait_for("joined").await;
    server.signal("INT");
    assert_eq!(socket.close_code().await, 1001);
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
}

#[tokio::test]
async fn the_time_is_the_configurations() {
    let mut server = Setup::new().with("HUBBUB__SERVER__DRAIN_SECONDS", "1").start().await;
    let ada = server.user("ada").await;
    let room = server.room(&ada, "Tea").await;
    let mut socket = server.socket(&ada).await;
    socket.send(json!({ "type": "join", "roomId": room })).await;
    socket.wait_for("joined").await;
    let begin = std::time::Instant::now();
    server.signal("TERM");
    assert_eq!(socket.wait_for("server-draining").await["secondsLeft"], 1);
    assert_eq!(socket.close_code().await, 1001);
    assert!(begin.elapsed() >= Duration::from_secs(1), "kept until the deadline");
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
}
