//! With the real media plane behind: offers are answered or refused (G5), and nobody else is touched.

use std::net::IpAddr;
use std::sync::Arc;

use hubbub_auth::testing::Harness;
use hubbub_domain::room::{MaxParticipants, RoomDescription, RoomName};
use hubbub_domain::storage::Rooms;
use hubbub_domain::{NewRoom, RoomId};
use hubbub_sfu::Sfu;
use hubbub_signaling::Signaling;
use serde_json::{Value, json};

use crate::harness::{Client, config, connect, serve};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n";

fn section(mid: &str, direction: &str) -> String {
    format!(
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n\
         a=ice-ufrag:abcd\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\na=setup:actpass\r\na=fingerprint:sha-256 {}\r\n\
         a=rtpmap:111 opus/48000/2\r\n",
        vec!["AB"; 32].join(":")
    )
}

fn good() -> String {
    format!("{HEAD}{}{}", section("0", "sendonly"), section("1", "recvonly"))
}

async fn scene() -> (Sfu, Harness, Client, Client) {
    let media = hubbub_sfu::Config {
        bind: IpAddr::from([127, 0, 0, 1]),
        first_port: 0,
        announced: vec![IpAddr::from([127, 0, 0, 1])],
        ..hubbub_sfu::Config::default()
    };
    let (sfu, events) = Sfu::start(media).unwrap();
    let accounts = hubbub_auth::testing::auth();
    let (storage, auth, clock) = (accounts.storage.clone(), accounts.auth.clone(), accounts.clock.clone());
    let signaling = Signaling::new(config(), storage, auth, clock, Arc::new(sfu.clone()));
    tokio::spawn(signaling.clone().run(events));
    let address = serve(signaling.router()).await;
    let (ada, bob) = (accounts.logged_in("ada").await, accounts.logged_in("bob").await);
    let room = NewRoom {
        name: RoomName::parse("Tea").unwrap(),
        description: RoomDescription::parse("").unwrap(),
        is_private: false,
        max_participants: MaxParticipants::DEFAULT,
        max_forwarded_speakers: None,
    };
    let room: RoomId =
        accounts.storage.create_room(ada.user.id, room, u64::MAX, accounts.now()).await.unwrap().unwrap().id;
    let (mut one, mut two) = (connect(address, &ada).await, connect(address, &bob).await);
    one.join(room).await;
    two.join(room).await;
    one.expect("add-peer").await;
    (sfu, accounts, one, two)
}

fn offer(id: u32, sdp: &str) -> Value {
    json!({"type": "session-description", "id": id, "description": {"type": "offer", "sdp": sdp}})
}

#[tokio::test]
async fn a_good_offer_is_answered() {
    let (sfu, _accounts, mut client, mut other) = scene().await;
    let answer = client.ask(offer(3, &good())).await;
    assert_eq!((&answer["type"], &answer["replyTo"]), (&json!("session-description"), &json!(3)));
    assert_eq!(answer["description"]["type"], "answer");
    let sdp = answer["description"]["sdp"].as_str().unwrap();
    for line in ["a=ice-lite", "a=setup:passive", "a=end-of-candidates", "a=recvonly", "a=sendonly"] {
        assert!(sdp.lines().any(|l| l == line), "{line} is missing:\n{sdp}");
    }
    assert!(sdp.contains(&format!(" 127.0.0.1 {} typ host", sfu.local_ports()[0])), "{sdp}");
    other.expect_quiet().await;
    sfu.shutdown().await;
}

#[tokio::test]
async fn offers_are_answered_and_refused_in_the_order_sent() {
    let (sfu, _accounts, mut client, _other) = scene().await;
    let texts = [good(), "hello".to_owned(), good(), String::new(), good()];
    for (id, sdp) in (0..).zip(&texts) {
        client.send(offer(id, sdp)).await;
    }
    for (id, sdp) in texts.iter().enumerate() {
        let kind = if *sdp == good() { "session-description" } else { "error" };
        let answer = client.expect(kind).await;
        assert_eq!(answer["replyTo"], id, "{answer}");
    }
    sfu.shutdown().await;
}

#[tokio::test]
async fn bad_offers_are_refused_and_the_next_good_one_is_not() {
    let (sfu, _accounts, mut client, mut other) = scene().await;
    let first = client.ask(offer(0, &good())).await;
    assert_eq!(first["type"], "session-description");
    let without = |what: &str| good().lines().filter(|l| !l.starts_with(what)).map(|l| format!("{l}\r\n")).collect();
    let candidates: String =
        (0..65).map(|n| format!("a=candidate:{n} 1 udp 1 192.0.2.1 {} typ host\r\n", 1000 + n)).collect();
    let bad: Vec<(&str, String)> = vec![
        ("nothing", String::new()),
        ("not SDP", "hello".into()),
        ("over 64 KiB", format!("{}{}", good(), "a=x:y\r\n".repeat(10_000))),
        ("65 candidates", format!("{}{candidates}", good())),
        ("no fingerprint", without("a=fingerprint")),
        ("no ICE password", without("a=ice-pwd")),
        ("no Opus", good().replace("opus/48000/2", "PCMU/8000")),
        ("RTP/AVP", good().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")),
        ("no rtcp-mux", without("a=rtcp-mux")),
        ("the same mid twice", good().replace("a=mid:1", "a=mid:0")),
        ("CR in a mid", good().replace("a=mid:1", "a=mid:1\ra=x")),
        ("a mid that is no token", good().replace("a=mid:1", "a=mid:1 2")),
        ("passive", good().replace("a=setup:actpass", "a=setup:passive")),
        ("two senders", good().replace("a=recvonly", "a=sendonly")),
    ];
    for (id, (what, sdp)) in bad.into_iter().enumerate() {
        let answer = client.ask(offer(100 + u32::try_from(id).unwrap(), &sdp)).await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("bad-sdp")), "{what}: {answer}");
        assert_eq!(answer["replyTo"], 100 + id);
    }
    other.expect_quiet().await;
    let answer = other.ask(offer(1, &good())).await;
    assert_eq!(answer["type"], "session-description", "{answer}");
    sfu.shutdown().await;
}
