//! A simulated network and clock between workers and many synthetic clients.
//!
//! Deterministic but for keys and credentials: losses, delays and repetitions come from a seeded generator.

mod cluster;
pub(crate) mod soak;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::cluster::Cluster;
use crate::command::{Command, Grants};
use crate::event::Event;
use crate::ids::{CallId, PeerId};
use crate::sdp::Offer;
use crate::test_client::{ClientOptions, TestClient};
use crate::transport::{Identity, Path};
use crate::worker::MAX_SLOTS;
use crate::worker::candidates::Candidates;
use crate::worker::core::{Settings, WorkerCore};

/// Granted everything.
pub(crate) const BOTH: Grants = Grants { speak: true, hear: true, hear_own: false };
/// The simulation's resolution.
const TICK: Duration = Duration::from_millis(1);

/// What one direction of the network does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Impairment {
    /// The share that is lost.
    pub(crate) loss: f64,
    /// The share that arrives twice.
    pub(crate) repeated: f64,
    pub(crate) delay: Duration,
    /// Up to this much is added to the delay: more than the packets' spacing reorders them.
    pub(crate) jitter: Duration,
}

impl Impairment {
    pub(crate) const NONE: Self =
        Self { loss: 0.0, repeated: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO };
}

/// A datagram in flight; ordered by arrival.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    at: Instant,
    order: u64,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// The simulation.
pub(crate) struct Sim {
    pub(crate) now: Instant,
    /// The first worker; most tests have no other.
    pub(crate) core: WorkerCore,
    pub(crate) server: SocketAddr,
    pub(crate) cluster: Cluster,
    pub(crate) clients: Vec<TestClient>,
    /// Everything the worker reported, in order.
    pub(crate) events: Vec<Event>,
    pub(crate) uplink: Impairment,
    pub(crate) downlink: Impairment,
    /// Datagrams the worker sent to each address.
    pub(crate) sent_to: HashMap<SocketAddr, u64>,
    /// Copies of SRTP packets that went from the worker, by where to.
    pub(crate) delivered: Option<Vec<(SocketAddr, Vec<u8>)>>,
    /// Copies of SRTP packets that went to the worker, for replaying.
    pub(crate) captured: Option<Vec<(SocketAddr, Vec<u8>)>>,
    /// Clients behind a firewall and the number of their TCP connection to the worker; the network carries their frames like
    /// datagrams.
    pub(crate) tcp: HashMap<SocketAddr, u32>,
    in_flight: BinaryHeap<Reverse<Flight>>,
    order: u64,
    rng: StdRng,
}

impl Sim {
    /// A worker and a network without faults.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, |_| {})
    }

    /// The same with other settings.
    pub(crate) fn with(seed: u64, change: impl FnOnce(&mut Settings)) -> Self {
        Self::of(1, seed, change)
    }

    /// Several workers.
    pub(crate) fn of(workers: usize, seed: u64, change: impl FnOnce(&mut Settings)) -> Self {
        let now = Instant::now();
        let server = Self::server(0);
        let mut settings = Settings {
            identity: Identity::generate().expect("a certificate"),
            worker: 0,
            candidates: Candidates { udp: vec![server], tcp: vec![server] },
            max_slots: 8,
            max_peers: 10_000,
            max_tcp_connections: 10_000,
            max_packets_per_second: 500,
            max_bytes_per_second: 125_000,
            life: 0,
        };
        change(&mut settings);
        Self {
            now,
            core: cluster::begin(settings.clone(), now),
            server,
            cluster: Cluster::new(workers, &settings, now),
            clients: Vec::new(),
            events: Vec::new(),
            uplink: Impairment::NONE,
            downlink: Impairment::NONE,
            sent_to: HashMap::new(),
            delivered: None,
            captured: None,
            tcp: HashMap::new(),
            in_flight: BinaryHeap::new(),
            order: 0,
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// The address of a worker.
    fn server(worker: usize) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 7882 + u16::try_from(worker).expect("few workers")))
    }

    /// The address of the nth client; numbers that no client has are strangers.
    pub(crate) fn address(client: usize) -> SocketAddr {
        let [.., high, low] = client.to_be_bytes();
        SocketAddr::from(([10, 0, high, low], 40_000))
    }

    /// The peer id of the nth client.
    pub(crate) fn peer(client: usize) -> PeerId {
        PeerId(client as u128 + 1)
    }

    /// Adds a client to a call and lets it offer; returns its number.
    pub(crate) fn join(&mut self, call: u128, options: ClientOptions) -> usize {
        let client = self.clients.len();
        self.clients.push(TestClient::new(Self::address(client), options));
        self.order(Command::AddPeer {
            call: CallId(call),
            peer: Self::peer(client),
            grants: BOTH,
            max_speakers: MAX_SLOTS,
        });
        self.offer(client);
        client
    }

    /// Adds many clients to call 1 and waits until all are connected.
    pub(crate) fn join_all(&mut self, count: usize) {
        for _ in 0..count {
            self.join(1, ClientOptions::default());
        }
        let connected = |sim: &Self| sim.events.iter().filter(|event| matches!(event, Event::Connected { .. })).count();
        assert!(self.run_until(Duration::from_secs(20), |sim| connected(sim) == count), "all connect");
        // What is still in flight arrives.
        self.run(Duration::from_millis(50));
    }

    /// The client's offer, and its answer.
    pub(crate) fn offer(&mut self, client: usize) {
        let sdp = self.clients[client].offer();
        self.offer_sdp(client, &sdp);
    }

    /// An offer of the test's own.
    pub(crate) fn offer_sdp(&mut self, client: usize, sdp: &str) {
        let offer = Offer::parse(sdp);
        self.order(Command::Offer { peer: Self::peer(client), request: 7, offer });
    }

    pub(crate) fn order(&mut self, command: Command) {
        self.place(command);
        self.pump();
    }

    /// One packet of speech from a client, `payload` being what listeners recognise it by.
    pub(crate) fn speak(&mut self, client: usize, payload: &[u8]) {
        self.clients[client].send_audio(30, payload);
        self.pump();
    }

    /// Sends bytes to the worker as they are, without the network's faults.
    pub(crate) fn inject(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.core.handle_datagram(self.now, Path::udp(from), &mut bytes.to_vec());
        self.pump();
    }

    /// Forgets what was reported and received, in simulations that run for long.
    pub(crate) fn forget(&mut self) {
        self.events.clear();
        self.sent_to.clear();
        for client in &mut self.clients {
            client.forget();
        }
    }

    /// Lets time pass until something holds, at most `limit`.
    pub(crate) fn run_until(&mut self, limit: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while self.now < end {
            if holds(self) {
                return true;
            }
            self.tick();
        }
        holds(self)
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, duration: Duration) {
        self.run_until(duration, |_| false);
    }

    /// The path the worker sees for a client's address.
    pub(crate) fn path(&self, from: SocketAddr) -> Path {
        self.tcp.get(&from).map_or(Path::udp(from), |connection| Path::tcp(from, *connection))
    }

    /// Lets time pass in which little happens, without looking at every millisecond of it.
    pub(crate) fn idle(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            let flight = self.in_flight.peek().map(|Reverse(flight)| flight.at);
            let clients = self.clients.iter().filter_map(TestClient::next_timeout);
            self.core.skip_early();
            let next = clients.chain(flight).chain(self.core.next_timeout()).min();
            let next = next.map_or(end, |next| next.min(end));
            self.now = self.now.max(next.checked_sub(TICK).unwrap_or(next));
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.now += TICK;
        let now = self.now;
        while self.in_flight.peek().is_some_and(|Reverse(flight)| flight.at <= now) {
            let Some(Reverse(mut flight)) = self.in_flight.pop() else { break };
            let path = self.path(flight.from);
            if let Some(core) = self.worker_at(flight.to) {
                core.read_ahead(std::iter::once(path));
                core.handle_datagram(now, path, &mut flight.bytes);
            } else if let Some(client) = self.clients.iter_mut().find(|client| client.address() == flight.to) {
                client.handle_datagram(now, &flight.bytes);
            }
            self.pump();
        }
        while self.workers_mut().fold(false, |more, (_, core)| core.handle_timeout(now) || more) {
            self.pump();
        }
        for client in &mut self.clients {
            if client.next_timeout().is_some_and(|due| due <= now) {
                client.handle_timeout(now);
            }
        }
        self.pump();
    }

    /// Carries what everybody has to send, and hands answers to their clients.
    pub(crate) fn pump(&mut self) {
        self.relay();
        let events: Vec<Event> = self.workers_mut().flat_map(|(_, core)| core.drain_events()).collect();
        for event in events {
            if let Event::Answer { peer, sdp, .. } = &event {
                // Above 32 bits tells those apart who were the same client one after the other.
                let client = usize::try_from((peer.0 - 1) & 0xffff_ffff).expect("a client");
                self.clients[client].accept_answer(self.now, sdp);
            }
            self.events.push(event);
        }
        let closed: Vec<Path> = self.workers_mut().flat_map(|(_, core)| core.drain_closed()).collect();
        self.tcp.retain(|from, connection| !closed.contains(&Path::tcp(*from, *connection)));
        let mut sent = Vec::new();
        for (address, core) in self.workers_mut() {
            core.flush_all();
            sent.extend(core.outbox_mut().datagrams().map(|(path, bytes)| (address, path.remote, bytes.to_vec())));
            core.outbox_mut().clear();
        }
        for (from, to, bytes) in sent {
            if let Some(delivered) = self.delivered.as_mut().filter(|_| bytes[0] >= 128) {
                delivered.push((to, bytes.clone()));
            }
            *self.sent_to.entry(to).or_default() += 1;
            self.carry(from, to, bytes, self.downlink);
        }
        for client in 0..self.clients.len() {
            while let Some((from, to, bytes)) = self.clients[client].poll_datagram() {
                if bytes[0] >= 128
                    && let Some(captured) = &mut self.captured
                {
                    captured.push((from, bytes.clone()));
                }
                self.carry(from, to, bytes, self.uplink);
            }
        }
    }

    fn carry(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>, by: Impairment) {
        if self.rng.random_bool(by.loss) {
            return;
        }
        if self.rng.random_bool(by.repeated) {
            self.launch(from, to, bytes.clone(), by);
        }
        self.launch(from, to, bytes, by);
    }

    fn launch(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>, by: Impairment) {
        self.order += 1;
        let at = self.now + by.delay + by.jitter.mul_f64(self.rng.random::<f64>());
        self.in_flight.push(Reverse(Flight { at, order: self.order, from, to, bytes }));
    }
}
