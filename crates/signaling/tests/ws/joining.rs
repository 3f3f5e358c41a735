//! Taking seats and giving them up: R1, R6, and being replaced.

use std::time::Duration;

use hubbub_domain::{LiveRooms, RoomId};
use serde_json::{Value, json};

use crate::harness::{World, is_user, peer, seat};

#[tokio::test]
async fn people_see_each_other_come_and_go() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut a, joined) = world.joined(&ada, room).await;
    assert_eq!(joined["room"]["name"], "Secret garden");
    assert_eq!(
        (&joined["resumed"], &joined["canModerate"], &joined["slots"]),
        (&json!(false), &json!(true), &json!(8))
    );
    assert_eq!(joined["participants"].as_array().unwrap().len(), 1);
    assert!(world.media.knows(peer(seat(&joined))));

    let (mut b, joined) = world.joined(&bob, room).await;
    assert_eq!(joined["canModerate"], false);
    let people = joined["participants"].as_array().unwrap();
    assert!(is_user(&people[0], ada.user.id) && is_user(&people[1], bob.user.id), "in order of joining");
    let added = a.expect("add-peer").await;
    assert_eq!(added["participant"], people[1]);
    assert_eq!(added["participant"]["username"], "bob");

    b.send(json!({"type": "leave", "id": 9})).await;
    assert_eq!(b.expect("left").await, json!({"type": "left", "replyTo": 9, "roomId": room, "reason": "left"}));
    let removed = a.expect("remove-peer").await;
    assert_eq!(removed, json!({"type": "remove-peer", "participantId": seat(&joined), "reason": "left"}));
    assert!(!world.media.knows(peer(seat(&joined))));
    b.send(json!({"type": "leave"})).await;
    b.expect_error("not-joined").await;
    assert_ne!(seat(&b.join(room).await), seat(&joined), "a new seat for every join");
}

#[tokio::test]
async fn a_private_room_says_no_more_than_forbidden() {
    let world = World::new().await;
    let (ada, eve) = (world.user("ada").await, world.user("eve").await);
    let room = world.room_with(&ada, true, 10).await.id;
    let mut client = world.connect(&eve).await;
    client.send(json!({"type": "join", "roomId": room})).await;
    let error = client.expect_error("forbidden").await;
    assert!(!error.to_string().contains("garden"), "{error}");
    let offer = json!({"type": "session-description", "description": {"type": "offer", "sdp": "v=0"}});
    client.send(offer).await;
    client.expect_error("not-joined").await;
    assert_eq!(world.signaling.counts(&[room]).await, [0]);

    world.accounts.storage.add_member(room, eve.user.id);
    client.join(room).await;
}

#[tokio::test]
async fn an_unknown_room_is_not_found() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut client = world.connect(&ada).await;
    client.send(json!({"type": "join", "roomId": RoomId::new(), "id": 3})).await;
    assert_eq!(client.expect_error("room-not-found").await["replyTo"], 3);
}

#[tokio::test]
async fn one_socket_has_one_seat() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let (first, second) = (world.room(&ada).await, world.room(&ada).await);
    let (mut client, _) = world.joined(&ada, first).await;
    for room in [first, second] {
        client.send(json!({"type": "join", "roomId": room})).await;
        client.expect_error("already-joined").await;
    }
    client.send(json!({"type": "leave"})).await;
    client.expect("left").await;
    client.join(second).await;
}

#[tokio::test]
async fn joining_from_elsewhere_takes_the_seat_over() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&bob).await;
    let (mut witness, _) = world.joined(&bob, room).await;
    let (mut old, before) = world.joined(&ada, room).await;
    witness.expect("add-peer").await;
    let (_new, after) = world.joined(&ada, room).await;
    assert_ne!(seat(&before), seat(&after));
    let told = old.expect("left").await;
    assert_eq!(told, json!({"type": "left", "roomId": room, "reason": "replaced"}));
    let removed = witness.expect("remove-peer").await;
    assert_eq!(removed, json!({"type": "remove-peer", "participantId": seat(&before), "reason": "replaced"}));
    assert_eq!(witness.expect("add-peer").await["participant"]["id"], json!(seat(&after)));
    assert!(!world.media.knows(peer(seat(&before))) && world.media.knows(peer(seat(&after))));
    old.send(json!({"type": "mute"})).await;
    old.expect_error("not-joined").await;
    old.drop_connection();
    tokio::time::sleep(Duration::from_millis(100)).await;
    witness.expect_quiet().await;
    assert_eq!(world.signaling.first_participants(room, 1).await.1, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_want_the_last_seat_do_not_both_get_it() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    for _ in 0..40 {
        let room = world.room_with(&ada, false, 2).await.id;
        let _first = world.joined(&ada, room).await;
        let (mut b, mut e) = (world.connect(&bob).await, world.connect(&eve).await);
        let join = json!({"type": "join", "roomId": room});
        let (one, other) = tokio::join!(b.ask(join.clone()), e.ask(join));
        let won = |answer: &Value| answer["type"] == "joined";
        assert!(won(&one) ^ won(&other), "{one} {other}");
        let lost = if won(&one) { other } else { one };
        assert_eq!(lost["code"], "room-full");
        assert_eq!(world.signaling.counts(&[room]).await, [2]);
    }
}

#[tokio::test]
async fn a_seat_that_waits_for_its_socket_is_taken() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let room = world.room_with(&ada, false, 2).await.id;
    let _a = world.joined(&ada, room).await;
    let (b, _) = world.joined(&bob, room).await;
    b.drop_connection();
    let mut e = world.connect(&eve).await;
    e.send(json!({"type": "join", "roomId": room})).await;
    e.expect_error("room-full").await;
}

#[tokio::test]
async fn a_busy_media_plane_refuses_newcomers_and_nobody_else() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut inside, joined) = world.joined(&ada, room).await;
    let mut outside = world.connect(&bob).await;
    for reason in hubbub_sfu::AdmitError::ALL {
        *world.media.refuses.lock() = Some(reason);
        outside.send(json!({"type": "join", "id": 7, "roomId": room})).await;
        let refused = outside.expect_error("server-busy").await;
        assert_eq!((&refused["replyTo"], &refused["message"]), (&json!(7), &json!(reason.to_string())));
    }
    assert_eq!(world.signaling.counts(&[room]).await, [1]);
    inside.expect_quiet().await;
    // Whoever is in stays in: over another socket with its seat, or with a new one in place of the old.
    let resume = json!({"type": "join", "roomId": room, "resumeToken": joined["resumeToken"]});
    let mut again = world.connect(&ada).await;
    assert_eq!(again.ask(resume).await["resumed"], true);
    let mut anew = world.connect(&ada).await;
    assert_eq!(anew.ask(json!({"type": "join", "roomId": room})).await["resumed"], false);

    *world.media.refuses.lock() = None;
    let retried = outside.ask(json!({"type": "join", "roomId": room})).await;
    assert_eq!(retried["type"], "joined", "the same socket may try again");
}

#[tokio::test]
async fn while_the_database_is_away_the_socket_and_the_seats_stay() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut inside, _) = world.joined(&ada, room).await;
    let mut outside = world.connect(&bob).await;
    // The first thing a socket does is to look whether its login lives.
    outside.expect_quiet().await;
    world.accounts.storage.set_unavailable(true);
    outside.send(json!({"type": "join", "roomId": room})).await;
    outside.expect_error("unavailable").await;
    inside.send(json!({"type": "mute"})).await;
    inside.expect("mute-info").await;
    world.accounts.storage.set_unavailable(false);
    outside.join(room).await;
}

#[tokio::test]
async fn presence_tells_who_is_where() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let (first, second) = (world.room(&ada).await, world.room(&ada).await);
    let (_a, _) = world.joined(&ada, first).await;
    let (mut b, joined) = world.joined(&bob, first).await;
    b.send(json!({"type": "mute"})).await;
    b.expect("mute-info").await;
    assert_eq!(world.signaling.counts(&[second, first, RoomId::new()]).await, [0, 2, 0]);
    let (people, _) = world.signaling.first_participants(first, 10).await;
    assert_eq!(people[1].id.0, seat(&joined));
    assert!(people[1].muted && !people[1].muted_by_moderator && !people[0].muted);
    let metrics = world.signaling.metrics();
    assert_eq!((metrics.sockets, metrics.participants, metrics.rooms), (2, 2, 1));
    assert_eq!(metrics.join_time.count, 2);
    assert!(metrics.messages_in.contains(&("join", 2)) && metrics.messages_out.contains(&("joined", 2)));
}
