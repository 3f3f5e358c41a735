//! Several workers: placement as in the real one, queues emptied whenever something was sent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Sim;
use crate::command::Command;
use crate::placement::{Limits, Load, Placement};
use crate::test_client::ClientOptions;
use crate::worker::candidates::Candidates;
use crate::worker::core::{Settings, WorkerCore};
use crate::worker::links::Links;
use crate::worker::roster::Roster;

/// What a simulation of several workers has besides the first one.
pub(crate) struct Cluster {
    more: Vec<(SocketAddr, WorkerCore)>,
    placement: Placement,
    links: Vec<Links>,
    rosters: Vec<Roster>,
    settings: Vec<Settings>,
    /// Nothing crosses any more.
    pub(crate) cut: bool,
}

pub(super) fn begin(settings: Settings, now: Instant) -> WorkerCore {
    WorkerCore::new(settings, now, Duration::from_secs(1_800_000_000))
}

impl Cluster {
    pub(super) fn new(workers: usize, first: &Settings, now: Instant) -> Self {
        let settings = |index: usize| {
            let server = Sim::server(index);
            Settings { worker: index, candidates: Candidates { udp: vec![server], tcp: vec![server] }, ..first.clone() }
        };
        let settings: Vec<Settings> = (0..workers).map(settings).collect();
        let limits = Limits { max_peers: first.max_peers, max_busy_percent: 85 };
        Self {
            more: settings[1..].iter().map(|of| (Sim::server(of.worker), begin(of.clone(), now))).collect(),
            placement: Placement::new(workers, limits),
            links: Links::between(workers),
            rosters: (0..workers).map(|_| Roster::default()).collect(),
            settings,
            cut: false,
        }
    }

    /// What a worker says of itself from now on.
    pub(crate) fn observe(&mut self, worker: usize, busy_permille: u32) {
        self.placement.observe(worker, Load { busy_permille, ..Load::default() });
    }

    pub(crate) const fn placement(&self) -> &Placement {
        &self.placement
    }
}

impl Sim {
    pub(crate) fn worker(&mut self, index: usize) -> &mut WorkerCore {
        match index {
            0 => &mut self.core,
            _ => &mut self.cluster.more[index - 1].1,
        }
    }

    /// All workers with their addresses, in order.
    pub(super) fn workers_mut(&mut self) -> impl Iterator<Item = (SocketAddr, &mut WorkerCore)> {
        let more = self.cluster.more.iter_mut().map(|(address, core)| (*address, core));
        std::iter::once((self.server, &mut self.core)).chain(more)
    }

    pub(super) fn worker_at(&mut self, address: SocketAddr) -> Option<&mut WorkerCore> {
        self.workers_mut().find(|(at, _)| *at == address).map(|(_, core)| core)
    }

    /// Adds a client to a call on this worker: all others say that they are at their limit.
    pub(crate) fn join_on(&mut self, worker: usize, call: u128, options: ClientOptions) -> usize {
        let workers = self.cluster.rosters.len();
        for other in 0..workers {
            self.cluster.observe(other, if other == worker { 0 } else { 1000 });
        }
        let client = self.join(call, options);
        for other in 0..workers {
            self.cluster.observe(other, 0);
        }
        client
    }

    /// Hands an order to the worker that the placement says.
    pub(super) fn place(&mut self, command: Command) {
        let now = self.now;
        for (worker, order) in self.cluster.placement.route(command) {
            self.cluster.rosters[worker].note(&order);
            self.worker(worker).handle_order(now, order);
        }
    }

    /// A worker's core is lost and begins anew, as after a panic.
    pub(crate) fn restart(&mut self, worker: usize) {
        let now = self.now;
        let settings = &mut self.cluster.settings[worker];
        settings.life += 1;
        let mut core = begin(settings.clone(), now);
        core.relay_restart(self.cluster.links[worker].others());
        self.cluster.rosters[worker].take_offered();
        for order in self.cluster.rosters[worker].orders() {
            core.handle_order(now, order);
        }
        *self.worker(worker) = core;
        self.pump();
    }

    /// Empties the queues between the workers until nothing more crosses.
    pub(crate) fn relay(&mut self) {
        let (now, workers) = (self.now, self.cluster.rosters.len());
        let mut links = std::mem::take(&mut self.cluster.links);
        let waiting = |sim: &mut Self| sim.workers_mut().any(|(_, core)| !core.relay_mut().is_empty());
        while workers > 1 && waiting(self) {
            if self.cluster.cut {
                self.workers_mut().for_each(|(_, core)| core.relay_mut().clear());
            }
            for (link, (_, core)) in links.iter_mut().zip(self.workers_mut()) {
                let (sent, _) = link.send(core.relay_mut());
                core.metrics_mut().relayed_out += sent;
            }
            for (link, (_, core)) in links.iter_mut().zip(self.workers_mut()) {
                link.receive(|origin, record| core.handle_record(now, origin, record));
            }
        }
        self.cluster.links = links;
    }
}
