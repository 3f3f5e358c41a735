//! Coming back after the socket dropped.

use hubbub_sfu::{Event, Mid};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::{RESUME_WINDOW, World, eventually, peer, seat};

fn resume(joined: &Value) -> Value {
    json!({"type": "join", "roomId": joined["room"]["id"], "resumeToken": joined["resumeToken"]})
}

#[tokio::test]
async fn within_the_window_nobody_notices() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut witness, _) = world.joined(&ada, room).await;
    let (client, before) = world.joined(&bob, room).await;
    witness.expect("add-peer").await;
    client.drop_connection();
    eventually("the server notices", || world.signaling.metrics().sockets == 1).await;

    let mut client = world.connect(&bob).await;
    client.send(resume(&before)).await;
    let after = client.expect("joined").await;
    assert_eq!(after["resumed"], true);
    assert_eq!(seat(&after), seat(&before));
    assert_ne!(after["resumeToken"], before["resumeToken"]);
    sleep(RESUME_WINDOW * 2).await;
    client.expect_quiet().await;
    witness.expect_quiet().await;
    assert!(world.media.knows(peer(seat(&before))));
    assert_eq!(world.signaling.metrics().resumes, 1);
}

#[tokio::test]
async fn after_the_window_the_seat_is_gone() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut witness, _) = world.joined(&ada, room).await;
    let (client, before) = world.joined(&bob, room).await;
    witness.expect("add-peer").await;
    client.drop_connection();
    let removed = witness.expect("remove-peer").await;
    assert_eq!(removed, json!({"type": "remove-peer", "participantId": seat(&before), "reason": "timed-out"}));
    assert!(!world.media.knows(peer(seat(&before))));

    let mut client = world.connect(&bob).await;
    client.send(resume(&before)).await;
    let after = client.expect("joined").await;
    assert_eq!(after["resumed"], false);
    assert_ne!(seat(&after), seat(&before));
    let metrics = world.signaling.metrics();
    assert_eq!((metrics.resumes, metrics.resumes_failed, metrics.seats_timed_out), (0, 1, 1));
}

#[tokio::test]
async fn a_second_loss_gets_a_window_of_its_own() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let _witness = world.joined(&ada, room).await;
    let (client, mut joined) = world.joined(&bob, room).await;
    let before = seat(&joined);
    client.drop_connection();
    for _ in 0..4 {
        sleep(RESUME_WINDOW / 2).await;
        let mut client = world.connect(&bob).await;
        joined = client.ask(resume(&joined)).await;
        assert_eq!((seat(&joined), &joined["resumed"]), (before, &json!(true)));
        client.drop_connection();
    }
}

#[tokio::test]
async fn a_new_socket_takes_over_from_one_that_is_half_open() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut old, before) = world.joined(&ada, room).await;
    let mut new = world.connect(&ada).await;
    let after = new.ask(resume(&before)).await;
    assert_eq!((seat(&after), &after["resumed"]), (seat(&before), &json!(true)));
    let (last, code) = old.messages_until_close().await;
    assert_eq!(last, [json!({"type": "left", "roomId": room, "reason": "replaced"})]);
    assert_eq!(code, 1000);
    sleep(RESUME_WINDOW * 2).await;
    new.expect_quiet().await;
}

#[tokio::test]
async fn a_resume_token_serves_once_and_for_its_user_only() {
    let world = World::new().await;
    let (ada, eve) = (world.user("ada").await, world.user("eve").await);
    let room = world.room(&ada).await;
    let (client, before) = world.joined(&ada, room).await;
    let mut thief = world.connect(&eve).await;
    let stolen = thief.ask(resume(&before)).await;
    assert_eq!(stolen["resumed"], false);
    assert_ne!(seat(&stolen), seat(&before));

    client.drop_connection();
    let mut client = world.connect(&ada).await;
    assert_eq!(client.ask(resume(&before)).await["resumed"], true);
    client.drop_connection();
    let mut client = world.connect(&ada).await;
    assert_eq!(client.ask(resume(&before)).await["resumed"], false);
}

#[tokio::test]
async fn a_token_of_another_room_gives_a_new_seat() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let (first, second) = (world.room(&ada).await, world.room(&ada).await);
    let (_client, joined) = world.joined(&ada, first).await;
    let mut client = world.connect(&ada).await;
    let other = json!({"type": "join", "roomId": second, "resumeToken": joined["resumeToken"]});
    assert_eq!(client.ask(other).await["resumed"], false);
}

#[tokio::test]
async fn who_comes_back_is_told_the_slots_the_mutes_and_who_speaks() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut a, a_joined) = world.joined(&ada, room).await;
    let (client, before) = world.joined(&bob, room).await;
    a.expect("add-peer").await;
    client.drop_connection();
    eventually("the server notices", || world.signaling.metrics().sockets == 1).await;

    let (speaker, listener) = (peer(seat(&a_joined)), peer(seat(&before)));
    let mid = |text| Mid::parse(text).unwrap();
    let slots = |changes| Event::Slots { peer: listener, changes };
    world.events.send(slots(vec![(mid("1"), Some(speaker)), (mid("2"), Some(speaker))])).unwrap();
    world.events.send(slots(vec![(mid("2"), None)])).unwrap();
    let call = hubbub_sfu::CallId(room.0.as_u128());
    world.events.send(Event::Speakers { call, speakers: vec![(speaker, -20)] }).unwrap();
    a.expect("speakers").await;
    a.send(json!({"type": "mute"})).await;
    a.expect("mute-info").await;

    let mut client = world.connect(&bob).await;
    let after = client.ask(resume(&before)).await;
    assert_eq!(after["participants"][0]["muted"], true);
    let slots = client.expect("slots").await;
    assert_eq!(slots["assignments"], json!([{"mid": "1", "participantId": seat(&a_joined)}]));
    let speakers = client.expect("speakers").await;
    assert_eq!(speakers["speakers"], json!([{"participantId": seat(&a_joined), "level": -20}]));
    client.expect_quiet().await;
}

#[tokio::test]
async fn who_lost_the_media_meanwhile_is_told_so() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (client, before) = world.joined(&ada, room).await;
    client.drop_connection();
    eventually("the server notices", || world.signaling.metrics().sockets == 0).await;
    let lost = Event::Lost { peer: peer(seat(&before)), reason: hubbub_sfu::LostReason::ConsentExpired };
    world.events.send(lost).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let mut client = world.connect(&ada).await;
    assert_eq!(client.ask(resume(&before)).await["resumed"], true);
    assert_eq!(client.expect("media-state").await["state"], "lost");
    client.expect_quiet().await;
}

#[tokio::test]
async fn leaving_is_at_once() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut witness, _) = world.joined(&ada, room).await;
    let (mut client, _) = world.joined(&bob, room).await;
    witness.expect("add-peer").await;
    client.send(json!({"type": "leave"})).await;
    client.socket.close(None).await.unwrap();
    let started = tokio::time::Instant::now();
    assert_eq!(witness.expect("remove-peer").await["reason"], "left");
    assert!(started.elapsed() < RESUME_WINDOW);
}
