//! A transport against the test client over a simulated network.

mod attacks;
mod dtls;
mod ice;
mod joining;
mod other_dtls;
mod srtp;

use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::{Credentials, Dropped, Identity, Outbox, PacketKind, Path, Transport, TransportEvent, classify};
use crate::rtp::packet::OutHeader;
use crate::sdp::{Answer, Offer, Slot};
use crate::test_client::{ClientOptions, TestClient};

/// What the server sends, and where to.
type Sent = Vec<(Path, Vec<u8>)>;

/// What the network does to a datagram in either direction.
#[derive(Clone, Copy, Debug)]
struct Network {
    loss: f64,
    duplicates: f64,
    delay: Duration,
    jitter: Duration,
}

const PERFECT: Network =
    Network { loss: 0.0, duplicates: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO };
const TERRIBLE: Network =
    Network { loss: 0.25, duplicates: 0.05, delay: Duration::from_millis(40), jitter: Duration::from_millis(30) };

/// A datagram underway, ordered so that a max-heap gives the earliest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Underway {
    due: std::cmp::Reverse<(Instant, u64)>,
    to_server: bool,
    client_address: SocketAddr,
    bytes: Vec<u8>,
}

/// One transport, one client, and the network between them.
struct Link {
    now: Instant,
    rng: SmallRng,
    network: Network,
    client: TestClient,
    server: Transport,
    identity: Identity,
    events: Vec<TransportEvent>,
    dropped: Vec<Dropped>,
    rtp: Vec<Vec<u8>>,
    underway: BinaryHeap<Underway>,
    carried: u64,
    local: Credentials,
}

fn client_address() -> SocketAddr {
    "198.51.100.7:40000".parse().unwrap()
}

/// The header of a packet the server sends.
fn header(ssrc: u32, sequence: u16) -> OutHeader {
    OutHeader { marker: false, payload_type: 111, rollovers: 0, sequence, timestamp: 0, ssrc, padding: 0 }
}

fn server_address() -> SocketAddr {
    "192.0.2.1:7882".parse().unwrap()
}

/// The answer to an offer of the test client, all slots filled.
fn answer(identity: &Identity, local: &Credentials, offer: &Offer) -> String {
    let slots: Vec<_> = offer.slots().zip(1000..).map(|(media, ssrc)| Slot { mid: media.mid, ssrc }).collect();
    Answer {
        session: (1, 1),
        local,
        fingerprint: identity.fingerprint(),
        udp: &[server_address()],
        tcp: &[],
        slots: &slots,
        cname: "test",
    }
    .write(offer)
}

impl Link {
    fn new(options: ClientOptions, network: Network, seed: u64) -> Self {
        let now = Instant::now();
        let identity = Identity::generate().unwrap();
        let client = TestClient::new(client_address(), options);
        let local = Credentials::generate();
        let offer = Offer::parse(&client.offer()).unwrap();
        let mut link = Self {
            now,
            rng: SmallRng::seed_from_u64(seed),
            network,
            server: Transport::new(now, &identity, local.clone(), offer.fingerprints.clone()),
            client,
            events: Vec::new(),
            dropped: Vec::new(),
            rtp: Vec::new(),
            underway: BinaryHeap::new(),
            carried: 0,
            local,
            identity,
        };
        let answer = answer(&link.identity, &link.local, &offer);
        link.client.accept_answer(now, &answer);
        link
    }

    /// A connected pair on a perfect network.
    fn connected(options: ClientOptions) -> Self {
        let mut link = Self::new(options, PERFECT, 1);
        link.run(Duration::from_secs(2));
        assert!(link.client.is_connected() && link.server.is_connected());
        link
    }

    fn path(&self) -> Path {
        Path::udp(self.client.address())
    }

    /// Lets time pass, timers fire and datagrams arrive.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.pump(&Outbox::new());
        loop {
            let arrival = self.underway.peek().map(|datagram| datagram.due.0.0);
            let timers = [self.server.next_timeout(), self.client.next_timeout()];
            let next = timers.into_iter().flatten().chain(arrival).min().unwrap_or(end);
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            let mut out = Outbox::new();
            if arrival.is_some_and(|due| due <= self.now) {
                let Underway { to_server, client_address, bytes, .. } = self.underway.pop().unwrap();
                if to_server {
                    self.server_receives(Path::udp(client_address), &bytes, &mut out);
                } else if client_address == self.client.address() {
                    self.client.handle_datagram(self.now, &bytes);
                }
            } else {
                self.server.handle_timeout(self.now, &mut out);
                self.client.handle_timeout(self.now);
            }
            self.pump(&out);
        }
        self.now = end;
    }

    fn server_receives(&mut self, path: Path, bytes: &[u8], out: &mut Outbox) {
        let mut datagram = bytes.to_vec();
        let result = match classify(bytes) {
            PacketKind::Stun => self.server.handle_stun(self.now, path, bytes, out),
            PacketKind::Dtls => self.server.handle_dtls(self.now, path, bytes, out),
            PacketKind::Rtp => self.server.unprotect_rtp(path, &mut datagram, |_| true).map(|plain| {
                self.rtp.push(plain.to_vec());
            }),
            PacketKind::Rtcp => self.server.unprotect_rtcp(path, &mut datagram).map(|_| ()),
            PacketKind::Unknown => Err(Dropped::Malformed),
        };
        self.dropped.extend(result.err());
    }

    /// Puts what both sides have to send on the way.
    fn pump(&mut self, out: &Outbox) {
        while let Some(event) = self.server.poll_event() {
            self.events.push(event);
        }
        for (path, bytes) in out.datagrams() {
            self.carry(false, path.remote, bytes);
        }
        while let Some((from, to, bytes)) = self.client.poll_datagram() {
            assert_eq!(to, server_address());
            self.carry(true, from, &bytes);
        }
    }

    fn carry(&mut self, to_server: bool, client_address: SocketAddr, bytes: &[u8]) {
        let copies = 1 + usize::from(self.rng.random_bool(self.network.duplicates));
        for _ in 0..copies {
            if self.rng.random_bool(self.network.loss) {
                continue;
            }
            let jitter = self.network.jitter.mul_f64(self.rng.random());
            self.carried += 1;
            self.underway.push(Underway {
                due: std::cmp::Reverse((self.now + self.network.delay + jitter, self.carried)),
                to_server,
                client_address,
                bytes: bytes.to_vec(),
            });
        }
    }

    /// Hands the server a datagram at once; what it sends in return.
    fn inject(&mut self, path: Path, bytes: &[u8]) -> (Result<(), Dropped>, Sent) {
        let mut out = Outbox::new();
        let mut datagram = bytes.to_vec();
        let result = match classify(bytes) {
            PacketKind::Dtls => self.server.handle_dtls(self.now, path, bytes, &mut out),
            PacketKind::Rtp => self.server.unprotect_rtp(path, &mut datagram, |_| true).map(|_| ()),
            PacketKind::Rtcp => self.server.unprotect_rtcp(path, &mut datagram).map(|_| ()),
            PacketKind::Stun | PacketKind::Unknown => self.server.handle_stun(self.now, path, bytes, &mut out),
        };
        let sent = out.datagrams().map(|(path, bytes)| (path, bytes.to_vec())).collect();
        while let Some(event) = self.server.poll_event() {
            self.events.push(event);
        }
        (result, sent)
    }
}
