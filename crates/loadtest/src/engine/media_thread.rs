//! A thread with many peers: it sleeps on the clock, not on packets, so that thousands of them cost a few hundred wake-ups a
//! second.
//!
//! Sockets of peers that are joining are in an epoll set of their own which does wake the thread, so that the steps of a join
//! are timed as they happen. Once a peer has heard its first packet its socket leaves that set and is read by the clock alone: on
//! the machine of the server, the server would pay for every packet that an epoll set hears of, which over a network it does not.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use tokio::sync::oneshot;

use super::api::{EngineConfig, PeerId, PeerResult, PeerState, Repair};
use super::association::Identity;
use super::audio::{Audio, PERIOD};
use super::entry::{Card, Delayed, Direction, Entry, Pipe};
use super::impairment::Held;
use super::opus::wall_micros;
use super::peer::{MediaPeer, MediaSpec, MediaState};
use super::rotation::Rotation;
use super::socket::{Buffers, MediaSocket};
use super::totals::{Totals, thread_cpu};

/// Packets due within so short a time are sent together: the precision of the send clock.
const SEND_QUANTUM: Duration = Duration::from_micros(200);
/// How often a socket is read when nobody waits for it: a packet's time, so that one system call reads what all speakers sent in it.
/// The kernel stamps arrivals, so that latencies do not contain the wait.
const READ_EVERY: Duration = PERIOD;
/// Events taken at once.
const EVENTS: usize = 4096;
/// The waker's token; peers have the indices of a slab.
const WAKER: Token = Token(usize::MAX);

/// What a media thread is told.
pub(super) enum Command {
    /// A new peer.
    Add(Box<NewPeer>),
    /// It leaves; answered with what it has heard.
    Remove(PeerId, usize, oneshot::Sender<Option<PeerResult>>),
    /// Count anew.
    BeginWindow(oneshot::Sender<()>),
    /// What was counted.
    Totals(oneshot::Sender<Totals>),
    /// All peers.
    Peers(oneshot::Sender<Vec<PeerResult>>),
    /// The end.
    Stop,
}

/// A peer whose description was answered.
pub(super) struct NewPeer {
    pub(super) card: Card,
    pub(super) socket: std::net::UdpSocket,
    pub(super) media: MediaSpec,
    /// Told the index it got, or why it could not begin.
    pub(super) added: oneshot::Sender<io::Result<usize>>,
    pub(super) ready: oneshot::Sender<Result<(), String>>,
}

/// The thread.
pub(super) struct MediaThread {
    config: EngineConfig,
    identity: Identity,
    audio: Arc<Audio>,
    commands: Receiver<Command>,
    hot: Poll,
    events: Events,
    entries: Slab<Entry>,
    rotation: Rotation,
    sends: BinaryHeap<Reverse<(Instant, usize, PeerId)>>,
    timers: BinaryHeap<Reverse<(Instant, usize, PeerId)>>,
    held: Held<Delayed>,
    buffers: Buffers,
    next_tick: Instant,
    counted: Totals,
    cpu_before: Duration,
}

impl MediaThread {
    /// A thread that was not started yet, and what wakes it for a command.
    ///
    /// # Errors
    /// When the system gives no epoll.
    pub(super) fn new(
        config: EngineConfig,
        identity: Identity,
        audio: Arc<Audio>,
        commands: Receiver<Command>,
    ) -> io::Result<(Self, Waker)> {
        let hot = Poll::new()?;
        let waker = Waker::new(hot.registry(), WAKER)?;
        let thread = Self {
            config,
            identity,
            audio,
            commands,
            hot,
            events: Events::with_capacity(EVENTS),
            entries: Slab::new(),
            rotation: Rotation::default(),
            sends: BinaryHeap::new(),
            timers: BinaryHeap::new(),
            held: Held::default(),
            buffers: Buffers::default(),
            next_tick: Instant::now(),
            counted: Totals::default(),
            cpu_before: Duration::ZERO,
        };
        Ok((thread, waker))
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        self.cpu_before = thread_cpu();
        loop {
            if !self.take_commands() {
                return;
            }
            self.send_due();
            self.time_due();
            self.deliver_due();
            let now = Instant::now();
            if now >= self.next_tick {
                let lag = now - self.next_tick;
                self.counted.receive_lag.note(micros(lag));
                self.next_tick = now + self.config.tick;
                self.read_some(self.config.tick + lag);
            }
            self.sleep();
        }
    }

    fn sleep(&mut self) {
        let now = Instant::now();
        let due = |heap: &BinaryHeap<Reverse<(Instant, usize, PeerId)>>| heap.peek().map(|Reverse((due, ..))| *due);
        let next = [due(&self.sends), due(&self.timers), self.held.next_due()].into_iter().flatten().min();
        let next = next.map_or(self.next_tick, |next| next.max(now + SEND_QUANTUM).min(self.next_tick));
        let pause = next.saturating_duration_since(now);
        // epoll waits for whole milliseconds only; what is shorter is slept.
        let whole = Duration::from_millis(u64::try_from(pause.as_millis()).unwrap_or(0));
        let woken = self.hot.poll(&mut self.events, Some(whole)).is_ok() && !self.events.is_empty();
        if woken {
            self.read_hot();
        } else if whole.is_zero() {
            std::thread::sleep(pause);
        }
    }

    /// `false`: the end.
    fn take_commands(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Add(peer)) => self.add(*peer),
                Ok(Command::Remove(id, key, reply)) => {
                    // Whoever asked may be gone, here and below.
                    let _ = reply.send(self.remove(id, key));
                }
                Ok(Command::BeginWindow(reply)) => {
                    self.counted = Totals::default();
                    self.cpu_before = thread_cpu();
                    self.entries.iter_mut().for_each(|(_, entry)| entry.peer.begin_window());
                    let _ = reply.send(());
                }
                Ok(Command::Totals(reply)) => {
                    let mut totals = self.counted.clone();
                    totals.cpu = thread_cpu().saturating_sub(self.cpu_before);
                    self.entries.iter().for_each(|(_, entry)| totals.add_peer(entry));
                    let _ = reply.send(totals);
                }
                Ok(Command::Peers(reply)) => {
                    let _ = reply.send(self.entries.iter().map(|(_, entry)| entry.result()).collect());
                }
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn add(&mut self, new: NewPeer) {
        let now = Instant::now();
        let seed = new.media.seed;
        let slot = self.entries.vacant_entry();
        let key = slot.key();
        let server = new.socket.peer_addr();
        let socket = server.and_then(|server| {
            let mut socket = MediaSocket::new(new.socket)?;
            self.hot.registry().register(socket.source(), Token(key), Interest::READABLE)?;
            Ok((server, socket))
        });
        let (server, socket) = match socket {
            Ok(opened) => opened,
            Err(error) => {
                let _ = new.added.send(Err(error));
                return;
            }
        };
        slot.insert(Entry {
            card: new.card,
            peer: MediaPeer::new(now, server, new.media, &self.identity, Arc::clone(&self.audio)),
            pipe: Pipe::new(socket, seed),
            ready: Some(new.ready),
            hot: true,
            timer: None,
        });
        let _ = new.added.send(Ok(key));
        self.handle_timeout(key);
    }

    fn remove(&mut self, id: PeerId, key: usize) -> Option<PeerResult> {
        self.entries.get(key).filter(|entry| entry.card.id == id)?;
        let mut entry = self.entries.remove(key);
        self.counted.add_counters(&entry);
        let result = PeerResult { state: PeerState::Left, ..entry.result() };
        let Entry { peer, pipe, .. } = &mut entry;
        peer.close(&mut |datagram| pipe.send_now(datagram));
        Some(result)
    }

    /// Reads the sockets of joining peers that have something.
    fn read_hot(&mut self) {
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            if event.token() != WAKER {
                self.read(event.token().0);
            }
        }
        self.events = events;
    }

    /// Reads as many of the other sockets as have their turn, so long after the last time.
    fn read_some(&mut self, passed: Duration) {
        for _ in 0..self.rotation.share(passed, self.read_every()) {
            let entries = &self.entries;
            let next = self.rotation.next(|key, id| entries.get(key).is_some_and(|entry| entry.card.id == id));
            let Some(key) = next else { return };
            self.read(key);
        }
    }

    /// How often each socket of a connected peer is read.
    fn read_every(&self) -> Duration {
        let Repair { nack, .. } = self.config.repair;
        // Whoever asks for what is lost must notice it, and a network that is played has the time of reading.
        let at_once = nack || !self.config.downlink.is_none() || self.counted.without_timestamp > 0;
        if at_once { self.config.tick } else { READ_EVERY.max(self.config.tick) }
    }

    fn read(&mut self, key: usize) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let now = Instant::now();
        let Entry { peer, pipe, card, .. } = entry;
        let (uplink, downlink, held) = (self.config.uplink, self.config.downlink, &mut self.held);
        let mut incoming = Vec::new();
        let mut arrivals: Vec<(u64, Vec<u8>)> = Vec::new();
        let without = &mut self.counted.without_timestamp;
        let mut stamped = |time: Option<Duration>| match time {
            Some(time) => micros(time),
            None => {
                *without += 1;
                wall_micros()
            }
        };
        if downlink.is_none() {
            self.buffers.drain(&pipe.socket, |datagram, time| {
                peer.handle_datagram(now, stamped(time), datagram, &mut |out| incoming.push(out.to_vec()));
            });
        } else {
            self.buffers.drain(&pipe.socket, |datagram, time| arrivals.push((stamped(time), datagram.to_vec())));
        }
        for (arrived, bytes) in arrivals {
            if let Some(due) = pipe.receive(now, &downlink) {
                let arrived_micros = arrived + micros(due.saturating_duration_since(now));
                let direction = Direction::Down { arrived_micros };
                held.push(due, Delayed { key, id: card.id, direction, bytes });
            }
        }
        for datagram in incoming {
            pipe.send(now, &datagram, (key, card.id), &uplink, held);
        }
        self.after(key);
    }

    fn send_due(&mut self) {
        let mut now = Instant::now();
        while let Some(Reverse((due, key, id))) = self.sends.peek().copied() {
            if due > now {
                now = Instant::now();
                if due > now {
                    return;
                }
            }
            self.sends.pop();
            let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.card.id == id) else { continue };
            self.counted.send_lateness.note(micros(now.saturating_duration_since(due)));
            let Entry { peer, pipe, card, .. } = entry;
            let (uplink, held) = (&self.config.uplink, &mut self.held);
            peer.speak(wall_micros(), &mut |datagram| pipe.send(now, datagram, (key, card.id), uplink, held));
            if let Some(next) = peer.next_packet() {
                self.sends.push(Reverse((next, key, id)));
            }
        }
    }

    fn time_due(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((due, key, id))) = self.timers.peek().copied() {
            if due > now {
                return;
            }
            self.timers.pop();
            if let Some(entry) =
                self.entries.get_mut(key).filter(|entry| entry.card.id == id && entry.timer == Some(due))
            {
                entry.timer = None;
                self.handle_timeout(key);
            }
        }
    }

    fn deliver_due(&mut self) {
        while let Some(delayed) = self.held.pop(Instant::now()) {
            let Delayed { key, id, direction, bytes } = delayed;
            let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.card.id == id) else { continue };
            let now = Instant::now();
            let Entry { peer, pipe, .. } = entry;
            match direction {
                Direction::Up => pipe.send_now(&bytes),
                Direction::Down { arrived_micros } => {
                    let (uplink, held) = (&self.config.uplink, &mut self.held);
                    peer.handle_datagram(now, arrived_micros, &bytes, &mut |datagram| {
                        pipe.send(now, datagram, (key, id), uplink, held);
                    });
                    self.after(key);
                }
            }
        }
    }

    fn handle_timeout(&mut self, key: usize) {
        let now = Instant::now();
        let Some(Entry { peer, pipe, card, .. }) = self.entries.get_mut(key) else { return };
        let (uplink, held) = (&self.config.uplink, &mut self.held);
        peer.handle_timeout(now, wall_micros(), &mut |datagram| {
            pipe.send(now, datagram, (key, card.id), uplink, held);
        });
        self.after(key);
    }

    /// Sets the timer, tells who waits, cools the socket down: whatever may have changed.
    fn after(&mut self, key: usize) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let id = entry.card.id;
        if let Some(next) = entry.peer.next_timeout()
            && entry.timer.is_none_or(|timer| next < timer)
        {
            entry.timer = Some(next);
            self.timers.push(Reverse((next, key, id)));
        }
        if let Some(ready) = entry.ready.take() {
            match entry.peer.state() {
                MediaState::Connecting => entry.ready = Some(ready),
                MediaState::Connected => {
                    let _ = ready.send(Ok(()));
                    if let Some(next) = entry.peer.next_packet() {
                        self.sends.push(Reverse((next, key, id)));
                    }
                }
                MediaState::Over(reason) => {
                    let _ = ready.send(Err(reason.clone()));
                }
            }
        }
        if entry.hot && entry.peer.milestones.first_packet.is_some() {
            // A socket that cannot leave stays where it is.
            entry.hot = self.hot.registry().deregister(entry.pipe.socket.source()).is_err();
            if !entry.hot {
                self.rotation.add(key, id);
            }
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
