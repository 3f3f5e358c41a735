//! Accepted TCP connections (RFC 6544, passive), each a path of its own.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use rustc_hash::FxHashMap;
use slab::Slab;

use super::core::WorkerCore;
use crate::metrics::DropReason;
use crate::transport::Path;
use crate::transport::tcp::{FrameDecoder, encode_frame};

/// Connections that have not passed a STUN check yet, and no more than half of all; more are refused.
const UNVERIFIED_MAX: usize = 1024;
/// Of these, from one IPv4 address or IPv6 /64 network: enough for a classroom behind one address that joins at once.
const UNVERIFIED_PER_SOURCE: usize = 64;
/// How long they may take. Longer lets idle connections fill the places.
const VERIFY_WITHIN: Duration = Duration::from_secs(10);
/// Bytes that wait for a slow reader: about two seconds of 8 voices. What comes on top is dropped, as a full router would.
const QUEUE_MAX: usize = 128 * 1024;
/// Bytes read from one connection before others have their turn.
const READ_BUDGET: usize = 64 * 1024;
/// The system's buffer for sending. Left to itself it grows to megabytes, which is minutes of audio that comes too late.
const SEND_BUFFER: usize = 128 * 1024;
/// Frames dropped in a row, without the reader taking a byte meanwhile, after which its connection is closed.
const STALLED: u32 = 2000;
/// Connections accepted before packets have their turn.
const ACCEPT_MAX: usize = 64;
/// How long accepting pauses when the system cannot (no file descriptors, no memory). Who waits is told only once that somebody
/// waits, so without trying again nobody would be accepted until the next one comes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How often that is logged at most.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);
/// Tokens below are the worker's own.
const FIRST_TOKEN: usize = 16;

struct Connection {
    stream: TcpStream,
    path: Path,
    decoder: FrameDecoder,
    queue: VecDeque<u8>,
    verified: bool,
    /// Frames dropped since the reader last took something.
    refused: u32,
}

/// All connections of a worker.
#[derive(Default)]
pub(super) struct Connections {
    connections: Slab<Connection>,
    /// How many there may be.
    max: usize,
    keys: FxHashMap<Path, usize>,
    /// Who has to be verified by when, earliest first.
    deadlines: VecDeque<(Instant, Path)>,
    unverified: usize,
    /// The same by where they come from.
    unverified_from: FxHashMap<IpAddr, usize>,
    next_id: u32,
    /// Read from, but not to the end.
    unfinished: Vec<Token>,
    /// Readers that have stopped reading.
    stalled: Vec<Path>,
    /// When to try again after the system could not accept.
    accept_at: Option<Instant>,
    complained_at: Option<Instant>,
}

impl Connections {
    /// None yet, and never more than `max`.
    pub(super) fn new(max: usize) -> Self {
        Self { max, ..Self::default() }
    }

    /// Accepts those who wait; `true` when there may be more.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        listener: &TcpListener,
        registry: &Registry,
        core: &mut WorkerCore,
    ) -> bool {
        self.accept_at = None;
        for _ in 0..ACCEPT_MAX {
            match listener.accept() {
                Ok((stream, remote)) => self.insert(now, stream, remote, registry, core),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                // The one who waited went away.
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {
                }
                Err(error) => {
                    core.metrics_mut().drop(DropReason::TcpAcceptFailed);
                    self.accept_at = Some(now + ACCEPT_PAUSE);
                    if self.may_complain(now) {
                        tracing::warn!(%error, "media connections cannot be accepted for now; trying on");
                    }
                    return false;
                }
            }
        }
        true
    }

    /// Whether it was silent for long enough.
    fn may_complain(&mut self, now: Instant) -> bool {
        let may = self.complained_at.is_none_or(|at| now >= at + COMPLAIN_EVERY);
        if may {
            self.complained_at = Some(now);
        }
        may
    }

    /// Whether it is time to try again.
    pub(super) fn is_accept_due(&self, now: Instant) -> bool {
        self.accept_at.is_some_and(|at| at <= now)
    }

    /// Takes a connection that was accepted elsewhere.
    pub(super) fn adopt(
        &mut self,
        now: Instant,
        stream: std::net::TcpStream,
        registry: &Registry,
        core: &mut WorkerCore,
    ) {
        if let Ok(remote) = stream.peer_addr()
            && stream.set_nonblocking(true).is_ok()
        {
            self.insert(now, TcpStream::from_std(stream), remote, registry, core);
        }
    }

    fn insert(
        &mut self,
        now: Instant,
        mut stream: TcpStream,
        remote: SocketAddr,
        registry: &Registry,
        core: &mut WorkerCore,
    ) {
        if self.connections.len() >= self.max {
            core.metrics_mut().drop(DropReason::TcpFull);
            if self.may_complain(now) {
                tracing::warn!(
                    connections = self.max,
                    "as many TCP connections for audio are open as the limit of open files allows; further ones are refused, \
                     and audio takes other ways. Raise LimitNOFILE= of the service, or `ulimit -Hn`"
                );
            }
            return;
        }
        let waiting = self.unverified_from.get(&source(remote)).copied().unwrap_or_default();
        if self.unverified >= UNVERIFIED_MAX.min(self.max / 2) || waiting >= UNVERIFIED_PER_SOURCE {
            core.metrics_mut().drop(DropReason::TcpUnvalidated);
            return;
        }
        // Without the first, frames wait for the acknowledgement of earlier ones; without the second, they may come late. The
        // connection works all the same.
        let _ = stream.set_nodelay(true);
        let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
        self.next_id = self.next_id.wrapping_add(1).max(1);
        let path = Path::tcp(remote, self.next_id);
        let entry = self.connections.vacant_entry();
        let token = Token(FIRST_TOKEN + entry.key());
        if registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE).is_err() {
            return;
        }
        self.keys.insert(path, entry.key());
        let (decoder, queue) = (FrameDecoder::default(), VecDeque::new());
        entry.insert(Connection { stream, path, decoder, queue, verified: false, refused: 0 });
        self.deadlines.push_back((now + VERIFY_WITHIN, path));
        self.unverified += 1;
        *self.unverified_from.entry(source(remote)).or_default() += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.deadlines.front().map(|(at, _)| *at).into_iter().chain(self.accept_at).min()
    }

    pub(super) fn has_unfinished(&self) -> bool {
        !self.unfinished.is_empty() || !self.stalled.is_empty()
    }

    /// Goes on with the connections that had more to say.
    pub(super) fn resume(&mut self, now: Instant, core: &mut WorkerCore) {
        for token in std::mem::take(&mut self.unfinished) {
            self.ready(now, token, core);
        }
    }

    /// Closes the connections that passed no check in time, and those whose reader has stopped reading.
    pub(super) fn handle_timeout(&mut self, now: Instant, core: &mut WorkerCore) {
        for path in std::mem::take(&mut self.stalled) {
            self.close(path);
            core.handle_closed(now, path);
        }
        while let Some((_, path)) = self.deadlines.pop_front_if(|(at, _)| *at <= now) {
            if self.keys.get(&path).is_some_and(|key| !self.connections[*key].verified) {
                core.metrics_mut().drop(DropReason::TcpUnvalidated);
                self.close(path);
            }
        }
    }

    /// Reads and writes what a connection is ready for.
    pub(super) fn ready(&mut self, now: Instant, token: Token, core: &mut WorkerCore) {
        let key = token.0 - FIRST_TOKEN;
        let Some(connection) = self.connections.get_mut(key) else { return };
        let path = connection.path;
        let outcome = connection.flush().and_then(|()| connection.read(now, core));
        if !connection.verified && core.is_validated(path) {
            connection.verified = true;
            self.forget_unverified(path);
        }
        match outcome {
            Ok(true) => {}
            Ok(false) => self.unfinished.push(token),
            Err(_) => {
                self.close(path);
                core.handle_closed(now, path);
            }
        }
    }

    /// Frames a datagram and sends it, or as much of it as goes. `false` when it was dropped.
    pub(super) fn send(&mut self, path: Path, datagram: &[u8], frame: &mut Vec<u8>) -> bool {
        let Some(connection) = self.keys.get(&path).and_then(|key| self.connections.get_mut(*key)) else {
            return false;
        };
        frame.clear();
        if connection.queue.len() + datagram.len() > QUEUE_MAX || encode_frame(datagram, frame).is_err() {
            connection.refused += 1;
            if connection.refused == STALLED {
                self.stalled.push(path);
            }
            return false;
        }
        connection.queue.extend(frame.iter());
        // An error comes up again when the connection is next ready, and ends it there.
        let _ = connection.flush();
        true
    }

    /// Closes a connection.
    pub(super) fn close(&mut self, path: Path) {
        let Some(key) = self.keys.remove(&path) else { return };
        if !self.connections.remove(key).verified {
            self.forget_unverified(path);
        }
    }

    fn forget_unverified(&mut self, path: Path) {
        self.unverified -= 1;
        if let Entry::Occupied(mut waiting) = self.unverified_from.entry(source(path.remote)) {
            *waiting.get_mut() -= 1;
            if *waiting.get() == 0 {
                waiting.remove();
            }
        }
    }
}

/// The client a connection comes from: an IPv4 address, or an IPv6 /64 network, of which one client has all addresses.
fn source(remote: SocketAddr) -> IpAddr {
    match remote.ip().to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

impl Connection {
    fn flush(&mut self) -> io::Result<()> {
        while !self.queue.is_empty() {
            match self.stream.write(self.queue.as_slices().0) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    drop(self.queue.drain(..written));
                    self.refused = 0;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads until there is nothing more (`true`) or others have to have their turn (`false`).
    fn read(&mut self, now: Instant, core: &mut WorkerCore) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let mut budget = READ_BUDGET;
        while budget > 0 {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    budget = budget.saturating_sub(len);
                    let path = self.path;
                    let each = |datagram: &mut [u8]| core.handle_datagram(now, path, datagram);
                    self.decoder.push(&buffer[..len], each).map_err(io::Error::other)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use mio::Poll;

    use super::*;
    use crate::transport::Identity;
    use crate::worker::candidates::Candidates;
    use crate::worker::core::Settings;

    fn core() -> WorkerCore {
        let settings = Settings {
            identity: Identity::generate().expect("a certificate"),
            worker: 0,
            candidates: Candidates::default(),
            max_slots: 8,
            max_peers: 10,
            max_tcp_connections: 10,
            max_packets_per_second: 500,
            max_bytes_per_second: 125_000,
            life: 0,
        };
        WorkerCore::new(settings, Instant::now(), Duration::ZERO)
    }

    struct Scene {
        core: WorkerCore,
        poll: Poll,
        listener: TcpListener,
        target: SocketAddr,
        connections: Connections,
    }

    impl Scene {
        fn new() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0".parse().expect("address")).expect("a port");
            let target = listener.local_addr().expect("an address");
            let (core, poll) = (core(), Poll::new().expect("a poll"));
            Self { core, poll, listener, target, connections: Connections::new(4 * UNVERIFIED_MAX) }
        }

        fn connect(&mut self) -> std::net::TcpStream {
            let stream = std::net::TcpStream::connect(self.target).expect("connected");
            self.connections.accept(Instant::now(), &self.listener, self.poll.registry(), &mut self.core);
            stream
        }
    }

    #[test]
    fn a_reader_that_never_reads_fills_its_queue_and_no_more() {
        let mut scene = Scene::new();
        let _reader = scene.connect();
        let (_, connection) = scene.connections.connections.iter().next().expect("accepted");
        let path = connection.path;
        let sent = (0..20_000).take_while(|_| scene.connections.send(path, &[7; 1000], &mut Vec::new())).count();
        assert!(sent < 20_000, "it comes to an end");
        let (_, connection) = scene.connections.connections.iter().next().expect("still there");
        assert!(connection.queue.len() <= QUEUE_MAX);
    }

    #[test]
    fn a_reader_that_has_stopped_reading_is_closed_in_the_end() {
        let mut scene = Scene::new();
        let mut reader = scene.connect();
        let path = scene.connections.connections.iter().next().expect("accepted").1.path;
        while !scene.connections.has_unfinished() {
            scene.connections.send(path, &[7; 1000], &mut Vec::new());
        }
        scene.connections.handle_timeout(Instant::now(), &mut scene.core);
        assert_eq!((scene.connections.len(), scene.connections.unverified), (0, 0));
        assert!(reader.read_to_end(&mut Vec::new()).is_ok_and(|len| len > QUEUE_MAX / 2), "up to the end");
    }

    #[test]
    fn one_source_cannot_take_all_the_places() {
        let mut scene = Scene::new();
        let from = |scene: &mut Scene, source: &str| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
            let source: SocketAddr = format!("{source}:0").parse().expect("address");
            socket.bind(&source.into()).expect("bound");
            socket.connect(&scene.target.into()).expect("connected");
            scene.connections.accept(Instant::now(), &scene.listener, scene.poll.registry(), &mut scene.core);
            socket
        };
        let mut kept: Vec<_> = (0..=UNVERIFIED_PER_SOURCE).map(|_| from(&mut scene, "127.0.0.1")).collect();
        assert_eq!(scene.connections.len(), UNVERIFIED_PER_SOURCE);
        assert_eq!(scene.core.metrics().dropped(DropReason::TcpUnvalidated), 1);
        kept.push(from(&mut scene, "127.0.0.2"));
        assert_eq!(scene.connections.len(), UNVERIFIED_PER_SOURCE + 1, "others have theirs");
        let due = scene.connections.deadlines.back().expect("deadlines").0;
        scene.connections.handle_timeout(due, &mut scene.core);
        assert!(scene.connections.unverified_from.is_empty());
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_network() {
        let of = |text: &str| source(text.parse().expect("address")).to_string();
        assert_eq!(of("192.0.2.7:1"), "192.0.2.7");
        assert_eq!(of("[::ffff:192.0.2.7]:1"), "192.0.2.7");
        assert_eq!(of("[2001:db8:1:2:3:4:5:6]:1"), "2001:db8:1:2::");
    }

    #[test]
    fn more_than_the_limit_of_unverified_connections_are_refused() {
        let mut scene = Scene::new();
        scene.connections.unverified = UNVERIFIED_MAX - 1;
        let _kept = scene.connect();
        let mut refused = scene.connect();
        assert_eq!(scene.connections.len(), 1);
        assert_eq!(scene.core.metrics().dropped(DropReason::TcpUnvalidated), 1);
        assert!(matches!(refused.read(&mut [0]), Ok(0) | Err(_)), "closed");
    }

    #[test]
    fn a_limit_of_few_is_never_passed_and_half_of_it_is_for_those_who_are_known() {
        let mut scene = Scene::new();
        scene.connections.max = 4;
        let mut kept: Vec<_> = (0..3).map(|_| scene.connect()).collect();
        assert_eq!(scene.connections.len(), 2, "half for strangers");
        assert_eq!(scene.core.metrics().dropped(DropReason::TcpUnvalidated), 1);

        scene.connections.unverified = 0;
        kept.extend((0..2).map(|_| scene.connect()));
        let mut refused = scene.connect();
        assert_eq!(scene.connections.len(), 4);
        assert_eq!(scene.core.metrics().dropped(DropReason::TcpFull), 1);
        assert!(matches!(refused.read(&mut [0]), Ok(0) | Err(_)), "closed");

        let path = scene.connections.connections.iter().next().expect("accepted").1.path;
        scene.connections.close(path);
        kept.push(scene.connect());
        assert_eq!(scene.connections.len(), 4, "a place that came free");
    }

    #[test]
    fn who_passes_no_check_in_time_is_closed_and_its_place_is_free() {
        let mut scene = Scene::new();
        let mut stream = scene.connect();
        let due = scene.connections.next_timeout().expect("a deadline");
        scene.connections.handle_timeout(due - Duration::from_millis(1), &mut scene.core);
        assert_eq!(scene.connections.len(), 1);
        scene.connections.handle_timeout(due, &mut scene.core);
        assert_eq!((scene.connections.len(), scene.connections.unverified), (0, 0));
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)), "closed");
        assert_eq!(scene.connections.next_timeout(), None);
    }
}
