//! A restart on the same machine: two hundred people in ten rooms, and everybody is back.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail the test")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use hubbub_loadtest::engine::{EngineConfig, PeerId, PeerState, Role, TalkPattern};
use hubbub_loadtest::{Engine, Session, Signaling};
use rand::RngExt;
use support::{PATIENCE, Server};
use uuid::Uuid;

const PEERS: usize = 200;
const ROOMS: usize = 10;
/// What docs/PROTOCOL.md (section 5, *Restarts*) asks of clients: milliseconds before each attempt.
const PAUSE: std::ops::Range<u64> = 300..1_300;

/// How long after the server is ready the last may come back. docs/PROTOCOL.md says half of it, which is measured: this is for machines
/// that are busy with other tests too.
const BACK: Duration = Duration::from_secs(10);

struct Client {
    session: Session,
    room: Uuid,
    role: Role,
}

/// When a client was closed, and when it had its media again.
struct Return {
    closed: Instant,
    back: Instant,
    attempts: u32,
    id: PeerId,
}

/// Somebody who is in a room, is closed because the server ends, and comes back as the protocol says.
async fn comes_back(
    engine: Arc<Engine>,
    client: Client,
    signaling: Signaling,
    joined: Arc<tokio::sync::Barrier>,
) -> Return {
    let mut view = signaling.view();
    let before = engine.join_over(signaling, client.room, client.role).await.unwrap();
    joined.wait().await;
    let reason = view.wait_for(|view| view.closed.is_some()).await.unwrap().closed.clone().unwrap();
    let closed = Instant::now();
    assert!(reason.starts_with("1001 "), "{reason}");
    let _ = engine.leave(before).await;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let pause = rand::rng().random_range(PAUSE);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let Ok(signaling) = Signaling::connect(&client.session).await else { continue };
        let id = engine.join_over(signaling, client.room, client.role).await.unwrap();
        return Return { closed, back: Instant::now(), attempts, id };
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_has_the_room_back_after_a_restart() {
    // People are told and kept for a second.
    let mut server = Server::start_with(&[("SERVER__DRAIN_SECONDS", "1")]).await;
    let engine = Arc::new(Engine::start(EngineConfig { threads: 1, ..EngineConfig::default() }).unwrap());
    let sessions = server.accounts(PEERS);
    let mut rooms = Vec::new();
    for session in &sessions[..ROOMS] {
        rooms.push(session.create_room("Restart", 100).await.unwrap());
    }
    let joined = Arc::new(tokio::sync::Barrier::new(PEERS + 1));
    let clients: Vec<(Client, Signaling)> = stream::iter((0_u32..).zip(sessions))
        .map(|(index, session)| {
            let room = rooms[index as usize % ROOMS];
            // One speaker a room, so that it is heard who is back.
            let speaker = Role::Speaker { stream: index, talk: TalkPattern::Continuous };
            let role = if (index as usize) < ROOMS { speaker } else { Role::Listener };
            async move { (Signaling::connect(&session).await.unwrap(), Client { session, room, role }) }
        })
        .buffered(8)
        .map(|(signaling, client)| (client, signaling))
        .collect()
        .await;
    let returns: Vec<_> = clients
        .into_iter()
        .map(|(client, signaling)| tokio::spawn(comes_back(engine.clone(), client, signaling, joined.clone())))
        .collect();
    tokio::time::timeout(PATIENCE * 2, joined.wait()).await.expect("everybody gets in before");
    assert_eq!(engine.snapshot().await.connected, PEERS);

    let signalled = Instant::now();
    server.restart().await;
    let ready = Instant::now();
    let returns = tokio::time::timeout(PATIENCE * 2, join_all(returns)).await.expect("everybody comes back");
    let returns: Vec<Return> = returns.into_iter().map(|task| task.expect("a client does not fail")).collect();

    // Everybody hears the speaker of the room again; the speakers hear nobody.
    engine.begin_window().await;
    let begin = Instant::now();
    loop {
        let peers = engine.peers().await;
        let here: Vec<_> = peers.iter().filter(|peer| returns.iter().any(|back| back.id == peer.id)).collect();
        assert_eq!(here.len(), PEERS);
        let deaf = here.iter().filter(|peer| {
            let listens = peer.role == Role::Listener;
            peer.state != PeerState::Connected || (listens && peer.streams.iter().all(|stream| stream.received == 0))
        });
        let deaf = deaf.count();
        if deaf == 0 {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "{deaf} of {PEERS} hear nothing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(returns.iter().any(|back| back.attempts > 1) || ready.duration_since(signalled) < Duration::from_secs(2));

    let mut gaps: Vec<Duration> = returns.iter().map(|back| back.back - back.closed).collect();
    gaps.sort();
    let last = returns.iter().map(|back| back.back).max().unwrap();
    eprintln!(
        "{PEERS} peers are back: {:.2} s (half of them) and {:.2} s (the last) after their sockets closed, {:.2} s after the \
         server was ready, which took {:.2} s from the signal",
        gaps[PEERS / 2].as_secs_f64(),
        gaps[PEERS - 1].as_secs_f64(),
        last.saturating_duration_since(ready).as_secs_f64(),
        ready.duration_since(signalled).as_secs_f64(),
    );
    let late = last.saturating_duration_since(ready);
    assert!(late < BACK, "the last is back {late:?} after the server was ready");
}
