//! A worker's thread on real sockets: what a packet costs with the system's part of it.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::command::{Command, Grants};
use crate::config::Config;
use crate::event::Event;
use crate::ids::{CallId, PeerId};
use crate::metrics::WorkerMetrics;
use crate::sdp::Offer;
use crate::sfu::Sfu;
use crate::test_client::{ClientOptions, TestClient};

/// A packet's time.
const PACKET: Duration = Duration::from_millis(20);
/// Longer than the worker's numbers are old.
const SETTLE: Duration = Duration::from_millis(600);

/// What some time of forwarding cost the worker's thread.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// RTP packets sent.
    pub packets: u64,
    /// Those that went out as segments of a send (UDP GSO).
    pub segments: u64,
    /// User and system time together, from the scheduler.
    pub cpu: Duration,
    /// The share of user time in it, from the system's coarser accounting by ticks.
    pub user_share: f64,
    /// Datagrams that reached the listeners' sockets.
    pub received: u64,
}

/// One worker, and clients with a socket each.
pub struct SocketLoop {
    sfu: Sfu,
    events: UnboundedReceiver<Event>,
    clients: Vec<(TestClient, UdpSocket)>,
    speakers: usize,
    /// The worker's thread in /proc.
    thread: PathBuf,
    /// What a peer cost the worker's thread from its offer until it was connected.
    pub join: Duration,
}

impl SocketLoop {
    /// A call of `peers` on loopback, of whom the first `speakers` speak. Linux only.
    ///
    /// # Panics
    /// When sockets cannot be had or somebody does not connect.
    #[must_use]
    pub fn new(speakers: usize, peers: usize) -> Self {
        let config = Config { bind: IpAddr::from([127, 0, 0, 1]), first_port: 0, ..Config::default() };
        let before: HashSet<PathBuf> = threads().collect();
        let (sfu, events) = Sfu::start(config).expect("started");
        let thread = threads().find(|thread| !before.contains(thread)).expect("a worker thread");
        let mut this = Self { sfu, events, clients: Vec::new(), speakers, thread, join: Duration::ZERO };
        std::thread::sleep(SETTLE);
        let cpu = this.cpu();
        for number in 0..peers {
            this.join(number);
        }
        std::thread::sleep(SETTLE);
        this.join = this.cpu().saturating_sub(cpu) / u32::try_from(peers).expect("not that many");
        this
    }

    fn join(&mut self, number: usize) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("a socket that does not block");
        let options = ClientOptions { microphone: number < self.speakers, ..ClientOptions::default() };
        let mut client = TestClient::new(socket.local_addr().expect("an address"), options);
        let peer = PeerId(number as u128 + 1);
        let grants = Grants { speak: true, hear: true, hear_own: false };
        self.sfu.send(Command::AddPeer { call: CallId(1), peer, grants, max_speakers: 8 });
        self.sfu.send(Command::Offer { peer, request: 1, offer: Offer::parse(&client.offer()) });
        let answer = loop {
            match self.events.blocking_recv().expect("the worker runs") {
                Event::Answer { sdp, .. } => break sdp,
                Event::OfferRejected { error, .. } => panic!("an offer was rejected: {error}"),
                _ => {}
            }
        };
        client.accept_answer(Instant::now(), &answer);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !client.is_connected() {
            assert!(Instant::now() < deadline, "client {number} connects");
            carry(&mut client, &socket);
            std::thread::sleep(Duration::from_micros(100));
        }
        carry(&mut client, &socket);
        self.clients.push((client, socket));
    }

    /// Lets everybody who speaks send a packet of 80 bytes every 20 ms for this long: all at once, or evenly spread.
    ///
    /// # Panics
    /// When the system does not tell what the thread cost.
    pub fn run(&mut self, time: Duration, at_once: bool) -> Cost {
        for (client, socket) in &mut self.clients {
            carry(client, socket);
        }
        std::thread::sleep(SETTLE);
        self.drain();
        let (before, cpu, ticks) = (self.metrics(), self.cpu(), self.ticks());
        let gap = if at_once { Duration::ZERO } else { PACKET / u32::try_from(self.speakers).expect("few") };
        let (start, mut received) = (Instant::now(), 0);
        let mut turn = start;
        while turn < start + time {
            for speaker in 0..self.speakers {
                let (client, socket) = &mut self.clients[speaker];
                client.send_audio(30, &[0xAB; 80]);
                carry_out(client, socket);
                if !at_once {
                    received += self.drain();
                    sleep_until(turn + gap * u32::try_from(speaker + 1).expect("few"));
                }
            }
            received += self.drain();
            turn += PACKET;
            sleep_until(turn);
        }
        std::thread::sleep(SETTLE);
        received += self.drain();
        let (after, spent) = (self.metrics(), self.ticks());
        let (user, system) = (spent.0 - ticks.0, spent.1 - ticks.1);
        Cost {
            packets: after.rtp_out - before.rtp_out,
            segments: after.gso_segments - before.gso_segments,
            cpu: self.cpu().checked_sub(cpu).expect("time goes on"),
            user_share: f64::from(user) / f64::from((user + system).max(1)),
            received,
        }
    }

    fn metrics(&self) -> WorkerMetrics {
        self.sfu.metrics().workers.swap_remove(0)
    }

    /// Takes everything that waits in the listeners' sockets.
    fn drain(&self) -> u64 {
        let mut buffer = [0; 2048];
        let each = |(_, socket): &(TestClient, UdpSocket)| {
            std::iter::repeat_with(|| socket.recv(&mut buffer)).take_while(Result::is_ok).count() as u64
        };
        self.clients.iter().map(each).sum()
    }

    /// Time on a processor (proc_pid_schedstat: nanoseconds first).
    fn cpu(&self) -> Duration {
        let text = std::fs::read_to_string(self.thread.join("schedstat")).expect("schedstat");
        Duration::from_nanos(text.split(' ').next().and_then(|field| field.parse().ok()).expect("nanoseconds"))
    }

    /// User and system time in ticks (proc_pid_stat(5), fields 14 and 15).
    fn ticks(&self) -> (u32, u32) {
        let text = std::fs::read_to_string(self.thread.join("stat")).expect("stat");
        let mut fields = text.rsplit(')').next().expect("fields").split_ascii_whitespace().skip(11);
        let mut next = || fields.next().and_then(|field| field.parse().ok()).expect("ticks");
        (next(), next())
    }
}

/// Carries datagrams both ways.
fn carry(client: &mut TestClient, socket: &UdpSocket) {
    let now = Instant::now();
    let mut buffer = [0; 2048];
    while let Ok(len) = socket.recv(&mut buffer) {
        client.handle_datagram(now, &buffer[..len]);
    }
    client.handle_timeout(now);
    carry_out(client, socket);
}

fn carry_out(client: &mut TestClient, socket: &UdpSocket) {
    while let Some((_, to, datagram)) = client.poll_datagram() {
        let to: SocketAddr = to;
        socket.send_to(&datagram, to).expect("loopback takes it");
    }
}

fn sleep_until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
}

/// The folders of this process' threads.
fn threads() -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir("/proc/self/task").expect("Linux").filter_map(|entry| Some(entry.ok()?.path()))
}
