//! Floods of strangers' packets on the port of a running call, on real sockets. Nothing here depends on how fast the machine is: what
//! the kernel delivered must be accounted for packet by packet, and what the call sent must be heard.
//!
//! How long somebody needs to join during a flood is printed and not asserted: where two processors serve the flood,
//! the worker and other tests at once, that is the machine's time. That set-up is none the slower is asserted in
//! simulated time, in `transport/tests/dtls.rs`.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hubbub_sfu::bench::strangers_datagrams;
use hubbub_sfu::{AdmitError, CallId, Config, DropReason, Event, Sfu, WorkerMetrics};
use tokio::sync::broadcast;

use crate::support::{Client, Network, PATIENCE, spread};

/// Strangers' packets, as fast as one thread can send them.
const FLOOD: u64 = 100_000;
const SPOKEN: u16 = 100;
/// Packets that each of a call says as fast as the other one hears them: what a peer may send at once, whatever the time
/// ([`Config::max_packets_per_second`]), with room for what else it sends.
const SPOKEN_AT_ONCE: u16 = 400;
/// Rounds of strangers' packets between two of the call's. With what the kernel takes for each packet they are far less
/// than the smallest receive buffer, 208 KiB.
const ROUNDS: usize = 2;
/// Threads that flood at most, and how long one more is given to keep the worker busy.
const FLOODS_MAX: usize = 8;
const ONE_MORE_AFTER: Duration = Duration::from_secs(5);
/// Longer than all of them take together.
const LONG: Duration = Duration::from_secs(60);

/// Why strangers' packets are dropped.
const STRANGERS: [DropReason; 5] = [
    DropReason::StunUnknownUfrag,
    DropReason::StunMalformed,
    DropReason::DtlsUnvalidated,
    DropReason::MediaUnvalidated,
    DropReason::Unrecognised,
];

/// Eight addresses that nobody knows.
struct Strangers {
    sockets: Vec<UdpSocket>,
    datagrams: Vec<Vec<u8>>,
}

impl Strangers {
    fn new() -> Self {
        let sockets = (0..8).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a socket")).collect();
        Self { sockets, datagrams: strangers_datagrams().into_iter().map(|(_, datagram, _)| datagram).collect() }
    }

    /// Sends 48 packets, one of each kind from each address. The number sent.
    fn send(&self, target: SocketAddr) -> u64 {
        let mut sent = 0;
        for socket in &self.sockets {
            for datagram in &self.datagrams {
                sent += u64::from(socket.send_to(datagram, target).is_ok());
            }
        }
        sent
    }
}

/// Two who hear each other.
struct Call {
    sfu: Sfu,
    events: broadcast::Sender<Event>,
    a: Client,
    b: Client,
    /// Where their audio arrives.
    target: SocketAddr,
}

impl Call {
    /// With this configuration, on a port of its own.
    async fn begin(config: Config) -> Self {
        let config = Config { bind: IpAddr::from([127, 0, 0, 1]), first_port: 0, ..config };
        let (sfu, events) = Sfu::start(config).expect("started");
        let events = spread(events);
        let a = Client::join(&sfu, &events, 1, 1, Network::Udp).await;
        let b = Client::join(&sfu, &events, 1, 2, Network::Udp).await;
        let target = SocketAddr::from(([127, 0, 0, 1], sfu.local_ports()[0]));
        Self { sfu, events, a, b, target }
    }
}

/// Sends round after round, then goes on with a pause after each until told to stop. The number sent.
fn flood(target: SocketAddr, stop: &AtomicBool, at_least: u64, pause: Duration) -> u64 {
    let strangers = Strangers::new();
    let mut sent = 0;
    while sent < at_least || !stop.load(Ordering::Relaxed) {
        sent += strangers.send(target);
        if sent >= at_least {
            std::thread::sleep(pause);
        }
    }
    sent
}

fn dropped(metrics: &WorkerMetrics, reasons: &[DropReason]) -> u64 {
    reasons.iter().map(|reason| metrics.dropped(*reason)).sum()
}

/// The numbers once they hold still: they are published a few times a second.
async fn settled(sfu: &Sfu) -> WorkerMetrics {
    let mut before = sfu.metrics().workers[0].clone();
    let settle = async {
        loop {
            tokio::time::sleep(Duration::from_millis(600)).await;
            let now = sfu.metrics().workers[0].clone();
            if now.packets_in == before.packets_in {
                return now;
            }
            before = now;
        }
    };
    tokio::time::timeout(PATIENCE, settle).await.expect("the flood ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_of_strangers_costs_a_call_nothing_and_keeps_nobody_out() {
    let Call { sfu, events, mut a, mut b, target } = Call::begin(Config::default()).await;
    let stop = Arc::new(AtomicBool::new(false));
    let flooding = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || flood(target, &stop, FLOOD, Duration::from_millis(1)))
    };
    for number in 0..SPOKEN {
        a.speak(number).await;
        b.speak(number).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Somebody else joins while the flood goes on.
    let began = Instant::now();
    let late = Client::join(&sfu, &events, 1, 3, Network::Udp).await;
    let joined = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let sent = tokio::task::spawn_blocking(move || flooding.join().expect("sent")).await.expect("sent");
    let metrics = settled(&sfu).await;

    // Everything that arrived was counted, and nothing of the call was among what was dropped.
    let strangers = dropped(&metrics, &STRANGERS);
    let lost_in_kernel = metrics.receive_drops;
    assert!(
        strangers <= sent && strangers + lost_in_kernel >= sent,
        "{strangers} dropped, {lost_in_kernel} never seen, of {sent}"
    );
    let all: u64 = DropReason::ALL.iter().map(|reason| metrics.dropped(*reason)).sum();
    assert_eq!(all, strangers, "none of a peer's: {:?}", metrics.drops);
    assert_eq!(metrics.losts.iter().sum::<u64>(), 0, "nobody lost the connection");
    assert_eq!(metrics.connected, 3);
    assert_eq!(metrics.rtp_in, metrics.rtp_out, "each of the call's packets has one other listener");
    // Of the call's packets none was lost but in the kernel, whose buffer the flood may fill on a machine with few processors.
    let spoken = 2 * u64::from(SPOKEN);
    assert!(metrics.rtp_in <= spoken && metrics.rtp_in + lost_in_kernel >= spoken, "{} of {spoken}", metrics.rtp_in);
    let heard = async |client: &mut Client| {
        let mut numbers = Vec::new();
        while let Ok(packet) = client.heard.try_recv() {
            numbers.push(u16::from_be_bytes([packet.payload[1], packet.payload[2]]));
        }
        numbers
    };
    let both = [heard(&mut a).await, heard(&mut b).await];
    assert_eq!(both.iter().map(Vec::len).sum::<usize>() as u64, metrics.rtp_out, "all that was forwarded arrived");
    assert!(both.iter().all(|numbers| numbers.is_sorted()), "in order, none twice: {both:?}");
    if lost_in_kernel == 0 {
        let all: Vec<u16> = (0..SPOKEN).collect();
        assert_eq!(both, [all.clone(), all]);
    }
    println!(
        "{strangers} strangers' packets dropped, {lost_in_kernel} lost in the kernel, of {sent}; joined in {joined:?}"
    );
    drop(late);
    sfu.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn strangers_between_any_two_packets_of_a_call_cost_it_none_of_them() {
    let Call { sfu, mut a, mut b, target, .. } = Call::begin(Config::default()).await;
    let (strangers, mut sent) = (Strangers::new(), 0);
    for number in 0..SPOKEN_AT_ONCE {
        sent += (0..ROUNDS).map(|_| strangers.send(target)).sum::<u64>();
        a.speak(number).await;
        b.speak(number).await;
        // Once these are heard the worker has read what came before them: however slow it is, the kernel's buffer is
        // empty again.
        assert_eq!((b.hear(a.id, 1).await, a.hear(b.id, 1).await), (vec![number], vec![number]));
    }
    let metrics = settled(&sfu).await;
    assert_eq!(metrics.receive_drops, 0, "the kernel has lost nothing");
    let (strangers, all) = (dropped(&metrics, &STRANGERS), dropped(&metrics, &DropReason::ALL));
    assert_eq!((strangers, all), (sent, sent), "theirs were dropped, and no others: {:?}", metrics.drops);
    let spoken = 2 * u64::from(SPOKEN_AT_ONCE);
    assert_eq!((metrics.rtp_in, metrics.rtp_out), (spoken, spoken));
    sfu.shutdown().await;
}

/// Waits until this is the answer to whoever asks to be taken in.
async fn answers(sfu: &Sfu, answer: Result<(), AdmitError>, within: Duration) -> bool {
    let asked = async {
        while sfu.admit(CallId(1)) != answer {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(within, asked).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_a_flood_keeps_the_worker_busy_nobody_new_is_taken_and_those_inside_go_on() {
    let config = Config { max_busy_percent: 10, ..Config::default() };
    let Call { sfu, events, a, mut b, target } = Call::begin(config).await;
    assert!(answers(&sfu, Ok(()), LONG).await, "a call of two is no load");

    let stop = Arc::new(AtomicBool::new(false));
    let mut floods = Vec::new();
    let mut busy = false;
    while !busy && floods.len() < FLOODS_MAX {
        let stop = Arc::clone(&stop);
        floods.push(std::thread::spawn(move || flood(target, &stop, 0, Duration::ZERO)));
        busy = answers(&sfu, Err(AdmitError::Busy), ONE_MORE_AFTER).await;
    }
    if busy {
        a.offer_again(&sfu, &events).await;
        let talks = async {
            for number in 0.. {
                a.speak(number).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
                if b.heard.try_recv().is_ok() {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, talks).await.expect("what the kernel does not lose is heard");
    }
    stop.store(true, Ordering::Relaxed);
    for flooding in floods {
        tokio::task::spawn_blocking(move || flooding.join().expect("sent")).await.expect("sent");
    }
    assert!(busy, "the worker says what it has to do, and the door closes");
    assert!(sfu.metrics().joins_refused[AdmitError::Busy as usize] > 0);
    assert!(answers(&sfu, Ok(()), LONG).await, "and opens again");
    sfu.shutdown().await;
}
