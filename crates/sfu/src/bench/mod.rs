//! What the benchmarks measure: a worker without sockets, with clients that are connected already.

mod socket_loop;

use std::time::{Duration, Instant};

pub use self::socket_loop::{Cost, SocketLoop};
use crate::metrics::DropReason;
use crate::sim::Sim;
use crate::sim::soak;
use crate::test_client::handshake::{fragment, hello, next_message};
use crate::test_client::{ClientOptions, TestClient};
use crate::transport::Path;
use crate::transport::srtp::SrtpProfile;
use crate::worker::core::WorkerCore;

/// The way of a packet from a datagram in to the encrypted datagrams out, everything but the system calls.
pub struct PacketPath {
    sim: Sim,
    speakers: usize,
    workers: usize,
}

impl PacketPath {
    /// A call of `listeners` peers of whom the first `speakers` speak.
    #[must_use]
    pub fn new(speakers: usize, listeners: usize) -> Self {
        Self::over(1, speakers, listeners)
    }

    /// The same with the peers spread over several workers, in turn.
    #[must_use]
    pub fn over(workers: usize, speakers: usize, listeners: usize) -> Self {
        Self::with(workers, speakers, listeners, &ClientOptions::default())
    }

    /// The same with clients that have generic NACK and, with `red`, redundant audio.
    #[must_use]
    pub fn repaired(workers: usize, speakers: usize, listeners: usize, red: bool) -> Self {
        Self::with(workers, speakers, listeners, &ClientOptions { red, nack: true, ..ClientOptions::default() })
    }

    fn with(workers: usize, speakers: usize, listeners: usize, all: &ClientOptions) -> Self {
        Self::of((0..listeners).map(|peer| (peer % workers, 0)), speakers, workers, all)
    }

    /// Peers by their worker and call; the first `speakers` of them speak.
    fn of(peers: impl Iterator<Item = (usize, usize)>, speakers: usize, workers: usize, all: &ClientOptions) -> Self {
        let mut sim = Sim::of(workers, 1, |settings| {
            (settings.max_packets_per_second, settings.max_bytes_per_second) = (u32::MAX, u32::MAX);
        });
        for (client, (worker, call)) in peers.enumerate() {
            let options = ClientOptions { microphone: client < speakers, ..all.clone() };
            sim.join_on(worker, call as u128 + 1, options);
        }
        let connected = sim.run_until(Duration::from_secs(20), |sim| sim.clients.iter().all(|c| c.is_connected()));
        assert!(connected, "clients connect on a network without faults");
        let gcm = |client: &TestClient| client.srtp_profile() == Some(SrtpProfile::AeadAes256Gcm);
        assert!(sim.clients.iter().all(gcm), "what browsers get is measured");
        sim.run(Duration::from_millis(100));
        Self { sim, speakers, workers }
    }

    /// Calls of two who both speak: each packet is sent once, and what it needs no other packet needs.
    #[must_use]
    pub fn pairs(calls: usize) -> Self {
        let peers = 2 * calls;
        Self::of((0..peers).map(|peer| (0, peer / 2)), peers, 1, &ClientOptions::default())
    }

    /// Hands what was spoken to the worker so many datagrams a turn, as if they had been received together, `between` turns having been called. Returns
    /// how many packets went out, and how long the turns took.
    pub fn in_turns(&mut self, spoken: &mut Spoken, count: usize, mut between: impl FnMut()) -> (usize, Duration) {
        let (mut sent, mut took) = (0, Duration::ZERO);
        let core = &mut self.sim.core;
        for turn in spoken.datagrams.chunks_mut(count) {
            between();
            let began = Instant::now();
            core.read_ahead(turn.iter().map(|(_, path, _)| *path));
            for (_, path, datagram) in turn {
                core.handle_datagram(spoken.at, *path, datagram);
            }
            core.flush();
            took += began.elapsed();
            sent += core.outbox_mut().len();
            core.outbox_mut().clear();
        }
        (sent, took)
    }

    /// Lets everybody who speaks send a packet of 80 bytes of Opus, and returns how many packets went out.
    pub fn step(&mut self) -> usize {
        // Far less than 20 ms: a benchmark of many steps must not outlive the clients' consent.
        self.step_after(Duration::from_micros(1))
    }

    /// The same when this time has passed.
    pub fn step_after(&mut self, time: Duration) -> usize {
        let mut spoken = self.speak(time);
        self.forward(&mut spoken)
    }

    /// What everybody who speaks sends, 80 bytes of Opus each, when this time has passed.
    pub fn speak(&mut self, after: Duration) -> Spoken {
        self.sound(after, 30)
    }

    /// The same of a sound as loud as this, in -dBov (RFC 6464).
    pub fn sound(&mut self, after: Duration, level: u8) -> Spoken {
        let Sim { now, clients, .. } = &mut self.sim;
        *now += after;
        let mut datagrams = Vec::new();
        for (number, client) in clients[..self.speakers].iter_mut().enumerate() {
            client.send_audio(level, &[0xAB; 80]);
            while let Some((from, _, datagram)) = client.poll_datagram() {
                datagrams.push((number % self.workers, Path::udp(from), datagram));
            }
        }
        Spoken { at: *now, datagrams }
    }

    /// The same of speech that gets lost on its way: there is nothing to forward.
    pub fn lose(&mut self, after: Duration) -> Spoken {
        self.sim.clients[..self.speakers].iter_mut().for_each(TestClient::lose_next);
        self.speak(after)
    }

    /// Hands that to the workers in one turn, and returns how many packets went out. Every datagram is good for one time.
    pub fn forward(&mut self, spoken: &mut Spoken) -> usize {
        for worker in 0..self.workers {
            let received = spoken.datagrams.iter().filter(|(at, ..)| *at == worker);
            self.sim.worker(worker).read_ahead(received.map(|(_, path, _)| *path));
        }
        for (worker, path, datagram) in &mut spoken.datagrams {
            self.sim.worker(*worker).handle_datagram(spoken.at, *path, datagram);
        }
        self.sim.relay();
        let mut sent = 0;
        for worker in 0..self.workers {
            let core = self.sim.worker(worker);
            loop {
                let more = core.flush();
                sent += core.outbox_mut().len();
                core.outbox_mut().clear();
                if !more {
                    break;
                }
            }
        }
        sent
    }
}

/// A worker with connected peers and nothing else: what they cost in memory is what is freed when it is dropped.
pub struct ConnectedPeers {
    _worker: WorkerCore,
    /// How many there are.
    pub count: usize,
}

impl ConnectedPeers {
    /// A call of `peers` of whom three speak and everybody has heard something; the clients and the network are gone.
    #[must_use]
    pub fn new(peers: usize) -> Self {
        let mut path = PacketPath::new(3, peers);
        for _ in 0..100 {
            path.step_after(Duration::from_millis(20));
        }
        // As all clients do within seconds; it shows that the end of the handshake has arrived.
        for client in &mut path.sim.clients {
            client.send_rtcp(&[0x80, 201, 0, 1, 0, 0, 0, 1]);
        }
        path.sim.pump();
        // Longer than DTLS stays.
        path.sim.run(Duration::from_secs(40));
        Self { _worker: path.sim.core, count: peers }
    }
}

/// Datagrams on their way to the worker.
pub struct Spoken {
    at: Instant,
    datagrams: Vec<(usize, Path, Vec<u8>)>,
}

/// A peer that passed its check and then sends nothing but handshake fragments of one byte.
pub struct HandshakeFragments {
    sim: Sim,
    fragments: Vec<Vec<u8>>,
}

impl HandshakeFragments {
    /// Fragments of a ClientHello, of which one byte never comes.
    #[must_use]
    pub fn of_a_hello() -> Self {
        let mut fragments = fragment(&hello(false), 1);
        fragments.pop();
        Self { sim: Self::validated(), fragments }
    }

    /// A whole ClientHello, then fragments of the message after it.
    #[must_use]
    pub fn behind_a_hello(dtls12: bool) -> Self {
        let mut hello = hello(dtls12);
        let mut sim = Self::validated();
        sim.core.handle_datagram(sim.now, Path::udp(Sim::address(0)), &mut hello);
        sim.core.outbox_mut().clear();
        Self { sim, fragments: fragment(&next_message(&hello), 1) }
    }

    fn validated() -> Sim {
        let mut sim = Sim::with(1, |_| {});
        let client = sim.join(1, ClientOptions::default());
        let path = Path::udp(Sim::address(client));
        // The client has not heard yet that its check was answered, so that it is silent.
        assert!(sim.run_until(Duration::from_secs(1), |sim| sim.core.is_validated(path)), "the check arrives");
        sim
    }

    /// Hands `count` fragments to the worker and returns how many datagrams it sent in return. `each` is called after
    /// every fragment.
    pub fn send(&mut self, count: usize, mut each: impl FnMut()) -> usize {
        let Sim { now, core, .. } = &mut self.sim;
        let path = Path::udp(Sim::address(0));
        let (mut sent, mut datagram) = (0, Vec::new());
        for fragment in self.fragments.iter().cycle().take(count) {
            datagram.clear();
            datagram.extend_from_slice(fragment);
            core.handle_datagram(*now, path, &mut datagram);
            sent += core.outbox_mut().len();
            core.outbox_mut().clear();
            each();
        }
        sent
    }
}

/// Peers that come and go over a bad network: with media, losses, new addresses, moves between calls, and without goodbyes.
pub struct Soak {
    soak: soak::Soak,
}

/// What a worker still has when everybody is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// No table names anybody any more.
    pub forgotten: bool,
    /// Timers that are set.
    pub timers: usize,
    /// TCP connections that are open.
    pub tcp: usize,
    /// Peers that count as connected.
    pub connected: u64,
}

/// What a soak has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Soaked {
    /// Handshakes that were finished.
    pub connected: u64,
    /// Authentic packets received.
    pub rtp_in: u64,
    /// Copies sent.
    pub rtp_out: u64,
    /// Changes of an address.
    pub migrations: u64,
    /// Connections lost.
    pub lost: u64,
}

impl Soak {
    /// A worker nobody has joined yet. The same seed does the same things in the same order.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { soak: soak::Soak::new(seed) }
    }

    /// Lets this many peers join, and all leave.
    pub fn run(&mut self, joins: u64) {
        self.soak.run(joins);
    }

    /// What is left of them.
    #[must_use]
    pub fn left(&self) -> Left {
        let soak::Left { forgotten, timers, tcp, connected } = self.soak.left();
        Left { forgotten, timers, tcp, connected }
    }

    /// What happened so far.
    #[must_use]
    pub fn soaked(&self) -> Soaked {
        let metrics = self.soak.sim.core.metrics();
        Soaked {
            connected: metrics.join_times.count(),
            rtp_in: metrics.rtp_in,
            rtp_out: metrics.rtp_out,
            migrations: metrics.migrations,
            lost: metrics.losts.iter().sum(),
        }
    }
}

/// One of every kind of datagram that a stranger may send: its name, its bytes, and why it is dropped.
#[must_use]
pub fn strangers_datagrams() -> [(&'static str, Vec<u8>, DropReason); 6] {
    let mut check = vec![0, 1, 0, 20, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 13]);
    check.extend(b"nobody00:them");
    check.extend([0; 3]);
    let nameless = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut hello = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 187];
    hello.resize(200, 1);
    let mut rtp = vec![0x90, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7];
    rtp.resize(100, 0xAB);
    let rtcp = vec![0x80, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    [
        ("check", check, DropReason::StunUnknownUfrag),
        ("client_hello", hello, DropReason::DtlsUnvalidated),
        ("rtp", rtp, DropReason::MediaUnvalidated),
        ("rtcp", rtcp, DropReason::MediaUnvalidated),
        ("check_without_name", nameless, DropReason::StunMalformed),
        ("garbage", vec![0xFF; 40], DropReason::Unrecognised),
    ]
}

/// A worker with a call, and strangers who send what they like.
pub struct Strangers {
    sim: Sim,
    datagrams: Vec<(Path, Vec<u8>)>,
}

impl Strangers {
    /// A call of `listeners` peers, and datagrams of `kind` from 1 000 addresses.
    #[must_use]
    pub fn new(listeners: usize, kind: &[u8]) -> Self {
        let mut sim = Sim::with(1, |_| {});
        for _ in 0..listeners {
            sim.join(1, ClientOptions::default());
        }
        let connected = sim.run_until(Duration::from_secs(20), |sim| sim.clients.iter().all(|c| c.is_connected()));
        assert!(connected, "clients connect on a network without faults");
        let stranger = |number: u16| std::net::SocketAddr::from(([203, 0, 113, 7], 1024 + number));
        let datagrams = (0..1000).map(|number| (Path::udp(stranger(number)), kind.to_vec())).collect();
        Self { sim, datagrams }
    }

    /// Hands the worker one datagram of each address; returns how many there were.
    pub fn send(&mut self) -> usize {
        let Sim { now, core, .. } = &mut self.sim;
        for (path, datagram) in &mut self.datagrams {
            core.handle_datagram(*now, *path, datagram);
        }
        assert!(core.outbox_mut().is_empty(), "nobody answers strangers");
        self.datagrams.len()
    }
}
