//! What admins of the server see of live calls and do to them, and how a blocked user's sockets end.

use std::time::Duration;

use hubbub_domain::storage::{Administration as _, AuditFilter, AuditLog as _, UserChange};
use hubbub_domain::{Actor, AuditAction, DomainEvent, LoginsEnd, ParticipantId, RoomId, Supervision as _};
use hubbub_sfu::{AddressFamily, CallId, Grants, LinkStats, PeerStats, Protocol, Route};
use serde_json::{Value, json};

use crate::harness::{World, open, peer, seat};

const SILENT: Option<Grants> = Some(Grants { speak: false, hear: true, hear_own: false });

#[tokio::test]
async fn live_rooms_are_listed_with_everybody_and_how_they_are_connected() {
    let world = World::new().await;
    assert_eq!(world.signaling.rooms().await, []);
    let ada = world.user("ada").await;
    let (tea, empty) = (world.room(&ada).await, RoomId::new());
    let (_ada_socket, joined) = world.joined(&ada, tea).await;
    let bob = world.user("bob").await;
    let bearer = format!("Bearer {}", bob.tokens.access.expose());
    let firefox = "Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0";
    let headers = [("authorization", bearer.as_str()), ("user-agent", firefox)];
    let mut socket = open(world.address, "/ws?version=1", &headers).await.unwrap();
    socket.expect("welcome").await;
    let bob_seat = seat(&socket.join(tea).await);
    world.media.stats.lock().push(PeerStats {
        peer: peer(bob_seat),
        call: CallId(tea.0.as_u128()),
        worker: 0,
        connected: true,
        route: Some(Route { protocol: Protocol::Tcp, family: AddressFamily::V6, relayed: true }),
        round_trip: Some(Duration::from_millis(40)),
        publishes: true,
        speaks: true,
        uplink: LinkStats { bitrate: 32_000, loss: Some(0.5), ..LinkStats::default() },
        downlink: LinkStats::default(),
        slots: Vec::new(),
    });

    let rooms = world.signaling.rooms().await;
    assert_eq!(rooms.len(), 1);
    assert_eq!((rooms[0].id, rooms[0].participants, rooms[0].owner), (tea, 2, ada.user.id));
    assert_eq!(world.signaling.room(tea).await.as_ref(), Some(&rooms[0]));
    assert_eq!(world.signaling.room(empty).await, None);

    let peers = world.signaling.peers(tea, None, 10).await;
    assert_eq!(peers.len(), 2);
    assert_eq!((&peers[0].client.browser, &peers[0].media, peers[0].online), (&None, &None, true));
    assert_eq!(peers[1].client.browser.as_deref(), Some("Firefox 143"));
    assert_eq!(peers[1].client.system.as_deref(), Some("Android"));
    let media = peers[1].media.as_ref().unwrap();
    let route = media.route.unwrap();
    assert!(route.tcp && route.ipv6 && route.relayed && media.speaks);
    assert_eq!((media.uplink.bitrate, media.uplink.loss), (32_000, Some(0.5)));
    let first = ParticipantId(seat(&joined));
    let later = world.signaling.peers(tea, Some(first), 10).await;
    assert_eq!(later.iter().map(|peer| peer.participant.id.0).collect::<Vec<_>>(), [bob_seat]);
    assert_eq!(world.signaling.peers(tea, None, 1).await.len(), 1);
    assert_eq!(world.signaling.peers(empty, None, 10).await, []);

    socket.drop_connection();
    let mut online = true;
    while online {
        online = world.signaling.peers(tea, Some(first), 1).await.first().is_some_and(|peer| peer.online);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn who_is_sent_out_is_told_and_may_come_back_to_another_seat() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut owner, _) = world.joined(&ada, room).await;
    let bob = world.user("bob").await;
    let (mut guest, joined) = world.joined(&bob, room).await;
    owner.expect("add-peer").await;
    let kicked = seat(&joined);
    let seated = world.signaling.seated(ParticipantId(kicked)).await.unwrap();
    assert_eq!((seated.room.id, seated.user.username.as_str()), (room, "bob"));

    assert!(world.signaling.kick(ParticipantId(kicked)).await);
    assert_eq!(guest.expect("left").await, json!({"type": "left", "roomId": room, "reason": "kicked"}));
    assert_eq!(
        owner.expect("remove-peer").await,
        json!({"type": "remove-peer", "participantId": kicked, "reason": "kicked"})
    );
    assert!(!world.media.knows(peer(kicked)), "nothing of them is forwarded any more");
    assert!(!world.signaling.kick(ParticipantId(kicked)).await, "nobody sits there");
    assert_eq!(world.signaling.seated(ParticipantId(kicked)).await, None);
    guest.send(json!({"type": "mute"})).await;
    guest.expect_error("not-joined").await;

    // The seat of before is not theirs to come back to.
    let again = json!({"type": "join", "roomId": room, "resumeToken": joined["resumeToken"]});
    let again = guest.ask(again).await;
    assert_eq!((&again["type"], &again["resumed"]), (&json!("joined"), &json!(false)));
    assert_ne!(seat(&again), kicked);
}

#[tokio::test]
async fn r4_an_admin_mutes_from_outside_as_the_owner_does() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut owner, _) = world.joined(&ada, room).await;
    let (mut guest, guest_seat) = world.guest("bob", room).await;
    owner.expect("add-peer").await;
    for (muted, by_moderator) in [(true, true), (true, false)] {
        assert!(world.signaling.set_muted(ParticipantId(guest_seat), by_moderator).await);
        let info = json!({
            "type": "mute-info", "participantId": guest_seat, "muted": muted, "mutedByModerator": by_moderator
        });
        assert_eq!(guest.expect("mute-info").await, info);
        assert_eq!(owner.expect("mute-info").await, info);
        assert_eq!(world.media.grants(peer(guest_seat)), SILENT, "lifted, it leaves the microphone off");
        if by_moderator {
            guest.send(json!({"type": "unmute"})).await;
            guest.expect_error("muted-by-moderator").await;
        }
    }
    assert!(!world.signaling.set_muted(ParticipantId::new(), true).await);
}

#[tokio::test]
async fn a_call_that_is_ended_sends_everybody_out_and_can_begin_again() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut owner, joined) = world.joined(&ada, room).await;
    let (mut guest, guest_seat) = world.guest("bob", room).await;
    owner.expect("add-peer").await;
    assert_eq!(world.signaling.close(room).await, 2);
    for client in [&mut owner, &mut guest] {
        assert_eq!(client.expect("left").await, json!({"type": "left", "roomId": room, "reason": "room-closed"}));
        client.expect_quiet().await;
    }
    assert!(!world.media.knows(peer(guest_seat)) && !world.media.knows(peer(seat(&joined))));
    assert_eq!((world.signaling.close(room).await, world.signaling.rooms().await), (0, vec![]));
    assert_eq!(owner.join(room).await["participants"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn s5_who_is_blocked_is_out_of_every_room_and_socket_at_once() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut owner, _) = world.joined(&ada, room).await;
    let (mut guest, joined) = world.joined(&bob, room).await;
    let mut idle = world.connect(&bob).await;
    owner.expect("add-peer").await;
    world.accounts.auth.change_user(Actor::Operator, &bob.user, UserChange::Block).await.unwrap();
    for event in world.accounts.events.all() {
        world.signaling.handle_event(event);
    }
    assert_eq!(guest.messages_until_close().await, (Vec::<Value>::new(), 4403));
    assert_eq!(idle.expect_close().await, 4403);
    assert_eq!(owner.expect("remove-peer").await["participantId"], joined["participantId"]);
    let bearer = format!("Bearer {}", bob.tokens.access.expose());
    let refused = open(world.address, "/ws?version=1", &[("authorization", &bearer)]).await;
    assert_eq!(refused.err(), Some(401));
    owner.expect_quiet().await;
}

#[tokio::test]
async fn the_rooms_of_a_deleted_account_empty_and_its_sockets_close() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&bob).await;
    let (mut owner, _) = world.joined(&bob, room).await;
    let (mut guest, _) = world.joined(&ada, room).await;
    world.accounts.storage.delete_users(&[bob.user.id]).await.unwrap();
    world.signaling.handle_event(DomainEvent::LoginsEnded { user: bob.user.id, why: LoginsEnd::Deleted });
    assert_eq!(owner.messages_until_close().await.1, 4401);
    assert_eq!(guest.expect("remove-peer").await["reason"], "left");
    assert_eq!(guest.expect("left").await["reason"], "room-deleted");
}

#[tokio::test]
async fn a_moderators_mutes_are_written_down_and_ones_own_are_not() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut owner, _) = world.joined(&ada, room).await;
    let (mut guest, guest_seat) = world.guest("bob", room).await;
    owner.expect("add-peer").await;
    guest.send(json!({"type": "mute"})).await;
    guest.expect("mute-info").await;
    owner.expect("mute-info").await;
    for kind in ["mute", "mute", "unmute"] {
        owner.send(json!({"type": kind, "participantId": guest_seat, "id": 3})).await;
        owner.expect("mute-info").await;
    }
    // Each message is handled after the one before it was remembered.
    owner.expect_quiet().await;
    let filter = AuditFilter { search: Some("garden".to_owned()), ..AuditFilter::default() };
    let entries = world.accounts.storage.audit(&filter, None, 10).await.unwrap();
    let mut actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["participant-muted", "participant-unmuted"], "what changed nothing is not written down");
    let muted = entries.iter().find(|entry| entry.action == AuditAction::ParticipantMuted).unwrap();
    assert!(matches!(&muted.actor, Actor::User(user) if user.username == "ada"));
    assert_eq!(muted.target.as_ref().unwrap().username, "bob");
    assert_eq!(muted.room.as_ref().unwrap().name, "Secret garden");
}
