//! [`Engine`]: the handle on the media threads.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::Waker;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::api::{EngineConfig, GeneratorCost, JoinTimes, PeerId, PeerResult, PeerSpec, Role, Snapshot, Timestamps};
use super::association::Identity;
use super::audio::Audio;
use super::description::{Credentials, LocalDescription, RemoteDescription};
use super::entry::Card;
use super::limits;
use super::media_thread::{Command, MediaThread, NewPeer};
use super::peer::MediaSpec;
use super::socket::MediaSocket;
use super::totals::Totals;
use crate::error::LoadTestError;
use crate::signaling::{Signaling, within};

/// How long ICE and DTLS may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Many synthetic peers. Its threads end when it is dropped.
pub struct Engine {
    config: EngineConfig,
    identity: Identity,
    pauses: bool,
    threads: Vec<MediaThreadHandle>,
    next_id: AtomicU32,
    peers: Mutex<HashMap<PeerId, Place>>,
    window: Mutex<Window>,
}

struct MediaThreadHandle {
    commands: Sender<Command>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

/// Where a peer is.
struct Place {
    thread: usize,
    key: usize,
    port: u16,
    signaling: Option<Arc<Signaling>>,
}

struct Window {
    began: Instant,
    drops: u64,
}

/// A media connection whose descriptions were exchanged by somebody else's signaling.
pub struct MediaRequest {
    /// What the peer said of itself: [`Engine::describe`] made it.
    pub local: LocalDescription,
    /// What the server said.
    pub remote: RemoteDescription,
    /// Which room it is in: only told back.
    pub room: Uuid,
    /// What it does.
    pub role: Role,
    /// When its join began.
    pub started: Instant,
    /// The steps that are done.
    pub join: JoinTimes,
}

impl Engine {
    /// Starts the media threads.
    ///
    /// # Errors
    /// [`LoadTestError::BadAudio`] or [`LoadTestError::Engine`].
    pub fn start(config: EngineConfig) -> Result<Self, LoadTestError> {
        limits::raise_open_files();
        let identity = Identity::generate()?;
        let audio = match &config.audio {
            Some(path) => Audio::open(path)?,
            None => Audio::built_in()?,
        };
        let pauses = audio.has_pauses();
        let audio = Arc::new(audio.with_period(config.period));
        let failed =
            |e: std::io::Error| LoadTestError::Engine { what: "starting a media thread", reason: e.to_string() };
        let mut threads = Vec::new();
        for index in 0..config.threads.max(1) {
            let (commands, receiver) = mpsc::channel();
            let (thread, waker) =
                MediaThread::new(config.clone(), identity.clone(), Arc::clone(&audio), receiver).map_err(failed)?;
            let builder = std::thread::Builder::new().name(format!("peers-{index}"));
            let thread = Some(builder.spawn(move || thread.run()).map_err(failed)?);
            threads.push(MediaThreadHandle { commands, waker, thread });
        }
        Ok(Self {
            config,
            identity,
            pauses,
            threads,
            next_id: AtomicU32::new(0),
            peers: Mutex::default(),
            window: Mutex::new(Window { began: Instant::now(), drops: 0 }),
        })
    }

    /// Puts a peer into a room of a Hubbub server. Done when its media is connected.
    ///
    /// # Errors
    /// Whatever went wrong first.
    pub async fn join(&self, spec: PeerSpec) -> Result<PeerId, LoadTestError> {
        let started = Instant::now();
        let signaling = Signaling::connect(&spec.session).await?;
        self.join_since(started, signaling, spec.room, spec.role).await
    }

    /// The same over a WebSocket that is open already: the join begins now.
    ///
    /// # Errors
    /// Whatever went wrong first.
    pub async fn join_over(&self, signaling: Signaling, room: Uuid, role: Role) -> Result<PeerId, LoadTestError> {
        self.join_since(Instant::now(), signaling, room, role).await
    }

    async fn join_since(
        &self,
        started: Instant,
        signaling: Signaling,
        room: Uuid,
        role: Role,
    ) -> Result<PeerId, LoadTestError> {
        let mut join = JoinTimes { socket: started.elapsed(), ..JoinTimes::default() };
        let seat = signaling.join(room, role == Role::Listener).await?;
        join.joined = started.elapsed();
        let local = self.describe(role);
        let answer = signaling.offer(local.offer(seat.slots)).await?;
        join.answered = started.elapsed();
        let remote = RemoteDescription::parse(&answer)
            .map_err(|reason| LoadTestError::NotHubbub { url: "the answer to an offer".to_owned(), reason })?;
        let id = self.connect_media(MediaRequest { local, remote, room, role, started, join }).await?;
        if let Some(place) = self.peers.lock().get_mut(&id) {
            place.signaling = Some(Arc::new(signaling));
        }
        Ok(id)
    }

    /// Whether there is silence in what speakers repeat, even when they speak all the time.
    #[must_use]
    pub fn has_pauses(&self) -> bool {
        self.pauses
    }

    /// What a new peer says of itself. A listener has no microphone m-line.
    #[must_use]
    pub fn describe(&self, role: Role) -> LocalDescription {
        let mut rng = StdRng::from_rng(&mut rand::rng());
        LocalDescription {
            credentials: Credentials::generate(&mut rng),
            fingerprint: self.identity.fingerprint.clone(),
            microphone: (role != Role::Listener).then(|| rng.random()),
            repair: self.config.repair,
        }
    }

    /// Connects the media of a peer. Done when there are SRTP keys.
    ///
    /// # Errors
    /// [`LoadTestError::Connection`] when ICE or DTLS fails, [`LoadTestError::Engine`] when there are no sockets left.
    pub async fn connect_media(&self, request: MediaRequest) -> Result<PeerId, LoadTestError> {
        let failed = |e: std::io::Error| LoadTestError::Engine {
            what: "opening a media socket",
            reason: match e.raw_os_error() {
                Some(libc_emfile) if libc_emfile == rustix::io::Errno::MFILE.raw_os_error() => {
                    format!("{e}; allow more open files with ulimit -n")
                }
                _ => e.to_string(),
            },
        };
        let socket = MediaSocket::connect(&request.remote.udp).map_err(failed)?;
        let port = socket.local_addr().map_err(failed)?.port();
        let number = self.next_id.fetch_add(1, Ordering::Relaxed);
        let id = PeerId(number);
        let thread = number as usize % self.threads.len();
        let (added, was_added) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let MediaRequest { local, remote, room, role, started, join } = request;
        let slots = remote.media.iter().filter(|media| media.sends).count();
        let card = Card { id, room, role, started, join, slots };
        let seed = self.config.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(u64::from(number));
        let media = MediaSpec { local, remote, role, seed };
        self.tell(thread, Command::Add(Box::new(NewPeer { card, socket, media, added, ready })));
        let key = was_added.await.map_err(|_| gone())?.map_err(failed)?;
        self.peers.lock().insert(id, Place { thread, key, port, signaling: None });
        let connected = within(CONNECT_TIMEOUT, "connecting the media", is_ready).await;
        let reason = match connected {
            Ok(Ok(Ok(()))) => return Ok(id),
            Ok(Ok(Err(reason))) => LoadTestError::Connection(reason),
            Ok(Err(_)) => gone(),
            Err(late) => late,
        };
        self.remove(id).await;
        Err(reason)
    }

    /// Takes a peer out of its room; what it has heard.
    ///
    /// # Errors
    /// [`LoadTestError::Closed`] when there is no such peer (any more).
    pub async fn leave(&self, id: PeerId) -> Result<PeerResult, LoadTestError> {
        let signaling = self.peers.lock().get(&id).and_then(|place| place.signaling.clone());
        if let Some(signaling) = signaling {
            // A server that is gone is left all the same.
            let left = signaling.leave().await;
            tracing::debug!(result = ?left.err(), "leaving");
        }
        self.remove(id).await.ok_or_else(|| LoadTestError::Closed(format!("there is no peer {}", id.0)))
    }

    /// Counts anew: losses, latencies and costs. Times of joins stay.
    pub async fn begin_window(&self) {
        let drops = self.socket_drops().await;
        self.ask(Command::BeginWindow).await;
        *self.window.lock() = Window { began: Instant::now(), drops };
    }

    /// All peers together.
    pub async fn snapshot(&self) -> Snapshot {
        let mut totals = Totals::default();
        for of_thread in self.ask(Command::Totals).await {
            totals.add(&of_thread);
        }
        let drops = self.socket_drops().await;
        let window = self.window.lock();
        Snapshot {
            elapsed: window.began.elapsed(),
            connected: totals.connected,
            connecting: totals.connecting,
            lost_peers: totals.lost_peers,
            sent: totals.sent,
            received: totals.received,
            lost: totals.lost,
            reordered: totals.reordered,
            duplicates: totals.duplicates,
            repaired_by_nack: totals.repaired_by_nack,
            repaired_by_red: totals.repaired_by_red,
            sent_again: totals.sent_again,
            latency: totals.latency,
            generator: GeneratorCost {
                cpu: totals.cpu,
                packets_received: totals.received + totals.duplicates,
                packets_sent: totals.sent,
                send_lateness: totals.send_lateness,
                receive_lag: totals.receive_lag,
                socket_drops: drops.saturating_sub(window.drops),
                timestamps: if totals.without_timestamp == 0 { Timestamps::Kernel } else { Timestamps::Tick },
            },
        }
    }

    /// Every peer that has not left.
    pub async fn peers(&self) -> Vec<PeerResult> {
        let mut all: Vec<PeerResult> = self.ask(Command::Peers).await.into_iter().flatten().collect();
        all.sort_by_key(|peer| peer.id);
        all
    }

    /// The signaling of a peer that [`Self::join`] made.
    #[must_use]
    pub fn signaling(&self, id: PeerId) -> Option<Arc<Signaling>> {
        self.peers.lock().get(&id)?.signaling.clone()
    }

    async fn remove(&self, id: PeerId) -> Option<PeerResult> {
        let Place { thread, key, .. } = self.peers.lock().remove(&id)?;
        let (reply, answer) = oneshot::channel();
        self.tell(thread, Command::Remove(id, key, reply));
        answer.await.ok().flatten()
    }

    async fn ask<T>(&self, command: impl Fn(oneshot::Sender<T>) -> Command) -> Vec<T> {
        let mut answers = Vec::with_capacity(self.threads.len());
        for thread in 0..self.threads.len() {
            let (reply, answer) = oneshot::channel();
            self.tell(thread, command(reply));
            answers.push(answer);
        }
        let mut all = Vec::with_capacity(answers.len());
        for answer in answers {
            all.extend(answer.await.ok());
        }
        all
    }

    fn tell(&self, thread: usize, command: Command) {
        let handle = &self.threads[thread];
        // A thread that has ended answers nothing, and whoever waits for it learns that.
        let _ = handle.commands.send(command);
        let _ = handle.waker.wake();
    }

    async fn socket_drops(&self) -> u64 {
        let ports: HashSet<u16> = self.peers.lock().values().map(|place| place.port).collect();
        tokio::task::spawn_blocking(move || limits::socket_drops(&ports)).await.unwrap_or(0)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for thread in 0..self.threads.len() {
            self.tell(thread, Command::Stop);
        }
        for handle in &mut self.threads {
            if let Some(thread) = handle.thread.take() {
                // One that panicked has said so already.
                let _ = thread.join();
            }
        }
    }
}

fn gone() -> LoadTestError {
    LoadTestError::Engine { what: "a media thread", reason: "it has ended".to_owned() }
}
