//! Coming and going without end: everything that peers do in a day, in no order, over a bad network.

use std::net::SocketAddr;
use std::time::Duration;

use dimpl::DtlsCertificate;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{BOTH, Impairment, Sim};
use crate::command::{Command, Grants};
use crate::event::Event;
use crate::ids::{CallId, PeerId};
use crate::sdp::Offer;
use crate::test_client::{ClientOptions, TestClient};
use crate::worker::MAX_SLOTS;

/// Clients at a time; each is somebody new again and again.
const CLIENTS: usize = 40;
const CALLS: u128 = 12;
/// Between two things that happen.
const STEP: Duration = Duration::from_millis(1);
/// Longer than anything the worker waits for: consent, set-up, the next report.
const LONG: Duration = Duration::from_secs(65);

/// Certificates that clients share: making a key costs as much as joining.
const CERTIFICATES: usize = 8;

/// A worker and those who come and go.
pub(crate) struct Soak {
    pub(crate) sim: Sim,
    rng: StdRng,
    certificates: Vec<DtlsCertificate>,
    /// Who each client is at the moment.
    here: Vec<Option<PeerId>>,
    /// Who vanished without a word, and whom the worker still has to give up.
    vanished: Vec<PeerId>,
    joins: u64,
    /// Addresses ever used; each is used once.
    addresses: u32,
    connections: u32,
}

/// What is left in the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) forgotten: bool,
    pub(crate) timers: usize,
    pub(crate) tcp: usize,
    pub(crate) connected: u64,
}

impl Soak {
    pub(crate) fn new(seed: u64) -> Self {
        let mut sim = Sim::new(seed);
        let bad = Impairment { loss: 0.03, repeated: 0.01, jitter: Duration::from_millis(15), ..Impairment::NONE };
        (sim.uplink, sim.downlink) = (bad, bad);
        let certificate = || dimpl::certificate::generate_self_signed_certificate().expect("a certificate");
        let mut soak = Self {
            sim,
            certificates: std::iter::repeat_with(certificate).take(CERTIFICATES).collect(),
            rng: StdRng::seed_from_u64(seed),
            here: vec![None; CLIENTS],
            vanished: Vec::new(),
            joins: 0,
            addresses: 0,
            connections: 0,
        };
        for _ in 0..CLIENTS {
            let client = soak.client();
            soak.sim.clients.push(client);
        }
        soak
    }

    /// Lets this many more join, and everybody do what people do; nobody is there any more in the end.
    pub(crate) fn run(&mut self, joins: u64) {
        let end = self.joins + joins;
        while self.joins < end {
            let client = self.rng.random_range(0..CLIENTS);
            match self.here[client] {
                None => self.join(client),
                Some(peer) => self.act(client, peer),
            }
            self.sim.run(STEP);
            self.give_up();
        }
        for client in 0..CLIENTS {
            if let Some(peer) = self.here[client].take() {
                self.sim.order(Command::RemovePeer { peer });
            }
        }
        for client in 0..CLIENTS {
            let address = self.sim.clients[client].address();
            self.hang_up(address);
        }
        self.sim.idle(LONG);
        self.give_up();
        self.sim.idle(LONG);
        self.sim.forget();
        assert!(self.vanished.is_empty(), "the worker never gave up {:?}", self.vanished);
    }

    pub(crate) fn left(&self) -> Left {
        Left {
            forgotten: self.sim.core.is_forgotten(),
            timers: self.sim.core.timers_set(),
            tcp: self.sim.tcp.len(),
            connected: self.sim.core.metrics().connected,
        }
    }

    fn address(&mut self) -> SocketAddr {
        self.addresses += 1;
        let [_, a, b, c] = self.addresses.to_be_bytes();
        SocketAddr::from(([10, a, b, c], 40_000))
    }

    fn client(&mut self) -> TestClient {
        let address = self.address();
        if self.rng.random_bool(0.2) {
            self.connections += 1;
            self.sim.tcp.insert(address, self.connections);
        }
        // DTLS 1.3 costs these clients three key exchanges each.
        let dtls12 = self.rng.random_bool(0.98);
        let certificate = Some(self.certificates[self.rng.random_range(0..CERTIFICATES)].clone());
        let slots = self.rng.random_range(0..6);
        TestClient::new(address, ClientOptions { dtls12, slots, certificate, ..ClientOptions::default() })
    }

    /// Another client takes this one's place, as its number.
    fn renew(&mut self, client: usize) {
        let next = self.client();
        let before = std::mem::replace(&mut self.sim.clients[client], next);
        let path = self.sim.path(before.address());
        // A machine that lost its power does not close its connections: the worker does, when it gives the peer up.
        if !self.sim.core.is_validated(path) || self.rng.random() {
            self.hang_up(before.address());
        }
    }

    /// A connection that never carried a valid check is closed by its owner or by the system.
    fn hang_up(&mut self, address: SocketAddr) {
        let path = self.sim.path(address);
        if self.sim.tcp.remove(&address).is_some() {
            self.sim.core.handle_closed(self.sim.now, path);
        }
    }

    fn join(&mut self, client: usize) {
        self.joins += 1;
        let peer = PeerId((client as u128 + 1) | u128::from(self.joins) << 32);
        self.here[client] = Some(peer);
        let call = CallId(self.rng.random_range(1..=CALLS));
        self.sim.order(Command::AddPeer { call, peer, grants: BOTH, max_speakers: MAX_SLOTS });
        let sdp = self.sim.clients[client].offer();
        self.sim.order(Command::Offer { peer, request: self.joins, offer: Offer::parse(&sdp) });
    }

    fn act(&mut self, client: usize, peer: PeerId) {
        let connected = self.sim.clients[client].is_connected();
        match self.rng.random_range(0..100) {
            0..16 if connected => self.talk(client),
            16..20 => {
                let grants = Grants { speak: self.rng.random(), hear: self.rng.random(), hear_own: self.rng.random() };
                self.sim.order(Command::SetGrants { peer, grants });
            }
            20..24 => {
                let call = CallId(self.rng.random_range(1..=CALLS));
                let max_speakers = self.rng.random_range(1..=MAX_SLOTS);
                self.sim.order(Command::AddPeer { call, peer, grants: BOTH, max_speakers });
            }
            24..28 if connected => {
                let before = self.sim.clients[client].address();
                let address = self.address();
                self.sim.clients[client].migrate(self.sim.now, address);
                self.hang_up(before);
            }
            28..31 if connected => {
                let sdp = self.sim.clients[client].restart_offer();
                self.sim.order(Command::Offer { peer, request: 0, offer: Offer::parse(&sdp) });
            }
            31..33 => {
                // A new page of the same person: another certificate on the same seat.
                self.renew(client);
                let sdp = self.sim.clients[client].offer();
                self.sim.order(Command::Offer { peer, request: 0, offer: Offer::parse(&sdp) });
            }
            33..35 => self.sim.order(Command::Offer { peer, request: 0, offer: Offer::parse("v=0\r\nnonsense") }),
            35..42 if connected => {
                // A goodbye of DTLS; the seat is given up when the worker tells that.
                self.sim.clients[client].close();
                self.sim.pump();
                self.vanish(client, peer);
            }
            42..45 => self.vanish(client, peer),
            // Most who are not there yet leave again: a handshake costs more than all the rest.
            roll if roll >= if connected { 80 } else { 45 } => {
                self.here[client] = None;
                self.sim.order(Command::RemovePeer { peer });
                self.renew(client);
            }
            _ => {}
        }
    }

    fn talk(&mut self, client: usize) {
        for _ in 0..self.rng.random_range(1..4) {
            let level = [127, 70, 30, 20][self.rng.random_range(0..4)];
            self.sim.clients[client].send_audio(level, &[0xAB; 60]);
        }
        self.sim.pump();
    }

    /// Gone without a word: no consent checks, no packets.
    fn vanish(&mut self, client: usize, peer: PeerId) {
        self.here[client] = None;
        self.vanished.push(peer);
        self.renew(client);
    }

    /// What signaling does with peers whose connection was lost.
    fn give_up(&mut self) {
        let mut lost = Vec::new();
        for event in self.sim.events.drain(..) {
            if let Event::Lost { peer, .. } = event {
                lost.push(peer);
            }
        }
        for peer in lost {
            if let Some(at) = self.vanished.iter().position(|vanished| *vanished == peer) {
                self.vanished.swap_remove(at);
                self.sim.order(Command::RemovePeer { peer });
            } else if let Some(client) = self.here.iter().position(|here| *here == Some(peer)) {
                self.here[client] = None;
                self.sim.order(Command::RemovePeer { peer });
                self.renew(client);
            }
        }
        self.sim.forget();
    }
}
