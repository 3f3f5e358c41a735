//! Connection tests: a seat of one's own in which one hears oneself, and what clients tell of media that did not come about.

use hubbub_domain::LiveRooms;
use hubbub_sfu::Grants;
use serde_json::{Value, json};

use crate::harness::{World, config, eventually, peer, seat};

async fn begin(client: &mut crate::harness::Client) -> Value {
    client.send(json!({"type": "connection-test", "id": 1})).await;
    let joined = client.expect("joined").await;
    assert_eq!((&joined["replyTo"], &joined["resumed"]), (&json!(1), &json!(false)));
    joined
}

#[tokio::test]
async fn one_hears_oneself_in_a_test_and_nobody_else_can_come() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let mut client = world.connect(&ada).await;
    let joined = begin(&mut client).await;
    let hears_own = Grants { speak: true, hear: true, hear_own: true };
    assert_eq!(world.media.grants(peer(seat(&joined))), Some(hears_own));
    assert_eq!(joined["participants"].as_array().unwrap().len(), 1);

    let mut other = world.connect(&bob).await;
    other.send(json!({"type": "join", "roomId": joined["room"]["id"]})).await;
    other.expect_error("room-not-found").await;
    client.send(json!({"type": "connection-test"})).await;
    client.expect_error("already-joined").await;
    let offer = json!({"type": "session-description", "description": {"type": "offer", "sdp": "v=0"}});
    client.send(offer).await;
    world.media.wait_offers(peer(seat(&joined)), 1).await;

    client.send(json!({"type": "leave", "id": 2})).await;
    assert_eq!(client.expect("left").await["reason"], "left");
    assert!(!world.media.knows(peer(seat(&joined))));
    // And into a room from there, in which one does not hear oneself.
    let room = world.room(&ada).await;
    let joined = client.join(room).await;
    let grants = world.media.grants(peer(seat(&joined))).unwrap();
    assert!(grants.hear && !grants.hear_own);
    assert_eq!(world.signaling.counts(&[room]).await, [1]);
}

#[tokio::test]
async fn a_test_is_neither_a_participant_nor_a_room() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut in_room, mut in_test) = (world.connect(&ada).await, world.connect(&bob).await);
    in_room.join(room).await;
    begin(&mut in_test).await;
    let counted = || {
        let now = world.signaling.metrics();
        (now.participants, now.rooms, now.connection_tests)
    };
    assert_eq!(counted(), (1, 1, 1));
    in_test.send(json!({"type": "leave"})).await;
    in_test.expect("left").await;
    assert_eq!(counted(), (1, 1, 0));
}

#[tokio::test]
async fn a_user_has_one_test_at_a_time() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let (mut first, mut second) = (world.connect(&ada).await, world.connect(&ada).await);
    begin(&mut first).await;
    begin(&mut second).await;
    assert_eq!(first.expect("left").await["reason"], "replaced");
    eventually("one peer is left", || world.media.known() == 1).await;
}

#[tokio::test]
async fn tests_are_bounded_as_joins_are() {
    let mut config = config();
    config.joins.burst = 2;
    let world = World::with(config).await;
    let mut client = world.connect(&world.user("ada").await).await;
    for _ in 0..2 {
        begin(&mut client).await;
        client.send(json!({"type": "leave"})).await;
        client.expect("left").await;
    }
    client.send(json!({"type": "connection-test"})).await;
    client.expect_error("rate-limited").await;
}

#[tokio::test]
async fn what_failed_is_counted_for_those_who_have_a_seat() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let mut client = world.connect(&ada).await;
    let problem = json!({"type": "media-problem", "step": "ice"});
    client.send(problem.clone()).await;
    client.expect_error("not-joined").await;
    client.join(room).await;
    client.send(problem).await;
    client.send(json!({"type": "media-problem", "step": "coffee"})).await;
    client.expect_error("bad-message").await;
    let problems = world.signaling.metrics().media_problems;
    assert_eq!(problems, [("offer", 0), ("answer", 0), ("ice", 1), ("dtls", 0), ("audio", 0)]);
}
