//! The thread around the core: restarts, slow readers.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::command::{Command, Grants};
use crate::event::LostReason;
use crate::ids::{CallId, PeerId};
use crate::metrics::WorkerMetrics;
use crate::placement::Order;
use crate::sdp::Offer;
use crate::test_client::{ClientOptions, TestClient};

const PATIENCE: Duration = Duration::from_secs(10);
/// For what takes a thread that is given a core a thousand times a second.
const LONG: Duration = Duration::from_secs(60);

fn worker() -> (WorkerHandle, UnboundedReceiver<Event>) {
    let (sender, events) = unbounded_channel();
    let config = Config { bind: IpAddr::from([127, 0, 0, 1]), first_port: 0, ..Config::default() };
    let addresses = Addresses::of(&config).expect("addresses");
    let worker = start(&config, &addresses, &sender).expect("started").remove(0);
    (worker, events)
}

fn next(events: &mut UnboundedReceiver<Event>) -> Event {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Ok(event) = events.try_recv() {
            return event;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("no event in time");
}

/// Carries datagrams between a client and the worker over a real socket until `done` says so.
fn carry(client: &mut TestClient, socket: &std::net::UdpSocket, done: impl Fn(&TestClient) -> bool) {
    socket.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
    let until = Instant::now() + PATIENCE;
    let mut buffer = [0; 2048];
    loop {
        assert!(Instant::now() < until, "in time");
        client.handle_timeout(Instant::now());
        while let Some((_, to, datagram)) = client.poll_datagram() {
            socket.send_to(&datagram, to).expect("sent");
        }
        if done(client) {
            return;
        }
        if let Ok((len, _)) = socket.recv_from(&mut buffer) {
            client.handle_datagram(Instant::now(), &buffer[..len]);
        }
    }
}

fn connect(worker: &WorkerHandle, events: &mut UnboundedReceiver<Event>, peer: PeerId) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let mut client = TestClient::new(socket.local_addr().expect("an address"), ClientOptions::default());
    worker.send(Order::Command(Command::Offer { peer, request: 1, offer: Offer::parse(&client.offer()) }));
    let Event::Answer { sdp, .. } = next(events) else { panic!("no answer") };
    client.accept_answer(Instant::now(), &sdp);
    carry(&mut client, &socket, TestClient::is_connected);
    assert!(matches!(next(events), Event::Connected { .. }));
}

/// Waits until the published numbers are as they shall be.
fn until_metrics(worker: &WorkerHandle, patience: Duration, done: impl Fn(&WorkerMetrics) -> bool) -> WorkerMetrics {
    let until = Instant::now() + patience;
    loop {
        let metrics = worker.metrics();
        if done(&metrics) {
            return metrics;
        }
        assert!(Instant::now() < until, "in time: {metrics:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn after_a_panic_peers_are_lost_but_known_and_may_offer_again() {
    let (worker, mut events) = worker();
    let grants = Grants { speak: true, hear: true, hear_own: false };
    let (peer, idle, gone) = (PeerId(1), PeerId(2), PeerId(3));
    for added in [peer, idle, gone] {
        worker.send(Order::Command(Command::AddPeer { call: CallId(1), peer: added, grants, max_speakers: 8 }));
    }
    worker.send(Order::Command(Command::RemovePeer { peer: gone }));
    connect(&worker, &mut events, peer);
    let before = worker.metrics();
    worker.panic();
    let lost = next(&mut events);
    assert_eq!(lost, Event::Lost { peer, reason: LostReason::WorkerFailed }, "only who had a connection");
    connect(&worker, &mut events, peer);
    connect(&worker, &mut events, idle);
    worker.send(Order::Command(Command::Offer { peer: gone, request: 2, offer: Offer::parse("") }));
    assert!(matches!(next(&mut events), Event::OfferRejected { error: crate::OfferError::UnknownPeer, .. }));

    let after = until_metrics(&worker, PATIENCE, |metrics| metrics.connected >= 2);
    assert_eq!((after.restarts, after.peers, after.calls), (1, 2, 1));
    assert_eq!(after.losts.iter().sum::<u64>(), 1);
    assert!(after.packets_in >= before.packets_in, "counters go on");
}

/// More orders than fit into a turn: the rest has its turn although nothing wakes the worker for it.
#[test]
fn orders_that_do_not_fit_into_a_turn_are_carried_out_in_the_next_ones() {
    let (worker, mut events) = worker();
    let grants = Grants { speak: true, hear: true, hear_own: false };
    for peer in 0..20_000 {
        let added = Command::AddPeer { call: CallId(peer % 100), peer: PeerId(peer), grants, max_speakers: 8 };
        worker.send_quietly(Order::Command(added));
    }
    let client = TestClient::new(([127, 0, 0, 1], 9).into(), ClientOptions::default());
    let offer = Offer::parse(&client.offer());
    worker.send(Order::Command(Command::Offer { peer: PeerId(19_999), request: 3, offer }));
    assert!(matches!(next(&mut events), Event::Answer { request: 3, .. }), "after all that came before it");
    worker.stop();
}

#[test]
fn a_worker_lets_packets_gather_while_they_would_wake_it_all_the_time_and_serves_everybody() {
    let (worker, mut events) = worker();
    let grants = Grants { speak: true, hear: true, hear_own: false };
    let (early, late) = (PeerId(1), PeerId(2));
    for peer in [early, late] {
        worker.send(Order::Command(Command::AddPeer { call: CallId(1), peer, grants, max_speakers: 8 }));
    }
    connect(&worker, &mut events, early);
    assert_eq!(until_metrics(&worker, LONG, |metrics| metrics.connected == 1).rests, 0, "few packets wait for nobody");

    let (port, stop) = (worker.port(), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let stranger = std::thread::spawn(move || {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        while !stopped.load(Ordering::Relaxed) {
            socket.send_to(&[0xff], ("127.0.0.1", port)).expect("sent");
            std::thread::sleep(Duration::from_micros(100));
        }
    });
    until_metrics(&worker, LONG, |metrics| metrics.rests > 0);
    connect(&worker, &mut events, late);
    stop.store(true, Ordering::Relaxed);
    stranger.join().expect("no panic");

    let taken = until_metrics(&worker, LONG, |metrics| metrics.connected == 2).packets_in;
    let quiet = until_metrics(&worker, LONG, |metrics| metrics.packets_in >= taken && metrics.busy_permille < 5);
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(worker.metrics().rests, quiet.rests, "there is nothing to gather");
    worker.stop();
}

#[test]
fn ports_follow_each_other() {
    let config = Config { first_port: 40_000, bind: IpAddr::from([127, 0, 0, 1]), ..Config::default() };
    assert_eq!(bind_address(&config, 0).port(), 40_000);
    assert_eq!(bind_address(&config, 3).port(), 40_003);
    assert_eq!(bind_address(&Config { first_port: 0, ..config }, 3).port(), 0);
}
