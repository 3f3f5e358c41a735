//! Which worker serves which peer.
//!
//! A call stays on one worker while it is small, because packets that cross to another worker cost. The further peers of a
//! large one go to whoever has least to do. A worker near its limit gets nobody new.

use std::collections::HashMap;

use crate::command::Command;
use crate::error::AdmitError;
use crate::ids::{CallId, PeerId};
use crate::worker_set::WorkerSet;

/// From so many peers on a call spreads. Fewer: a core serves 64 listeners of three speakers with a few hundredths of its
/// time, and spreading them would cost more than it evens out. More: one worker would be far behind the others.
const SPREAD_FROM: usize = 64;
/// The share of a core that a sent packet takes: 3 µs. With [`PEER_SHARE`] it makes up for what the measured share, a
/// quarter of a second old and disturbed by whatever else runs on the machine, does not say.
const PACKET_SHARE: f64 = 3e-6;
/// The share of a core that a listener of three speakers takes: what a peer that just came will cost.
const PEER_SHARE: f64 = 0.000_5;
/// With so many late ticks a second a worker gets too little of its core, whatever it measures.
const LATE_TICKS: u32 = 10;

/// What one worker is told.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// From outside.
    Command(Command),
    /// Where else a call of its has peers.
    Hosts(Hosts),
}

/// The workers of a call, as one of them sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hosts {
    pub(crate) call: CallId,
    /// The other workers with peers of the call.
    pub(crate) others: WorkerSet,
    /// This is the one worker that tells who speaks.
    pub(crate) announces: bool,
}

/// What a worker says of its last second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Thousandths of the time that went into work.
    pub(crate) busy_permille: u32,
    /// Datagrams sent.
    pub(crate) packets_out: u32,
    /// Turns that came late.
    pub(crate) late_ticks: u32,
}

/// From where on a worker gets nobody new.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_peers: usize,
    /// Of the time; 100 is no limit.
    pub(crate) max_busy_percent: u32,
}

/// Calls and peers with their workers.
#[derive(Debug)]
pub(crate) struct Placement {
    limits: Limits,
    workers: Vec<Worker>,
    calls: HashMap<CallId, Home>,
    peers: HashMap<PeerId, (CallId, usize)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Worker {
    load: Load,
    peers: usize,
}

impl Worker {
    fn score(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let peers = self.peers as f64;
        let busy = f64::from(self.load.busy_permille) / 1000.0;
        busy + f64::from(self.load.packets_out) * PACKET_SHARE + peers * PEER_SHARE
    }

    fn admits(&self, limits: &Limits) -> Result<(), AdmitError> {
        if self.peers >= limits.max_peers {
            return Err(AdmitError::Full);
        }
        let most = limits.max_busy_percent.saturating_mul(10);
        let busy = self.load.busy_permille;
        let late = self.load.late_ticks >= LATE_TICKS && busy >= most / 2;
        if limits.max_busy_percent < 100 && (busy >= most || late) { Err(AdmitError::Busy) } else { Ok(()) }
    }
}

/// The workers with peers of a call and how many, in the order in which they got their first. The first one is the
/// announcer.
#[derive(Debug, Default)]
struct Home {
    hosts: Vec<(usize, usize)>,
}

impl Home {
    fn peers(&self) -> usize {
        self.hosts.iter().map(|(_, peers)| peers).sum()
    }

    /// Whether the worker had none before.
    fn add(&mut self, worker: usize) -> bool {
        match self.hosts.iter_mut().find(|(host, _)| *host == worker) {
            Some((_, peers)) => {
                *peers += 1;
                false
            }
            None => {
                self.hosts.push((worker, 1));
                true
            }
        }
    }

    /// Whether the worker has none any more.
    fn remove(&mut self, worker: usize) -> bool {
        let Some(index) = self.hosts.iter().position(|(host, _)| *host == worker) else { return false };
        self.hosts[index].1 -= 1;
        let last = self.hosts[index].1 == 0;
        if last {
            self.hosts.remove(index);
        }
        last
    }
}

impl Placement {
    pub(crate) fn new(workers: usize, limits: Limits) -> Self {
        Self { limits, workers: vec![Worker::default(); workers], calls: HashMap::new(), peers: HashMap::new() }
    }

    /// Takes note of what a worker says of itself.
    pub(crate) fn observe(&mut self, worker: usize, load: Load) {
        self.workers[worker].load = load;
    }

    /// The workers with peers of a call.
    pub(crate) fn hosts(&self, call: CallId) -> Vec<usize> {
        self.calls.get(&call).map(|home| home.hosts.iter().map(|(worker, _)| *worker).collect()).unwrap_or_default()
    }

    /// Every call with how many peers it has.
    pub(crate) fn calls(&self) -> Vec<(CallId, usize)> {
        self.calls.iter().map(|(call, home)| (*call, home.peers())).collect()
    }

    /// Whether the peer has a worker.
    pub(crate) fn knows(&self, peer: PeerId) -> bool {
        self.peers.contains_key(&peer)
    }

    /// Whether a new peer of a call finds a worker.
    pub(crate) fn admit(&self, call: CallId) -> Result<(), AdmitError> {
        self.pick(call, None).map(drop)
    }

    /// The workers and what to tell each of them, in order. A peer nobody knows is the first worker's to refuse.
    pub(crate) fn route(&mut self, command: Command) -> Vec<(usize, Order)> {
        let mut orders = Vec::new();
        match command {
            Command::AddPeer { call, peer, .. } => {
                let before = self.peers.get(&peer).copied();
                if let Some((_, worker)) = before.filter(|(in_call, _)| *in_call == call) {
                    return vec![(worker, Order::Command(command))];
                }
                let mut news = Vec::new();
                self.leave(peer, &mut news);
                let current = before.map(|(_, worker)| worker);
                // Whoever was not admitted goes to whoever has least to do; the worker itself refuses whom it has no room for.
                let worker = self.pick(call, current).unwrap_or_else(|_| self.least(|_| true).unwrap_or(0));
                if let Some(old) = current.filter(|old| *old != worker) {
                    orders.push((old, Order::Command(Command::RemovePeer { peer })));
                }
                orders.push((worker, Order::Command(command)));
                self.join(call, peer, worker, &mut news);
                orders.extend(news);
            }
            Command::RemovePeer { peer } => {
                if let Some((_, worker)) = self.peers.get(&peer) {
                    orders.push((*worker, Order::Command(command)));
                    self.leave(peer, &mut orders);
                }
            }
            Command::SetCall { call, .. } => {
                let hosts = self.calls.get(&call).into_iter().flat_map(|home| &home.hosts);
                orders.extend(hosts.map(|(worker, _)| (*worker, Order::Command(command.clone()))));
            }
            Command::Offer { peer, .. } | Command::SetGrants { peer, .. } | Command::Relayed { peer, .. } => {
                let worker = self.peers.get(&peer).map_or(0, |(_, worker)| *worker);
                orders.push((worker, Order::Command(command)));
            }
        }
        orders
    }

    /// The worker for a peer of a call that is on `current` now, if anywhere.
    fn pick(&self, call: CallId, current: Option<usize>) -> Result<usize, AdmitError> {
        let admits = |worker: usize| self.workers[worker].admits(&self.limits).is_ok();
        let stay = current.filter(|worker| admits(*worker));
        let found = match self.calls.get(&call) {
            None => stay,
            Some(home) if home.peers() < SPREAD_FROM => {
                home.hosts.iter().map(|(worker, _)| *worker).find(|worker| admits(*worker))
            }
            Some(_) => stay,
        };
        found.or_else(|| self.least(admits)).ok_or_else(|| {
            let full = self.workers.iter().all(|worker| worker.peers >= self.limits.max_peers);
            if full { AdmitError::Full } else { AdmitError::Busy }
        })
    }

    fn least(&self, which: impl Fn(usize) -> bool) -> Option<usize> {
        let score = |worker: &usize| self.workers[*worker].score();
        (0..self.workers.len()).filter(|worker| which(*worker)).min_by(|a, b| score(a).total_cmp(&score(b)))
    }

    fn join(&mut self, call: CallId, peer: PeerId, worker: usize, news: &mut Vec<(usize, Order)>) {
        self.workers[worker].peers += 1;
        self.peers.insert(peer, (call, worker));
        let home = self.calls.entry(call).or_default();
        if home.add(worker) && home.hosts.len() > 1 {
            tell(call, home, news);
        }
    }

    fn leave(&mut self, peer: PeerId, news: &mut Vec<(usize, Order)>) {
        let Some((call, worker)) = self.peers.remove(&peer) else { return };
        self.workers[worker].peers -= 1;
        let Some(home) = self.calls.get_mut(&call) else { return };
        if home.remove(worker) {
            tell(call, home, news);
        }
        if home.hosts.is_empty() {
            self.calls.remove(&call);
        }
    }
}

/// Tells each worker of a call about the others.
fn tell(call: CallId, home: &Home, news: &mut Vec<(usize, Order)>) {
    let workers = || home.hosts.iter().map(|(worker, _)| *worker);
    for (index, worker) in workers().enumerate() {
        let others = workers().filter(|other| *other != worker).collect();
        news.push((worker, Order::Hosts(Hosts { call, others, announces: index == 0 })));
    }
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
