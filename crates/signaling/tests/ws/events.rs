//! What happens elsewhere and reaches the sockets: logins that end, rooms that change or go, the server's end.

use std::time::Duration;

use hubbub_domain::room::{MaxForwardedSpeakers, RoomName};
use hubbub_domain::storage::{Avatars, Rooms, Users};
use hubbub_domain::user::DisplayName;
use hubbub_domain::{DomainEvent, LiveRooms, ProfilePatch, RoomPatch};
use hubbub_signaling::Config;
use serde_json::json;

use crate::harness::{World, config, identity, open, peer, seat};

#[tokio::test]
async fn a_login_that_ends_takes_sockets_and_seats_with_it() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let (first, second) = (world.room(&ada).await, world.room(&ada).await);
    let (mut witness, _) = world.joined(&ada, first).await;
    let (mut one, one_joined) = world.joined(&bob, first).await;
    let (two, two_joined) = world.joined(&bob, second).await;
    let mut idle = world.connect(&bob).await;
    witness.expect("add-peer").await;
    // A seat that waits for its socket ends too.
    two.drop_connection();
    crate::harness::eventually("the server notices", || world.signaling.metrics().sockets == 3).await;

    world.accounts.auth.logout(Some(bob.tokens.access.expose()), None).await.unwrap();
    let session = identity(&bob, &world).session;
    assert!(world.accounts.events.all().contains(&DomainEvent::SessionEnded(session)));
    world.signaling.handle_event(DomainEvent::SessionEnded(session));
    assert_eq!(one.expect_close().await, 4401);
    assert_eq!(idle.expect_close().await, 4401);
    assert_eq!(witness.expect("remove-peer").await["reason"], "left");
    assert!(!world.media.knows(peer(seat(&one_joined))) && !world.media.knows(peer(seat(&two_joined))));
    assert_eq!(world.signaling.counts(&[first, second]).await, [1, 0]);
    witness.expect_quiet().await;
}

#[tokio::test]
async fn another_login_of_the_same_user_stays() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let again = world.accounts.auth.login(&ada.user.email, hubbub_auth::testing::PASSWORD, "phone").await.unwrap();
    let room = world.room(&ada).await;
    let (mut stays, _) = world.joined(&again, room).await;
    let mut goes = world.connect(&ada).await;
    world.signaling.handle_event(DomainEvent::SessionEnded(identity(&ada, &world).session));
    assert_eq!(goes.expect_close().await, 4401);
    stays.expect_quiet().await;
}

#[tokio::test]
async fn a_login_that_ended_unheard_is_found_out() {
    let world = World::with(Config { session_check_interval: Duration::from_millis(50), ..config() }).await;
    let ada = world.user("ada").await;
    let mut client = world.connect(&ada).await;
    client.expect_quiet().await;
    world.accounts.storage.set_unavailable(true);
    tokio::time::sleep(Duration::from_millis(150)).await;
    client.expect_quiet().await;
    world.accounts.storage.set_unavailable(false);
    world.accounts.auth.logout(Some(ada.tokens.access.expose()), None).await.unwrap();
    assert_eq!(client.expect_close().await, 4401);
}

#[tokio::test]
async fn joining_with_an_ended_login_is_refused() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let mut client = world.connect(&ada).await;
    client.expect_quiet().await;
    world.accounts.auth.logout(Some(ada.tokens.access.expose()), None).await.unwrap();
    client.send(json!({"type": "join", "roomId": room})).await;
    client.expect_error("unauthorized").await;
    assert_eq!(client.expect_close().await, 4401);
}

#[tokio::test]
async fn a_deleted_room_sends_everybody_out() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut owner, joined) = world.joined(&ada, room).await;
    let (mut guest, _) = world.guest("bob", room).await;
    owner.expect("add-peer").await;
    world.accounts.storage.delete_room(room).await.unwrap();
    world.signaling.handle_event(DomainEvent::RoomDeleted(room));
    for client in [&mut owner, &mut guest] {
        let left = client.expect("left").await;
        assert_eq!(left, json!({"type": "left", "roomId": room, "reason": "room-deleted"}));
        client.expect_quiet().await;
    }
    assert!(!world.media.knows(peer(seat(&joined))));
    assert_eq!(world.signaling.metrics().participants, 0);
    owner.send(json!({"type": "join", "roomId": room})).await;
    owner.expect_error("room-not-found").await;
    let next = world.room(&ada).await;
    owner.join(next).await;
}

#[tokio::test]
async fn a_changed_room_is_told_to_those_inside() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut owner, _) = world.joined(&ada, room).await;
    world.change_room(room, RoomPatch { name: Some(RoomName::parse("Tea").unwrap()), ..RoomPatch::default() }).await;
    let updated = owner.expect("room-updated").await;
    assert_eq!(updated["room"]["name"], "Tea");
    let (_, joined) = world.joined(&world.user("bob").await, room).await;
    assert_eq!(joined["room"]["name"], "Tea");
}

#[tokio::test]
async fn the_media_plane_is_told_how_many_speakers_to_forward_and_when_that_changes() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut owner, _) = world.joined(&ada, room).await;
    let speakers = |most| RoomPatch {
        max_forwarded_speakers: Some(MaxForwardedSpeakers::new(most, 32).unwrap()),
        ..RoomPatch::default()
    };
    world.change_room(room, speakers(3)).await;
    crate::harness::eventually("the change arrives", || world.media.max_speakers() == [8, 3]).await;
    owner.expect_quiet().await;
    let (_bob, _) = world.joined(&world.user("bob").await, room).await;
    // More than the server forwards is what it forwards.
    world.change_room(room, speakers(20)).await;
    crate::harness::eventually("the change arrives", || world.media.max_speakers() == [8, 3, 3, 8]).await;
    world.change_room(room, speakers(8)).await;
    world.change_room(room, RoomPatch { name: Some(RoomName::parse("Tea").unwrap()), ..RoomPatch::default() }).await;
    owner.expect("add-peer").await;
    owner.expect("room-updated").await;
    assert_eq!(world.media.max_speakers(), [8, 3, 3, 8], "what does not change is not told");
}

#[tokio::test]
async fn a_new_name_or_picture_reaches_those_in_the_room() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let (first, second) = (world.room(&ada).await, world.room(&ada).await);
    let (mut owner, _) = world.joined(&ada, first).await;
    let (mut guest, joined) = world.joined(&bob, first).await;
    let (mut elsewhere, _) = world.joined(&bob, second).await;
    owner.expect("add-peer").await;

    let patch = ProfilePatch { display_name: Some(DisplayName::parse("Bobby").unwrap()), ..ProfilePatch::default() };
    world.accounts.storage.update_profile(bob.user.id, patch).await.unwrap();
    world.signaling.handle_event(DomainEvent::ProfileChanged(bob.user.id));
    let told = owner.expect("update-peer").await;
    assert_eq!(told["participant"]["displayName"], "Bobby");
    assert_eq!(told["participant"]["id"], joined["participantId"]);
    assert_eq!(told["participant"]["avatarVersion"], json!(null));
    assert_eq!(guest.expect("update-peer").await, told);
    assert_eq!(elsewhere.expect("update-peer").await["participant"]["displayName"], "Bobby");
    assert_eq!(world.signaling.first_participants(first, 10).await.0[1].display_name, "Bobby");

    world.accounts.storage.put_avatar(bob.user.id, "image/webp", &[1], world.accounts.now()).await.unwrap();
    world.signaling.handle_event(DomainEvent::ProfileChanged(bob.user.id));
    let told = owner.expect("update-peer").await;
    assert_eq!(told["participant"]["avatarVersion"], json!(world.accounts.now().0));

    // The same again, and somebody who is nowhere, is no news.
    world.signaling.handle_event(DomainEvent::ProfileChanged(bob.user.id));
    world.signaling.handle_event(DomainEvent::ProfileChanged(world.user("eve").await.user.id));
    world.change_room(first, RoomPatch { name: Some(RoomName::parse("Tea").unwrap()), ..RoomPatch::default() }).await;
    owner.expect("room-updated").await;
}

#[tokio::test]
async fn a_room_that_becomes_private_keeps_only_those_who_may_stay() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let room = world.room(&ada).await;
    let (mut owner, _) = world.joined(&ada, room).await;
    let (mut member, _) = world.joined(&bob, room).await;
    let (mut stranger, joined) = world.joined(&eve, room).await;
    owner.expect("add-peer").await;
    owner.expect("add-peer").await;
    member.expect("add-peer").await;
    world.accounts.storage.add_member(room, bob.user.id);
    let patch =
        RoomPatch { is_private: Some(true), name: Some(RoomName::parse("Hidden").unwrap()), ..RoomPatch::default() };
    world.change_room(room, patch).await;

    let left = stranger.expect("left").await;
    assert_eq!(left, json!({"type": "left", "roomId": room, "reason": "forbidden"}));
    stranger.expect_quiet().await;
    assert!(!world.media.knows(peer(seat(&joined))));
    for client in [&mut owner, &mut member] {
        assert_eq!(client.expect("remove-peer").await["reason"], "forbidden");
        assert_eq!(client.expect("room-updated").await["room"]["isPrivate"], true);
    }
    stranger.send(json!({"type": "join", "roomId": room})).await;
    stranger.expect_error("forbidden").await;
}

#[tokio::test]
async fn a_change_that_cannot_be_read_is_read_later() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut owner, _) = world.joined(&ada, room).await;
    let (mut stranger, _) = world.guest("eve", room).await;
    owner.expect("add-peer").await;
    let patch = RoomPatch { is_private: Some(true), ..RoomPatch::default() };
    world.accounts.storage.update_room(room, patch, world.accounts.now()).await.unwrap();
    world.accounts.storage.set_unavailable(true);
    world.signaling.handle_event(DomainEvent::RoomUpdated(room));
    tokio::time::sleep(Duration::from_millis(100)).await;
    stranger.expect_quiet().await;
    world.accounts.storage.set_unavailable(false);
    assert_eq!(stranger.expect("left").await["reason"], "forbidden");
}

#[tokio::test]
async fn the_servers_end_is_told_and_no_socket_opens_after_it() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut client, _) = world.joined(&ada, room).await;
    let mut idle = world.connect(&ada).await;
    // Reads nothing, and must not hold the end up for long.
    let _stuck = world.connect(&ada).await;
    let signaling = world.signaling.clone();
    let started = tokio::time::Instant::now();
    let ended = tokio::spawn(async move { signaling.shutdown().await });
    assert_eq!(client.expect_close().await, 1001);
    assert_eq!(idle.expect_close().await, 1001);
    ended.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    let bearer = format!("Bearer {}", ada.tokens.access.expose());
    assert_eq!(open(world.address, "/ws?version=1", &[("authorization", &bearer)]).await.err(), Some(503));
}

#[tokio::test]
async fn while_the_server_drains_those_inside_stay_and_nobody_new_gets_in() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut inside, joined) = world.joined(&ada, room).await;
    let mut outside = world.connect(&bob).await;
    let signaling = world.signaling.clone();
    let drained = tokio::spawn(async move { signaling.drain(Duration::from_secs(3600)).await });
    let told = json!({"type": "server-draining", "secondsLeft": 3600});
    assert_eq!(inside.expect("server-draining").await, told);
    assert_eq!(outside.expect("server-draining").await, told);
    outside.send(json!({"type": "join", "roomId": room})).await;
    outside.expect_error("server-draining").await;

    // Who has a seat comes back to it, and hears how long it lasts.
    inside.drop_connection();
    let mut inside = world.connect(&ada).await;
    assert!(inside.expect("server-draining").await["secondsLeft"].as_u64().is_some_and(|left| left > 3000));
    inside.send(json!({"type": "join", "roomId": room, "resumeToken": joined["resumeToken"]})).await;
    assert_eq!(inside.expect("joined").await["resumed"], true);
    assert!(!drained.is_finished());
    inside.send(json!({"type": "leave"})).await;
    inside.expect("left").await;
    assert!(drained.await.unwrap(), "it ends when the last one has left");
    assert_eq!(world.signaling.metrics().sockets, 2, "sockets stay open until the end");
}

#[tokio::test]
async fn draining_ends_at_its_deadline_and_without_one_nobody_is_told() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut client, _) = world.joined(&ada, room).await;
    assert!(!world.signaling.drain(Duration::ZERO).await, "somebody was there");
    client.expect_quiet().await;
    assert!(!world.signaling.drain(Duration::from_millis(10)).await);
    assert_eq!(client.expect("server-draining").await["secondsLeft"], 1);
}

#[tokio::test]
async fn o2_a_panic_over_one_event_leaves_the_caller_and_the_other_rooms_alone() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let (broken, whole) = (world.room(&ada).await, world.room(&ada).await);
    let (_cleo, fragile) = world.guest("cleo", broken).await;
    let (mut witness, _) = world.guest("dora", whole).await;
    *world.media.fragile.lock() = Some(peer(fragile));

    world.signaling.handle_event(DomainEvent::RoomDeleted(broken));
    world.change_room(whole, RoomPatch { name: Some(RoomName::parse("Tea").unwrap()), ..RoomPatch::default() }).await;
    assert_eq!(witness.expect("room-updated").await["room"]["name"], "Tea");
    world.signaling.handle_event(DomainEvent::RoomDeleted(whole));
    assert_eq!(witness.expect("left").await["reason"], "room-deleted");
}
