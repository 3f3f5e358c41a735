//! Accepted TCP connections (RFC 6544, passive), each a path of its own.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use rustc_hash::FxHashMap;
use slab::Slab;

use super::core::WorkerCore;
use crate::metrics::DropReason;
use crate::transport::Path;
use crate::transport::tcp::{FrameDecoder, encode_frame};

/// Connections that have not passed a STUN check yet; more are refused.
const UNVERIFIED_MAX: usize = 1024;
/// How long they may take. Longer lets idle connections fill the places.
const VERIFY_WITHIN: Duration = Duration::from_secs(10);
/// Bytes that wait for a slow reader: about two seconds of 8 voices. What comes on top is dropped, as a full router would.
const QUEUE_MAX: usize = 128 * 1024;
/// Bytes read from one connection before others have their turn.
const READ_BUDGET: usize = 64 * 1024;
/// Tokens below are the worker's own.
const FIRST_TOKEN: usize = 16;

struct Connection {
    stream: TcpStream,
    path: Path,
    decoder: FrameDecoder,
    queue: VecDeque<u8>,
    verified: bool,
}

/// All connections of a worker.
#[derive(Default)]
pub(super) struct Connections {
    connections: Slab<Connection>,
    keys: FxHashMap<Path, usize>,
    /// Who has to be verified by when, earliest first.
    deadlines: VecDeque<(Instant, Path)>,
    unverified: usize,
    next_id: u32,
    /// Read from, but not to the end.
    unfinished: Vec<Token>,
}

impl Connections {
    /// Accepts everybody who waits.
    pub(super) fn accept(&mut self, now: Instant, listener: &TcpListener, registry: &Registry, core: &mut WorkerCore) {
        loop {
            let (mut stream, remote) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "accepting a media connection failed");
                    return;
                }
            };
            if self.unverified >= UNVERIFIED_MAX {
                core.metrics_mut().drop(DropReason::TcpUnvalidated);
                continue;
            }
            // Without it frames wait for the acknowledgement of earlier ones; the connection works all the same.
            let _ = stream.set_nodelay(true);
            self.next_id = self.next_id.wrapping_add(1).max(1);
            let path = Path::tcp(remote, self.next_id);
            let entry = self.connections.vacant_entry();
            let token = Token(FIRST_TOKEN + entry.key());
            if registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE).is_err() {
                continue;
            }
            self.keys.insert(path, entry.key());
            let (decoder, queue) = (FrameDecoder::default(), VecDeque::new());
            entry.insert(Connection { stream, path, decoder, queue, verified: false });
            self.deadlines.push_back((now + VERIFY_WITHIN, path));
            self.unverified += 1;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.deadlines.front().map(|(at, _)| *at)
    }

    pub(super) fn has_unfinished(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// Goes on with the connections that had more to say.
    pub(super) fn resume(&mut self, now: Instant, core: &mut WorkerCore) {
        for token in std::mem::take(&mut self.unfinished) {
            self.ready(now, token, core);
        }
    }

    /// Closes the connections that passed no check in time.
    pub(super) fn handle_timeout(&mut self, now: Instant, core: &mut WorkerCore) {
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
            self.unverified -= 1;
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
            self.unverified -= 1;
        }
    }
}

impl Connection {
    fn flush(&mut self) -> io::Result<()> {
        while !self.queue.is_empty() {
            match self.stream.write(self.queue.as_slices().0) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.queue.drain(..written)),
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
    use std::net::SocketAddr;

    use mio::Poll;

    use super::*;
    use crate::transport::Identity;
    use crate::worker::core::Settings;

    fn core() -> WorkerCore {
        let settings = Settings {
            identity: Identity::generate().expect("a certificate"),
            addresses: Vec::new(),
            max_slots: 8,
            max_peers: 10,
            max_packets_per_second: 500,
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
            Self { core, poll, listener, target, connections: Connections::default() }
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
