//! Offers, answers and candidates, and what the media plane says.

use hubbub_sfu::{CallId, Event, LostReason, Mid, OfferError};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Client, World, eventually, peer, seat};

async fn scene() -> (World, Client, Uuid, Value) {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (client, joined) = world.joined(&ada, room).await;
    (world, client, seat(&joined), joined)
}

fn offer(id: u32) -> Value {
    json!({"type": "session-description", "id": id, "description": {"type": "offer", "sdp": "v=0"}})
}

#[tokio::test]
async fn each_answer_names_the_offer_it_answers() {
    let (world, mut client, me, _) = scene().await;
    client.send(offer(1)).await;
    client.send(offer(2)).await;
    let requests = world.media.wait_offers(peer(me), 2).await;
    for (index, request) in requests.into_iter().enumerate() {
        world.events.send(Event::Answer { peer: peer(me), request, sdp: format!("answer {index}") }).unwrap();
    }
    for (reply_to, sdp) in [(1, "answer 0"), (2, "answer 1")] {
        let answer = client.expect("session-description").await;
        assert_eq!(answer["replyTo"], reply_to);
        assert_eq!(answer["description"], json!({"type": "answer", "sdp": sdp}));
    }
}

#[tokio::test]
async fn a_refused_offer_says_why() {
    let (world, mut client, me, _) = scene().await;
    for (id, error, code) in [
        (1, OfferError::Unsupported("there is no a=fingerprint".into()), "bad-sdp"),
        (2, OfferError::Busy, "server-busy"),
        (3, OfferError::UnknownPeer, "internal"),
    ] {
        client.send(offer(id)).await;
        let request = world.media.wait_offers(peer(me), id as usize).await[id as usize - 1];
        world.events.send(Event::OfferRejected { peer: peer(me), request, error: error.clone() }).unwrap();
        let refused = client.expect_error(code).await;
        assert_eq!((&refused["replyTo"], &refused["message"]), (&json!(id), &json!(error.to_string())));
    }
}

#[tokio::test]
async fn descriptions_that_are_no_offers_or_too_large_go_no_further() {
    let (world, mut client, me, _) = scene().await;
    for (kind, sdp) in [("answer", String::new()), ("offer", "x".repeat(65_537))] {
        client.send(json!({"type": "session-description", "id": 1, "description": {"type": kind, "sdp": sdp}})).await;
        client.expect_error("bad-sdp").await;
    }
    client.send(json!({"type": "session-description", "description": {"type": "rollback", "sdp": ""}})).await;
    client.expect_error("bad-message").await;
    assert!(world.media.offers(peer(me)).is_empty());
}

#[tokio::test]
async fn offers_without_an_answer_do_not_pile_up() {
    let (world, mut client, me, _) = scene().await;
    for id in 0..8 {
        client.send(offer(id)).await;
    }
    client.send(offer(8)).await;
    assert_eq!(client.expect_error("server-busy").await["replyTo"], 8);
    assert_eq!(world.media.offers(peer(me)).len(), 8);
}

#[tokio::test]
async fn an_answer_for_a_socket_that_is_gone_is_nobodys() {
    let (world, mut client, me, joined) = scene().await;
    client.send(offer(1)).await;
    let request = world.media.wait_offers(peer(me), 1).await[0];
    client.drop_connection();
    eventually("the server notices", || world.signaling.metrics().sockets == 0).await;
    let email = hubbub_domain::user::Email::parse("ada@example.org").unwrap();
    let ada = world.accounts.auth.login(&email, hubbub_auth::testing::PASSWORD, "test").await.unwrap();
    let mut client = world.connect(&ada).await;
    let resume = json!({"type": "join", "roomId": joined["room"]["id"], "resumeToken": joined["resumeToken"]});
    assert_eq!(client.ask(resume).await["resumed"], true, "another login of the same user may resume");
    world.events.send(Event::Answer { peer: peer(me), request, sdp: "late".into() }).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    client.expect_quiet().await;
}

#[tokio::test]
async fn candidates_are_read_for_their_errors_and_counted() {
    let (world, mut client, me, _) = scene().await;
    let candidate = |text: &str| json!({"type": "ice-candidate", "candidate": {"candidate": text, "sdpMid": "0"}});
    let good = "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host";
    for _ in 0..62 {
        client.send(candidate(good)).await;
    }
    client.send(json!({"type": "ice-candidate", "candidate": null})).await;
    client.send(candidate("")).await;
    client.expect_quiet().await;
    client.send(candidate("candidate:1 1 udp")).await;
    client.expect_error("bad-candidate").await;
    // Loopback and metadata addresses are fine to name: nothing is ever sent there.
    client.send(candidate("candidate:1 1 udp 1 169.254.169.254 80 typ host")).await;
    client.expect_quiet().await;
    client.send(candidate(good)).await;
    client.expect_error("bad-candidate").await;
    client.send(offer(1)).await;
    world.media.wait_offers(peer(me), 1).await;
    client.send(candidate(good)).await;
    assert_eq!(world.media.relayed(peer(me)), [], "no other is worth telling");
    client.send(candidate("candidate:2 1 udp 1 192.0.2.1 50001 typ relay raddr 0.0.0.0 rport 0")).await;
    client.expect_quiet().await;
    assert_eq!(world.media.relayed(peer(me)), ["192.0.2.1:50001".parse().unwrap()]);
}

#[tokio::test]
async fn news_of_the_media_plane_reaches_whom_it_concerns() {
    let (world, mut client, me, joined) = scene().await;
    let bob = world.user("bob").await;
    let room: hubbub_domain::RoomId = serde_json::from_value(joined["room"]["id"].clone()).unwrap();
    let (mut other, other_joined) = world.joined(&bob, room).await;
    client.expect("add-peer").await;
    let (mine, theirs) = (peer(me), peer(seat(&other_joined)));

    world.events.send(Event::Connected { peer: mine, setup: std::time::Duration::from_millis(80) }).unwrap();
    assert_eq!(client.expect("media-state").await["state"], "connected");
    let mid = Mid::parse("a1").unwrap();
    world.events.send(Event::Slots { peer: mine, changes: vec![(mid, Some(theirs))] }).unwrap();
    let slots = client.expect("slots").await;
    assert_eq!(slots["assignments"], json!([{"mid": "a1", "participantId": seat(&other_joined)}]));
    world.events.send(Event::Slots { peer: mine, changes: vec![(mid, None)] }).unwrap();
    assert_eq!(client.expect("slots").await["assignments"], json!([{"mid": "a1", "participantId": null}]));
    world.events.send(Event::Lost { peer: mine, reason: LostReason::DtlsFailed }).unwrap();
    assert_eq!(client.expect("media-state").await["state"], "lost");
    other.expect_quiet().await;

    let call = CallId(room.0.as_u128());
    world.events.send(Event::Speakers { call, speakers: vec![(theirs, -12), (mine, -40)] }).unwrap();
    let expected = json!([{"participantId": seat(&other_joined), "level": -12}, {"participantId": me, "level": -40}]);
    assert_eq!(client.expect("speakers").await["speakers"], expected);
    assert_eq!(other.expect("speakers").await["speakers"], expected);
    assert_eq!(world.signaling.metrics().media_setup_time.count, 1);
}

#[tokio::test]
async fn a_panic_over_one_message_costs_one_socket() {
    let (world, mut client, _, joined) = scene().await;
    let bob = world.user("bob").await;
    let room: hubbub_domain::RoomId = serde_json::from_value(joined["room"]["id"].clone()).unwrap();
    let (mut victim, _) = world.joined(&bob, room).await;
    client.expect("add-peer").await;
    victim.send(json!({"type": "session-description", "description": {"type": "offer", "sdp": "panic"}})).await;
    assert_eq!(victim.expect_close().await, 1011);
    client.expect_quiet().await;
    assert_eq!(client.expect("remove-peer").await["reason"], "timed-out");
    assert!(client.ask(json!({"type": "mute"})).await["muted"].as_bool().unwrap(), "the room lives");
    world.joined(&bob, room).await;
}
