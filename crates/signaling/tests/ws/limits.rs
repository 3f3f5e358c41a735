//! Clients that send too much, read too little or say nothing.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hubbub_sfu::{Event, Mid};
use hubbub_signaling::{ClientNetwork, Config, Rate};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Client, World, config, connect, eventually, open, peer, seat, serve};

#[tokio::test]
async fn who_sends_too_much_is_refused_and_then_closed() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut witness, _) = world.joined(&ada, room).await;
    let mut flood = world.connect(&bob).await;
    for id in 0..400 {
        if flood.socket.feed(Message::text(json!({"type": "ping", "id": id}).to_string())).await.is_err() {
            break;
        }
    }
    let _ = flood.socket.flush().await;
    let (messages, code) = flood.messages_until_close().await;
    assert_eq!(code, 1008);
    let pongs = messages.iter().filter(|m| m["type"] == "pong").count();
    let refused: Vec<_> = messages.iter().filter(|m| m["code"] == "rate-limited").collect();
    assert!((100..120).contains(&pongs), "{pongs}");
    assert_eq!(refused.len(), 100);
    assert!(refused[0]["replyTo"].as_u64().is_some_and(|id| id >= 100));
    assert_eq!(world.signaling.metrics().floods, 1);
    witness.expect_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g4_while_others_flood_without_pause_everybody_else_is_answered() {
    let handshakes = Rate { burst: u32::MAX, refill: Duration::from_millis(1) };
    let world = World::with(Config { max_sockets_per_user: 10_000, handshakes, ..config() }).await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut witness, _) = world.joined(&ada, room).await;
    let mut floods = JoinSet::new();
    for name in ["bob", "cleo", "dora", "eve"] {
        let (user, address) = (world.user(name).await, world.address);
        floods.spawn(async move {
            // Whoever is closed for it comes back at once and goes on.
            loop {
                let (mut sink, mut stream) = connect(address, &user).await.socket.split();
                let ping = Message::text(json!({"type": "ping"}).to_string());
                tokio::select! {
                    () = async { while sink.send(ping.clone()).await.is_ok() {} } => {}
                    () = async { while stream.next().await.is_some_and(|m| m.is_ok_and(|m| !m.is_close())) {} } => {}
                }
            }
        });
    }
    eventually("the flood is on", || world.signaling.metrics().floods >= 4).await;
    let (before, mut took) = (world.signaling.metrics().floods, Vec::new());
    for _ in 0..40 {
        let asked = Instant::now();
        witness.expect_quiet().await;
        took.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert!(world.signaling.metrics().floods > before, "the flood went on all the time");
    took.sort();
    // Half a second is wanted; a machine that does other things besides gets more for the slowest.
    assert!(
        took[took.len() / 2] < Duration::from_millis(500) && took[took.len() - 1] < Duration::from_secs(2),
        "{took:?}"
    );
    floods.shutdown().await;
}

#[tokio::test]
async fn g7_who_reconnects_without_end_is_bounded_and_nobody_else_is() {
    let handshakes = Rate { burst: 20, refill: Duration::from_secs(3600) };
    let world = World::with(Config { handshakes, ..config() }).await;
    let mallory = world.user("mallory").await;
    let bearer = format!("Bearer {}", mallory.tokens.access.expose());
    let mut outcomes = Vec::new();
    for _ in 0..100 {
        let opened = open(world.address, "/ws?version=1", &[("authorization", &bearer)]).await;
        outcomes.push(opened.map(drop).err());
    }
    assert!(outcomes[..20].iter().all(Option::is_none), "{outcomes:?}");
    assert!(outcomes[20..].iter().all(|status| *status == Some(429)), "{outcomes:?}");
    assert_eq!(world.signaling.metrics().handshakes_refused, 80);
    let response = refusal(world.address, &bearer).await;
    assert!(response.contains("rate-limited"), "{response}");
    let wait = response.lines().find_map(|line| line.strip_prefix("retry-after: ")?.trim().parse::<u64>().ok());
    assert!(wait.is_some_and(|seconds| (3_500..=3_600).contains(&seconds)), "{response}");
    // A restart: everybody behind the same address comes back at the same moment, each with a few tabs.
    let mut everybody = JoinSet::new();
    for n in 0..60 {
        let (user, address) = (world.user(&format!("user{n}")).await, world.address);
        everybody.spawn(async move {
            let tabs = futures_util::future::join_all((0..5).map(|_| connect(address, &user))).await;
            assert_eq!(tabs.len(), 5);
        });
    }
    while let Some(back) = everybody.join_next().await {
        back.expect("they get in");
    }
}

#[tokio::test]
async fn g7_a_network_has_only_so_many_sockets_however_many_accounts_it_has() {
    let world = World::with(Config { max_sockets_per_network: 3, ..config() }).await;
    let network = |text: &str| axum::Extension(ClientNetwork(text.parse().unwrap()));
    let home = serve(world.signaling.router().layer(network("192.0.2.1"))).await;
    let school = serve(world.signaling.router().layer(network("2001:db8::"))).await;
    let mut open = Vec::new();
    for name in ["ada", "bob", "cleo"] {
        open.push(connect(home, &world.user(name).await).await);
    }
    let dora = world.user("dora").await;
    let bearer = format!("Bearer {}", dora.tokens.access.expose());
    let response = refusal(home, &bearer).await;
    assert!(response.starts_with("HTTP/1.1 429 ") && response.contains("too-many-sockets"), "{response}");
    assert!(response.contains("your network has 3 sockets open"), "{response}");
    let elsewhere = connect(school, &dora).await;
    drop(open.pop());
    eventually("the place is given back", || world.signaling.metrics().sockets == 3).await;
    connect(home, &dora).await;
    drop(elsewhere);
}

#[tokio::test]
async fn people_are_in_only_so_many_rooms_at_once() {
    let world = World::with(Config { max_rooms_in_use: 2, ..config() }).await;
    let users = [world.user("ada").await, world.user("bob").await, world.user("cleo").await];
    let mut rooms = Vec::new();
    for user in &users {
        rooms.push(world.room(user).await);
    }
    let (mut ada, _) = world.joined(&users[0], rooms[0]).await;
    world.joined(&users[1], rooms[1]).await;
    let mut cleo = world.connect(&users[2]).await;
    cleo.send(json!({"type": "join", "roomId": rooms[2]})).await;
    let refused = cleo.expect_error("server-busy").await;
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("people are in 2 rooms")), "{refused}");
    cleo.join(rooms[0]).await;
    cleo.ask(json!({"type": "leave"})).await;
    ada.send(json!({"type": "leave"})).await;
    eventually("the room is empty", || world.signaling.metrics().rooms == 1).await;
    cleo.join(rooms[2]).await;
}

#[tokio::test]
async fn no_room_holds_more_people_than_the_server_allows() {
    let world = World::with(Config { max_people_per_room: 2, ..config() }).await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (_ada, joined) = world.joined(&ada, room).await;
    assert_eq!(joined["room"]["maxParticipants"], 2, "the room was made for 100");
    let (_bob, _) = world.guest("bob", room).await;
    let mut cleo = world.connect(&world.user("cleo").await).await;
    cleo.send(json!({"type": "join", "roomId": room})).await;
    let refused = cleo.expect_error("room-full").await;
    assert_eq!(refused["message"], "all 2 seats are taken; try again when somebody has left");
}

/// What a handshake that is refused is answered with, as text.
async fn refusal(address: std::net::SocketAddr, bearer: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /ws?version=1 HTTP/1.1\r\nhost: {address}\r\nauthorization: {bearer}\r\nconnection: upgrade, close\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let mut response = String::new();
    let read = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut response);
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("answered").unwrap();
    response
}

#[tokio::test]
async fn g7_who_joins_a_hundred_rooms_is_bounded() {
    let joins = Rate { burst: 30, refill: Duration::from_secs(3600) };
    let world = World::with(Config { joins, ..config() }).await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let mut client = world.connect(&bob).await;
    for _ in 0..30 {
        client.join(room).await;
        client.ask(json!({"type": "leave"})).await;
    }
    client.send(json!({"type": "join", "roomId": room, "id": 31})).await;
    let refused = client.expect_error("rate-limited").await;
    assert_eq!(refused["replyTo"], 31);
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("try again in")), "{refused}");
    let mut again = world.connect(&bob).await;
    again.send(json!({"type": "join", "roomId": room})).await;
    again.expect_error("rate-limited").await;
    world.joined(&ada, room).await;
}

#[tokio::test]
async fn g7_who_offers_without_end_is_bounded() {
    let offers = Rate { burst: 5, refill: Duration::from_secs(3600) };
    let world = World::with(Config { offers, ..config() }).await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let offer =
        |id: u32| json!({"type": "session-description", "id": id, "description": {"type": "offer", "sdp": "v=0"}});
    // On both sockets together.
    let (mut one, joined) = world.joined(&bob, room).await;
    for id in 0..5 {
        one.send(offer(id)).await;
    }
    world.media.wait_offers(peer(seat(&joined)), 5).await;
    let (mut two, _) = world.joined(&bob, world.room(&ada).await).await;
    for client in [&mut one, &mut two] {
        client.send(offer(6)).await;
        let refused = client.expect_error("rate-limited").await;
        assert!(refused["message"].as_str().is_some_and(|text| text.contains("try again in")), "{refused}");
    }
    let (mut other, joined) = world.joined(&ada, room).await;
    other.send(offer(1)).await;
    world.media.wait_offers(peer(seat(&joined)), 1).await;
}

#[tokio::test]
async fn a_thousand_joins_and_leaves_leave_nothing_behind() {
    let many = Rate { burst: 10_000, refill: Duration::from_millis(1) };
    let world = World::with(Config { handshakes: many, joins: many, ..config() }).await;
    let mut rooms = Vec::new();
    let mut users = Vec::new();
    for name in ["ada", "bob", "cleo", "dora", "eve"] {
        let user = world.user(name).await;
        rooms.push(world.room(&user).await);
        users.push(user);
    }
    for turn in 0..200 {
        let mut here = Vec::new();
        for (number, user) in users.iter().enumerate() {
            here.push(world.joined(user, rooms[(turn + number / 2) % rooms.len()]).await);
        }
        for (number, (mut client, _)) in here.into_iter().enumerate() {
            match (turn + number) % 4 {
                // Leaves, and closes the socket.
                0 | 1 => {
                    client.send(json!({"type": "leave"})).await;
                    let _ = client.socket.close(None).await;
                }
                // Only closes it: the seat waits for a while.
                2 => drop(client.socket.close(None).await),
                // Vanishes.
                _ => client.drop_connection(),
            }
        }
    }
    eventually("everybody is gone", || {
        let metrics = world.signaling.metrics();
        (metrics.sockets, metrics.participants, metrics.rooms) == (0, 0, 0)
    })
    .await;
    assert_eq!(world.media.known(), 0, "the media plane was told of every one who left");
}

#[tokio::test]
async fn who_never_reads_is_closed_and_the_room_goes_on() {
    let world = World::with(Config { queue_length: 64, ..config() }).await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let room = world.room(&ada).await;
    let (mut witness, _) = world.joined(&ada, room).await;
    let (mut speaker, speaking) = world.guest("cleo", room).await;
    let (deaf, joined) = world.joined(&bob, room).await;
    witness.expect("add-peer").await;
    witness.expect("add-peer").await;
    speaker.expect("add-peer").await;
    // The room's news reach everybody who reads, whatever waits for the one who does not.
    let mut muted = false;
    let mut hears_of_a_mute = async |witness: &mut Client| {
        muted = !muted;
        speaker.send(json!({"type": if muted { "mute" } else { "unmute" }})).await;
        let news = witness.expect("mute-info").await;
        assert_eq!((&news["participantId"], &news["muted"]), (&json!(speaking), &json!(muted)));
        speaker.expect("mute-info").await;
    };
    let changes: Vec<_> = (0..64).map(|n| (Mid::parse(&format!("slot-{n:0>10}")).unwrap(), None)).collect();
    let mut sent = 0;
    while world.signaling.metrics().slow_readers == 0 {
        assert!(sent < 20_000, "the queue never filled");
        for _ in 0..20 {
            world.events.send(Event::Slots { peer: peer(seat(&joined)), changes: changes.clone() }).unwrap();
            sent += 1;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        hears_of_a_mute(&mut witness).await;
        witness.expect_quiet().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    hears_of_a_mute(&mut witness).await;
    eventually("the socket is gone", || world.signaling.metrics().sockets == 2).await;
    assert_eq!(witness.expect("remove-peer").await["reason"], "timed-out");
    drop(deaf);
}

#[tokio::test]
async fn who_says_nothing_at_all_is_closed() {
    let world = World::with(Config { ping_interval: Duration::from_millis(100), ..config() }).await;
    let ada = world.user("ada").await;
    let mut client = world.connect(&ada).await;
    // Reading answers pings: as long as the client does, it stays.
    let alive = tokio::time::timeout(Duration::from_millis(700), client.next()).await;
    assert!(alive.is_err(), "nothing is sent, and nothing closes");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(client.expect_close().await, 4408);
}

#[tokio::test]
async fn a_slow_reader_gets_the_newest_speakers_only() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut client, joined) = world.joined(&ada, room).await;
    let call = hubbub_sfu::CallId(room.0.as_u128());
    for level in -100..0 {
        let speakers = vec![(peer(seat(&joined)), level)];
        world.events.send(Event::Speakers { call, speakers }).unwrap();
    }
    let mut told = 0;
    loop {
        let message = client.expect("speakers").await;
        told += 1;
        if message["speakers"][0]["level"] == -1 {
            break;
        }
    }
    assert!(told <= 100);
    client.expect_quiet().await;
}

#[tokio::test]
async fn three_hundred_join_and_everybody_knows_everybody() {
    let world = World::with(Config { queue_length: 1024, ..config() }).await;
    let ada = world.user("ada").await;
    let room = world.room_with(&ada, false, 400).await.id;
    let mut clients = Vec::new();
    for n in 0..300 {
        let user = world.user(&format!("user{n}")).await;
        let (mut client, joined) = world.joined(&user, room).await;
        assert_eq!(joined["participantCount"], n + 1);
        let mut known: Vec<String> = ids(&joined["participants"]);
        assert_eq!(known.len(), 17.min(n + 1), "the first and oneself");
        assert!(known.contains(&joined["participantId"].as_str().unwrap().to_owned()));
        while known.len() < n + 1 {
            let more = ids(&client.expect("participants").await["participants"]);
            assert!(!more.is_empty());
            known.extend(more);
        }
        known.sort();
        known.dedup();
        assert_eq!(known.len(), n + 1);
        clients.push(client);
    }
    for _ in 1..300 {
        clients[0].expect("add-peer").await;
    }
    clients[0].expect_quiet().await;
    assert_eq!(world.signaling.metrics().slow_readers, 0);
}

fn ids(participants: &serde_json::Value) -> Vec<String> {
    let id = |participant: &serde_json::Value| participant["id"].as_str().unwrap().to_owned();
    participants.as_array().unwrap().iter().map(id).collect()
}
