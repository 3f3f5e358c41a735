//! The engine against the real server: what is sent is heard, counted and timed.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail the test")]

mod support;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hubbub_loadtest::Engine;
use hubbub_loadtest::engine::{
    EngineConfig, Impairment, PeerId, PeerResult, PeerSpec, PeerState, Role, Snapshot, TalkPattern, Timestamps,
};
use support::{PATIENCE, Server};
use uuid::Uuid;

/// Peers in a room, of which the first `speakers` speak all the time.
async fn room_of(server: &Server, engine: &Engine, speakers: u32, listeners: u32) -> (Uuid, Vec<PeerId>) {
    let emails = server.register((speakers + listeners) as usize).await;
    let mut sessions = Vec::new();
    for email in &emails {
        sessions.push(server.login(email).await.unwrap());
    }
    let room = sessions[0].create_room("Engine", 100).await.unwrap();
    let joins = (0..).zip(sessions).map(|(index, session)| {
        let talk = TalkPattern::Continuous;
        let role = if index < speakers { Role::Speaker { stream: index, talk } } else { Role::Listener };
        engine.join(PeerSpec { session, room, role })
    });
    (room, join_all(joins).await.into_iter().map(Result::unwrap).collect())
}

/// Waits until the counters say so: a machine that is slow or busy makes the test slow and not wrong.
async fn until(engine: &Engine, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let begin = Instant::now();
    loop {
        let snapshot = engine.snapshot().await;
        if holds(&snapshot) {
            return snapshot;
        }
        assert!(begin.elapsed() < PATIENCE, "{what} did not come: {snapshot:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_hears_every_speaker_and_joins_are_timed() {
    let server = Server::start().await;
    let engine = Engine::start(EngineConfig { threads: 2, ..EngineConfig::default() }).unwrap();
    let (room, ids) = room_of(&server, &engine, 3, 5).await;
    // Two others' streams at each speaker, three at each listener.
    until(&engine, "speech", |now| now.received > 21 * 50).await;
    let peers = engine.peers().await;
    assert_eq!(peers.iter().map(|peer| peer.id).collect::<Vec<_>>(), {
        let mut ids = ids.clone();
        ids.sort();
        ids
    });
    for peer in &peers {
        assert_eq!((&peer.state, peer.room), (&PeerState::Connected, room), "{peer:?}");
        assert!(peer.slots >= 3, "three can be heard, in {} slots", peer.slots);
        let Role::Speaker { stream: own, .. } = peer.role else {
            assert_eq!(peer.packets_sent, 0);
            continue;
        };
        assert!(peer.packets_sent > 0);
        let mut heard: Vec<u32> = peer.streams.iter().filter_map(|stream| stream.stream).collect();
        heard.sort_unstable();
        assert_eq!(heard, (0..3).filter(|stream| *stream != own).collect::<Vec<u32>>(), "{peer:?}");
    }
    for peer in peers {
        let steps = [Some(peer.join.socket), Some(peer.join.joined), Some(peer.join.answered), peer.join.ice];
        let steps = [&steps[..], &[peer.join.dtls, peer.join.first_packet]].concat();
        let steps: Vec<Duration> = steps.into_iter().map(|step| step.expect("every step was reached")).collect();
        assert!(steps.is_sorted() && steps[0] > Duration::ZERO, "{steps:?}");
        assert_eq!(peer.undecryptable, 0);
        // The first packet of each stream may be older than the join, and has no latency.
        assert!(peer.streams.iter().all(|stream| stream.latency.count() + 1 == stream.received && stream.foreign == 0));
    }

    engine.begin_window().await;
    let window = until(&engine, "more speech", |now| now.received > 21 * 10).await;
    assert_eq!((window.connected, window.connecting, window.lost_peers), (8, 0, 0));
    assert_eq!((window.lost, window.duplicates, window.reordered), (0, 0, 0), "{window:?}");
    assert_eq!(window.latency.count(), window.received);
    assert_eq!(window.generator.timestamps, Timestamps::Kernel);
    assert!(window.generator.cpu > Duration::ZERO && window.generator.send_lateness.count() >= window.sent);
    assert_eq!(window.generator.socket_drops, 0);

    let left = engine.leave(ids[7]).await.unwrap();
    assert_eq!((left.id, &left.state), (ids[7], &PeerState::Left));
    engine.leave(ids[7]).await.unwrap_err();
    assert_eq!(engine.snapshot().await.connected, 7);

    let heard = |peer: &PeerResult| peer.streams.iter().map(|stream| stream.received).sum::<u64>();
    let mut all = heard(&left);
    for id in &ids[..7] {
        all += heard(&engine.leave(*id).await.unwrap());
    }
    let after = engine.snapshot().await;
    assert_eq!((after.connected, after.received), (0, all), "what was heard counts when the listener has left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_network_loses_the_share_it_should() {
    let server = Server::start().await;
    let downlink =
        Impairment { loss: 0.2, delay: Duration::from_millis(80), jitter: Duration::from_millis(10), reordering: 0.0 };
    let engine = Engine::start(EngineConfig { downlink, ..EngineConfig::default() }).unwrap();
    room_of(&server, &engine, 2, 3).await;
    engine.begin_window().await;
    let heard = until(&engine, "speech", |now| now.received > 2000).await;
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let lost = heard.lost as f64 / (heard.lost + heard.received) as f64;
    assert!((0.15..0.25).contains(&lost), "{lost}");
    let fastest = heard.latency.quantile(0.0);
    assert!(fastest >= Duration::from_millis(75), "the delay is in the latency: {fastest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_is_noticed_and_named() {
    let server = Server::start().await;
    let engine = Engine::start(EngineConfig::default()).unwrap();
    let emails = server.register(1).await;
    let session = server.login(&emails[0]).await.unwrap();
    let room = Uuid::now_v7();
    let spec = PeerSpec { session, room, role: Role::Listener };
    let error = engine.join(spec.clone()).await.unwrap_err().to_string();
    assert!(error.contains("room-not-found"), "{error}");
    drop(server);
    let error = engine.join(spec).await.unwrap_err().to_string();
    assert!(error.contains("cannot be reached"), "{error}");
    assert_eq!(engine.snapshot().await.connected, 0);
}
