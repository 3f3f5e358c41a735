//! Mutes: R4 and R5 up to the media plane's edge.

use std::sync::Arc;

use hubbub_auth::testing::PASSWORD;
use hubbub_domain::ParticipantId;
use hubbub_domain::storage::Rooms as _;
use hubbub_domain::user::Email;
use hubbub_sfu::Grants;
use hubbub_signaling::Signaling;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use uuid::Uuid;

use crate::harness::{Client, Recorder, World, config, connect, peer, seat, serve};

const SPEAKS: Option<Grants> = Some(Grants { speak: true, hear: true, hear_own: false });
const SILENT: Option<Grants> = Some(Grants { speak: false, hear: true, hear_own: false });

struct Scene {
    world: World,
    owner: Client,
    guest: Client,
    guest_seat: Uuid,
}

async fn scene() -> Scene {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut owner, _) = world.joined(&ada, room).await;
    let (guest, joined) = world.joined(&bob, room).await;
    owner.expect("add-peer").await;
    Scene { world, owner, guest, guest_seat: seat(&joined) }
}

#[tokio::test]
async fn muting_oneself_silences_at_once_and_everybody_sees_it() {
    let Scene { world, mut owner, mut guest, guest_seat } = scene().await;
    for (kind, muted, grants) in [("mute", true, SILENT), ("unmute", false, SPEAKS)] {
        guest.send(json!({"type": kind, "id": 5})).await;
        let info = json!({"type": "mute-info", "participantId": guest_seat, "muted": muted, "mutedByModerator": false});
        let mut answer = info.clone();
        answer["replyTo"] = 5.into();
        assert_eq!(guest.expect("mute-info").await, answer);
        assert_eq!(world.media.grants(peer(guest_seat)), grants);
        assert_eq!(owner.expect("mute-info").await, info);
        // Once more changes nothing, and is answered all the same.
        guest.send(json!({"type": kind, "id": 5})).await;
        assert_eq!(guest.expect("mute-info").await, answer);
        owner.expect_quiet().await;
    }
}

#[tokio::test]
async fn who_joins_muted_was_never_heard() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let mut client = world.connect(&ada).await;
    let joined = client.ask(json!({"type": "join", "roomId": room, "muted": true})).await;
    assert_eq!(joined["participants"][0]["muted"], true);
    assert_eq!(world.media.grants(peer(seat(&joined))), SILENT);
    assert_eq!(client.ask(json!({"type": "unmute"})).await["muted"], false);
    assert_eq!(world.media.grants(peer(seat(&joined))), SPEAKS);
}

#[tokio::test]
async fn a_moderators_mute_silences_before_it_is_answered_and_stays() {
    let Scene { world, mut owner, mut guest, guest_seat } = scene().await;
    owner.send(json!({"type": "mute", "participantId": guest_seat})).await;
    let info = owner.expect("mute-info").await;
    assert_eq!(world.media.grants(peer(guest_seat)), SILENT);
    assert_eq!((&info["muted"], &info["mutedByModerator"]), (&json!(true), &json!(true)));
    assert_eq!(guest.expect("mute-info").await, info);
    guest.send(json!({"type": "unmute"})).await;
    guest.expect_error("muted-by-moderator").await;
    assert_eq!(world.media.grants(peer(guest_seat)), SILENT);

    // Lifted, it leaves the own mute: whether the microphone goes live is the guest's to say.
    let info = owner.ask(json!({"type": "unmute", "participantId": guest_seat})).await;
    assert_eq!((&info["muted"], &info["mutedByModerator"]), (&json!(true), &json!(false)));
    assert_eq!(guest.expect("mute-info").await, info);
    assert_eq!(world.media.grants(peer(guest_seat)), SILENT);
    assert_eq!(guest.ask(json!({"type": "unmute"})).await["muted"], false);
    assert_eq!(world.media.grants(peer(guest_seat)), SPEAKS);
    assert_eq!(owner.expect("mute-info").await["muted"], false);
    let info = owner.ask(json!({"type": "unmute", "participantId": guest_seat})).await;
    assert_eq!(info["muted"], false, "lifting what is not there mutes nobody");
}

#[tokio::test]
async fn a_moderators_mute_outlives_the_server() {
    let Scene { world, mut owner, guest, guest_seat } = scene().await;
    owner.ask(json!({"type": "mute", "participantId": guest_seat})).await;
    // Its answer comes after the mute was stored: orders of one socket are carried out one after the other.
    owner.expect_quiet().await;
    let (storage, auth, clock) =
        (world.accounts.storage.clone(), world.accounts.auth.clone(), world.accounts.clock.clone());
    drop(guest);
    let media = Arc::new(Recorder::default());
    let (_events, receiver) = unbounded_channel();
    let next = Signaling::new(config(), storage.clone(), auth, clock, media.clone());
    tokio::spawn(next.clone().run(receiver));
    let address = serve(next.router()).await;

    let bob = world.accounts.auth.login(&Email::parse("bob@example.org").unwrap(), PASSWORD, "").await.unwrap();
    let room = storage.rooms(bob.user.id, None, None, 1).await.unwrap()[0].id;
    let mut again = connect(address, &bob).await;
    let joined = again.join(room).await;
    let me = &joined["participants"][0];
    assert_eq!((&me["muted"], &me["mutedByModerator"]), (&json!(true), &json!(true)));
    assert_eq!(media.grants(peer(seat(&joined))), SILENT);

    let ada = world.accounts.auth.login(&Email::parse("ada@example.org").unwrap(), PASSWORD, "").await.unwrap();
    let mut moderator = connect(address, &ada).await;
    moderator.join(room).await;
    moderator.ask(json!({"type": "unmute", "participantId": seat(&joined)})).await;
    moderator.expect_quiet().await;
    assert_eq!(storage.room_mutes(room).await.unwrap(), []);
}

#[tokio::test]
async fn leaving_does_not_lift_a_moderators_mute() {
    let Scene { world, mut owner, mut guest, guest_seat } = scene().await;
    owner.ask(json!({"type": "mute", "participantId": guest_seat})).await;
    guest.expect("mute-info").await;
    guest.send(json!({"type": "leave"})).await;
    let room = guest.expect("left").await["roomId"].clone();
    owner.send(json!({"type": "leave"})).await;
    owner.expect("remove-peer").await;
    owner.expect("left").await;
    let joined = guest.ask(json!({"type": "join", "roomId": room})).await;
    let me = &joined["participants"][0];
    assert_eq!((&me["muted"], &me["mutedByModerator"]), (&json!(true), &json!(true)), "even when the room was empty");
    assert_eq!(world.media.grants(peer(seat(&joined))), SILENT);
}

#[tokio::test]
async fn only_moderators_mute_others_and_only_those_who_are_there() {
    let Scene { mut owner, mut guest, .. } = scene().await;
    let stranger = ParticipantId::new();
    guest.send(json!({"type": "mute", "participantId": stranger})).await;
    guest.expect_error("forbidden").await;
    owner.send(json!({"type": "mute", "participantId": stranger})).await;
    owner.expect_error("participant-not-found").await;
    guest.expect_quiet().await;
}

#[tokio::test]
async fn muting_oneself_by_id_is_ones_own_mute() {
    let Scene { mut owner, mut guest, guest_seat, .. } = scene().await;
    let info = guest.ask(json!({"type": "mute", "participantId": guest_seat})).await;
    assert_eq!((&info["muted"], &info["mutedByModerator"]), (&json!(true), &json!(false)));
    owner.expect("mute-info").await;
}
