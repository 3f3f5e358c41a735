//! A peer with its socket and everything a media thread keeps of it.

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::api::{Impairment, JoinTimes, PeerId, PeerResult, PeerState, Role};
use super::impairment::{Fate, Held, Link};
use super::peer::{MediaPeer, MediaState};
use super::socket::MediaSocket;
use super::stream::Stream;

/// A datagram that a bad network holds back.
pub(super) struct Delayed {
    /// The index of its peer, and which peer that was.
    pub(super) key: usize,
    pub(super) id: PeerId,
    pub(super) direction: Direction,
    pub(super) bytes: Vec<u8>,
}

/// Where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the server.
    Up,
    /// To the peer; it came to the socket then, in microseconds since the Unix epoch.
    Down { arrived_micros: u64 },
}

/// Who a peer is, and when it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    pub(super) id: PeerId,
    pub(super) room: Uuid,
    pub(super) role: Role,
    /// When its join began.
    pub(super) started: Instant,
    /// The steps that were done by signaling.
    pub(super) join: JoinTimes,
    /// How many others it can hear at once.
    pub(super) slots: usize,
}

/// One peer of a media thread.
pub(super) struct Entry {
    pub(super) card: Card,
    pub(super) peer: MediaPeer,
    pub(super) pipe: Pipe,
    /// Told when media is connected, or why not.
    pub(super) ready: Option<oneshot::Sender<Result<(), String>>>,
    /// Whether every packet wakes the thread: while it joins, so that the times of that are right.
    pub(super) hot: bool,
    /// The timer that is set.
    pub(super) timer: Option<Instant>,
}

/// A peer's way to its server.
pub(super) struct Pipe {
    pub(super) socket: MediaSocket,
    links: [Link; 2],
    pub(super) send_errors: u64,
}

impl Pipe {
    /// Over a socket; `seed` decides what the network does.
    pub(super) fn new(socket: MediaSocket, seed: u64) -> Self {
        let link = |direction| Link::new(StdRng::seed_from_u64(seed ^ direction));
        Self { socket, links: [link(1 << 62), link(1 << 63)], send_errors: 0 }
    }

    /// Sends a datagram as the network lets it.
    pub(super) fn send(
        &mut self,
        now: Instant,
        datagram: &[u8],
        (key, id): (usize, PeerId),
        impairment: &Impairment,
        held: &mut Held<Delayed>,
    ) {
        if impairment.is_none() {
            return self.send_now(datagram);
        }
        if let Fate::At(due) = self.links[0].pass(now, impairment) {
            held.push(due, Delayed { key, id, direction: Direction::Up, bytes: datagram.to_vec() });
        }
    }

    /// Sends a datagram that has come through the network.
    pub(super) fn send_now(&mut self, datagram: &[u8]) {
        self.send_errors += u64::from(!self.socket.send(datagram));
    }

    /// When a datagram that has come to the socket reaches the peer; `None` when it is lost.
    pub(super) fn receive(&mut self, now: Instant, impairment: &Impairment) -> Option<Instant> {
        match self.links[1].pass(now, impairment) {
            Fate::Lost => None,
            Fate::At(due) => Some(due),
        }
    }
}

impl Entry {
    /// How it is.
    pub(super) fn state(&self) -> PeerState {
        match self.peer.state() {
            MediaState::Connecting => PeerState::Connecting,
            MediaState::Connected => PeerState::Connected,
            MediaState::Over(reason) => PeerState::Lost(reason.clone()),
        }
    }

    /// Everything that is known of it.
    pub(super) fn result(&self) -> PeerResult {
        let since = |moment: Option<Instant>| -> Option<Duration> {
            moment.map(|moment| moment.saturating_duration_since(self.card.started))
        };
        let milestones = self.peer.milestones;
        PeerResult {
            id: self.card.id,
            room: self.card.room,
            role: self.card.role,
            state: self.state(),
            join: JoinTimes {
                ice: since(milestones.ice),
                dtls: since(milestones.dtls),
                first_packet: since(milestones.first_packet),
                ..self.card.join
            },
            slots: self.card.slots,
            packets_sent: self.peer.counters.sent,
            send_errors: self.pipe.send_errors,
            undecryptable: self.peer.counters.undecryptable,
            streams: self.peer.ears().streams().iter().map(Stream::result).collect(),
        }
    }
}
