//! The loop of a worker's thread: sockets, orders and the clock in; datagrams and events out.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::candidates::Candidates;
use super::coalescing::Coalescing;
use super::core::{Settings, WorkerCore};
use super::discovery::{Discovery, Seen};
use super::inspection::Page;
use super::links::{Doorbell, Links};
use super::load::{LoadGauge, LoadMeter, thread_cpu_time};
use super::roster::Roster;
use super::sending::Sender;
use super::socket::{self, Receiver};
use super::sockets::Sockets;
use super::tcp::Connections;
use crate::event::{Event, LostReason};
use crate::ids::CallId;
use crate::metrics::{DropReason, WorkerMetrics};
use crate::placement::Order;
use crate::transport::Protocol;

const UDP: Token = Token(0);
const LISTENER: Token = Token(1);
const WAKER: Token = Token(2);

/// How old the numbers in the handle get.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);
/// What is due and has not had its turn for this long is late: a packet's time.
const LATE: Duration = Duration::from_millis(20);
/// Batches received before orders and timers have their turn.
const BATCHES: usize = 16;

/// Portions of what is to be sent, between which is looked what has come, before orders and timers have their turn.
const PORTIONS: usize = 32;

/// How long orders may hold packets up in one turn, or as long as packets have had: some ten offers, far less than a packet's time.
const ORDERS_MAX: Duration = Duration::from_millis(1);

/// What became of the orders in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orders {
    /// All were carried out.
    Done,
    /// Some wait for the next turn.
    Waiting,
    /// The last one was to stop.
    Stop,
}

/// What the handle asks of the thread.
#[derive(Debug)]
pub(super) enum Mail {
    Order(Order),
    Discover {
        servers: Vec<SocketAddr>,
        reply: mpsc::Sender<(u16, Vec<Seen>)>,
    },
    Announce(Candidates),
    PeerStats {
        call: CallId,
        from: usize,
        reply: oneshot::Sender<Page>,
    },
    Adopt(std::net::TcpStream),
    Stop,
    #[cfg(test)]
    Panic,
}

/// Everything the thread owns.
pub(super) struct Runner {
    poll: Poll,
    inbox: mpsc::Receiver<Mail>,
    sockets: Sockets,
    links: Links,
    settings: Settings,
    events: UnboundedSender<Event>,
    published: (Arc<Mutex<WorkerMetrics>>, Arc<LoadGauge>),
    roster: Roster,
}

/// What is lost when the thread panics.
struct Serving {
    core: WorkerCore,
    tcp: Connections,
    sender: Sender,
    frame: Vec<u8>,
    published_at: Instant,
    /// When the turn should have begun: the last one's beginning and what it then meant to wait.
    expected: Instant,
    coalescing: Coalescing,
    /// Who waits for what STUN servers say.
    discoverer: Option<mpsc::Sender<(u16, Vec<Seen>)>>,
    meter: LoadMeter,
}

impl Runner {
    pub(super) fn new(
        settings: Settings,
        mut sockets: Sockets,
        links: Links,
        inbox: mpsc::Receiver<Mail>,
        events: UnboundedSender<Event>,
        published: (Arc<Mutex<WorkerMetrics>>, Arc<LoadGauge>),
    ) -> io::Result<(Self, Arc<Waker>)> {
        let poll = Poll::new()?;
        poll.registry().register(&mut sockets.udp, UDP, Interest::READABLE)?;
        poll.registry().register(&mut sockets.listener, LISTENER, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let roster = Roster::default();
        Ok((Self { poll, inbox, sockets, links, settings, events, published, roster }, waker))
    }

    /// Serves until told to stop, through panics; `doorbells` are those of all workers, in order.
    pub(super) fn run(mut self, doorbells: &[Arc<Doorbell>]) {
        loop {
            let served = catch_unwind(AssertUnwindSafe(|| self.serve(doorbells)));
            match served {
                Ok(()) => return,
                Err(_) => self.after_panic(),
            }
        }
    }

    /// Whoever had a connection has to offer again; the counters go on.
    fn after_panic(&mut self) {
        tracing::error!(
            media.port = self.sockets.port,
            peers = self.roster.len(),
            "media worker failed; starting it again"
        );
        self.settings.life = self.settings.life.wrapping_add(1);
        let mut metrics = self.published.0.lock();
        metrics.restarts += 1;
        for peer in self.roster.take_offered() {
            metrics.lost(LostReason::WorkerFailed);
            let _ = self.events.send(Event::Lost { peer, reason: LostReason::WorkerFailed });
        }
    }

    /// A core with everybody in the roster.
    fn begin(&self) -> Serving {
        let now = Instant::now();
        let since_unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut core = WorkerCore::new(self.settings.clone(), now, since_unix);
        let (connected, publishers, listeners, routes) = Default::default();
        *core.metrics_mut() =
            WorkerMetrics { connected, publishers, listeners, routes, ..self.published.0.lock().clone() };
        if self.settings.life > 0 {
            core.relay_restart(self.links.others());
        }
        for order in self.roster.orders() {
            core.handle_order(now, order);
        }
        let sender = Sender::new();
        core.set_segments(sender.uses_segments());
        let meter = LoadMeter::new(now, core.metrics_mut());
        let (tcp, frame) = (Connections::new(self.settings.max_tcp_connections), Vec::new());
        let coalescing = Coalescing::new(now);
        Serving { core, tcp, sender, frame, published_at: now, expected: now, coalescing, discoverer: None, meter }
    }

    fn serve(&mut self, doorbells: &[Arc<Doorbell>]) {
        let mut serving = self.begin();
        let mut receiver = Receiver::new();
        let mut ready = Events::with_capacity(256);
        // After a panic nobody knows what was left unread, and readiness is told once.
        let (mut udp_waiting, mut accept_waiting, mut orders_waiting) = (true, true, false);
        loop {
            let more = udp_waiting || accept_waiting || orders_waiting || serving.tcp.has_unfinished();
            let mut wait = if more { Duration::ZERO } else { serving.patience() };
            let waits = !wait.is_zero();
            serving.expected += wait;
            if waits && let Some(rest) = serving.coalescing.rest(Instant::now()) {
                thread::sleep(rest.min(wait));
                wait = Duration::ZERO;
                serving.core.metrics_mut().rests += 1;
            }
            if let Err(error) = self.poll.poll(&mut ready, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, media.port = self.sockets.port, "waiting for packets failed");
            }
            let now = Instant::now();
            serving.note_lateness(now);
            serving.expected = now;
            if waits {
                serving.coalescing.on_waited(now, !ready.is_empty());
            }
            serving.tcp.resume(now, &mut serving.core);
            for event in &ready {
                match event.token() {
                    UDP => udp_waiting = true,
                    LISTENER => accept_waiting = true,
                    WAKER => {}
                    token => serving.tcp.ready(now, token, &mut serving.core),
                }
            }
            if accept_waiting || serving.tcp.is_accept_due(now) {
                let registry = self.poll.registry();
                accept_waiting = serving.tcp.accept(now, &self.sockets.listener, registry, &mut serving.core);
            }
            if udp_waiting {
                udp_waiting = serving.receive(now, &mut receiver, &self.sockets.udp, &mut self.links, doorbells);
            }
            if let Some(doorbell) = doorbells.get(self.settings.worker) {
                doorbell.answer();
            }
            serving.take_records(now, &self.sockets.udp, &mut self.links);
            let orders = self.take_orders(now, &mut serving);
            orders_waiting = orders == Orders::Waiting;
            if orders == Orders::Stop {
                serving.core.close();
                serving.flush(now, &self.sockets.udp);
                self.publish(now, &mut serving);
                return;
            }
            while serving.core.handle_timeout(now) {
                serving.flush(now, &self.sockets.udp);
            }
            self.links.send_late();
            serving.pass_on(&mut self.links, doorbells);
            serving.tcp.handle_timeout(now, &mut serving.core);
            udp_waiting |= serving.flush_and_receive(now, &mut receiver, &self.sockets.udp, &mut self.links, doorbells);
            for event in serving.core.drain_events() {
                // Nobody listens any more when the process is about to end.
                let _ = self.events.send(event);
            }
            for path in serving.core.drain_closed() {
                serving.tcp.close(path);
            }
            if let Some(seen) = serving.core.take_discovered(now)
                && let Some(discoverer) = serving.discoverer.take()
            {
                let _ = discoverer.send((self.sockets.port, seen));
            }
            serving.core.metrics_mut().busy += now.elapsed();
            if now.saturating_duration_since(serving.published_at) >= PUBLISH_EVERY {
                self.publish(now, &mut serving);
            }
        }
    }

    /// Carries out what was ordered, for as long as packets may wait.
    fn take_orders(&mut self, now: Instant, serving: &mut Serving) -> Orders {
        // Most turns have no orders, and need not look at the clock for them.
        let mut until = None;
        loop {
            match self.inbox.try_recv() {
                Ok(Mail::Order(order)) => {
                    self.roster.note(&order);
                    serving.flush(now, &self.sockets.udp);
                    serving.core.handle_order(now, order);
                }
                Ok(Mail::Discover { servers, reply }) => {
                    serving.core.discover(Discovery::new(now, &servers, self.sockets.takes_both));
                    serving.discoverer = Some(reply);
                }
                Ok(Mail::Announce(candidates)) => {
                    self.settings.candidates.clone_from(&candidates);
                    serving.core.announce(candidates);
                }
                Ok(Mail::PeerStats { call, from, reply }) => {
                    let _ = reply.send(serving.core.peer_stats(now, call, from));
                }
                Ok(Mail::Adopt(stream)) => {
                    serving.tcp.adopt(now, stream, self.poll.registry(), &mut serving.core);
                }
                Ok(Mail::Stop) | Err(mpsc::TryRecvError::Disconnected) => return Orders::Stop,
                #[cfg(test)]
                Ok(Mail::Panic) => panic!("as ordered"),
                Err(mpsc::TryRecvError::Empty) => return Orders::Done,
            }
            let time = Instant::now();
            if time >= *until.get_or_insert(time + ORDERS_MAX.max(time.saturating_duration_since(now))) {
                return Orders::Waiting;
            }
        }
    }

    fn publish(&self, now: Instant, serving: &mut Serving) {
        serving.published_at = now;
        let tcp_connections = serving.tcp.len() as u64;
        // Where the system does not tell, it stays 0.
        let receive_drops = socket::dropped(&self.sockets.udp).map_or(0, u64::from);
        serving.core.metrics_mut().cpu = thread_cpu_time();
        let (load, cpu_permille) = serving.meter.measure(now, serving.core.metrics_mut());
        self.published.1.set(load);
        let busy_permille = load.busy_permille;
        *self.published.0.lock() =
            WorkerMetrics { tcp_connections, receive_drops, busy_permille, cpu_permille, ..serving.core.metrics() };
    }
}

impl Serving {
    /// Counts a turn that begins so late that audio has waited: because the last one took so long, or the system did not give
    /// the thread a core. What is due by the clock says too little of that: there is little of it, and much at once.
    fn note_lateness(&mut self, now: Instant) {
        let late = now.saturating_duration_since(self.expected) > LATE;
        self.core.metrics_mut().late_ticks += u64::from(late);
    }

    /// How long there is nothing to do but to wait for packets.
    fn patience(&mut self) -> Duration {
        self.core.skip_early();
        let due = [self.core.next_timeout(), self.tcp.next_timeout(), Some(self.published_at + PUBLISH_EVERY)];
        let due = due.into_iter().flatten().min();
        due.map_or(PUBLISH_EVERY, |due| due.saturating_duration_since(Instant::now()))
    }

    /// Takes what has arrived, up to a limit; `true` when there may be more.
    fn receive(
        &mut self,
        now: Instant,
        receiver: &mut Receiver,
        socket: &UdpSocket,
        links: &mut Links,
        doorbells: &[Arc<Doorbell>],
    ) -> bool {
        (0..BATCHES).all(|_| self.receive_batch(now, receiver, socket, links, doorbells))
    }

    /// Takes a batch of what has arrived; `true` when there may be more.
    fn receive_batch(
        &mut self,
        now: Instant,
        receiver: &mut Receiver,
        socket: &UdpSocket,
        links: &mut Links,
        doorbells: &[Arc<Doorbell>],
    ) -> bool {
        if let Err(error) = receiver.receive(socket) {
            // Or somebody's port was closed (ICMP): told once, concerns no datagram received here.
            return error.kind() != io::ErrorKind::WouldBlock;
        }
        self.coalescing.on_taken(receiver.count());
        self.core.read_ahead(receiver.datagrams_mut().map(|(path, _)| path));
        for (path, datagram) in receiver.datagrams_mut() {
            self.core.handle_datagram(now, path, datagram);
            if self.core.must_flush() {
                // First to the other workers: they can send at the same time.
                self.pass_on(links, doorbells);
                self.flush(now, socket);
            }
        }
        receiver.is_full()
    }

    /// Takes what other workers sent.
    fn take_records(&mut self, now: Instant, socket: &UdpSocket, links: &mut Links) {
        links.receive(|origin, record| {
            self.coalescing.on_taken(1);
            self.core.handle_record(now, origin, record);
            if self.core.must_flush() {
                self.flush(now, socket);
            }
        });
    }

    /// Gives other workers what is for them.
    fn pass_on(&mut self, links: &mut Links, doorbells: &[Arc<Doorbell>]) {
        if !self.core.relay_mut().is_empty() {
            let (sent, left_out) = links.send(self.core.relay_mut());
            let metrics = self.core.metrics_mut();
            metrics.relayed_out += sent;
            metrics.drops[DropReason::NotRelayed as usize] += left_out;
        }
        links.wake(doorbells);
    }

    /// Sends everything that waits, in the turn that began at `now`, and takes what comes meanwhile: it goes to those who are still to be
    /// served together with what waits for them, in one send. `true` when more may have come.
    fn flush_and_receive(
        &mut self,
        now: Instant,
        receiver: &mut Receiver,
        socket: &UdpSocket,
        links: &mut Links,
        doorbells: &[Arc<Doorbell>],
    ) -> bool {
        let mut unread = false;
        for _ in 0..PORTIONS {
            let more = self.core.flush();
            self.send(now, socket);
            if !more {
                return unread;
            }
            unread = self.receive_batch(Instant::now(), receiver, socket, links, doorbells);
            self.pass_on(links, doorbells);
        }
        self.flush(now, socket);
        unread
    }

    /// Sends everything that waits, in the turn that began at `now`.
    fn flush(&mut self, now: Instant, socket: &UdpSocket) {
        loop {
            let more = self.core.flush();
            self.send(now, socket);
            if !more {
                return;
            }
        }
    }

    /// Sends what is in the outbox.
    fn send(&mut self, now: Instant, socket: &UdpSocket) {
        let Self { core, tcp, sender, frame, .. } = self;
        if core.outbox_mut().is_empty() {
            return;
        }
        let outbox = std::mem::take(core.outbox_mut());
        let over_udp = outbox.iter().filter(|datagrams| datagrams.path.protocol == Protocol::Udp);
        let metrics = core.metrics_mut();
        sender.send(socket, over_udp, metrics);
        for datagrams in outbox.iter() {
            metrics.packets_out += datagrams.count() as u64;
            metrics.bytes_out += datagrams.bytes.len() as u64;
            let over_tcp = datagrams.path.protocol == Protocol::Tcp;
            for bytes in datagrams.each().filter(|_| over_tcp) {
                if !tcp.send(datagrams.path, bytes, frame) {
                    metrics.drop(DropReason::TcpQueueFull);
                }
            }
        }
        core.metrics_mut().on_forwarded(now.elapsed());
        let mut outbox = outbox;
        outbox.clear();
        *core.outbox_mut() = outbox;
        core.set_segments(sender.uses_segments());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Sim;

    fn serving(sim: Sim) -> Serving {
        Serving {
            tcp: Connections::new(1),
            sender: Sender::new(),
            frame: Vec::new(),
            published_at: sim.now,
            expected: sim.now,
            coalescing: Coalescing::new(sim.now),
            discoverer: None,
            meter: LoadMeter::new(sim.now, &WorkerMetrics::default()),
            core: sim.core,
        }
    }

    #[test]
    fn a_turn_is_late_when_it_begins_a_packets_time_after_it_should() {
        let mut serving = serving(Sim::new(1));
        let expected = serving.expected;
        let mut after = |ms| {
            serving.note_lateness(expected + Duration::from_millis(ms));
            serving.core.metrics().late_ticks
        };
        assert_eq!([0, 19, 20].map(&mut after), [0, 0, 0]);
        assert_eq!([21, 500].map(&mut after), [1, 2]);
        assert_eq!(after(19), 2);
    }

    #[test]
    fn nobody_gets_up_for_what_a_handshake_left_behind() {
        let mut sim = Sim::new(1);
        sim.join_all(1);
        let (now, left) = (sim.now, sim.core.next_timeout().expect("a retransmission that is not needed"));
        assert!(left < now + Duration::from_secs(1));
        let mut serving = serving(sim);
        serving.patience();
        assert!(serving.core.next_timeout().expect("what is due next") > left);
    }
}
