//! The handle by which the rest of the process talks to the workers.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::command::Command;
use crate::config::Config;
use crate::error::{AdmitError, StartError};
use crate::event::Event;
use crate::ids::CallId;
use crate::metrics::Metrics;
use crate::peer_stats::PeerStats;
use crate::placement::{Limits, Placement};
use crate::public_address::Search;
use crate::transport::worker_of;
use crate::worker::WorkerHandle;
use crate::worker::candidates::Addresses;

/// The running media plane. Clones are the same media plane; it stops with [`Sfu::shutdown`] or when the last clone is
/// dropped.
#[derive(Clone, Debug)]
pub struct Sfu {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    workers: Vec<WorkerHandle>,
    placement: Mutex<Placement>,
    joins_refused: [AtomicU64; AdmitError::ALL.len()],
    /// Ends the search for the public address when it is dropped.
    _search: Option<Search>,
}

impl Sfu {
    /// Binds the ports and starts the workers. What STUN servers have to say is not waited for.
    ///
    /// # Errors
    /// [`StartError`] when the configuration makes no sense, a port is taken or the system refuses a thread.
    pub fn start(mut config: Config) -> Result<(Self, UnboundedReceiver<Event>), StartError> {
        config.check()?;
        config.bind = crate::worker::possible_bind(config.bind);
        let (events, receiver) = unbounded_channel();
        let addresses = Addresses::of(&config)?;
        let workers = crate::worker::start(&config, &addresses, &events)?;
        let limits = Limits { max_peers: config.max_peers_per_worker, max_busy_percent: config.max_busy_percent };
        let search = if config.stun_servers.is_empty() || !config.announced.is_empty() {
            None
        } else {
            let posts = workers.iter().map(|worker| (worker.port(), worker.post().clone())).collect();
            let search = Search::start(config.stun_servers, addresses, posts);
            Some(search.map_err(|error| StartError::System(format!("the search for the public address: {error}")))?)
        };
        let placement = Mutex::new(Placement::new(workers.len(), limits));
        let joins_refused = Default::default();
        Ok((Self { inner: Arc::new(Inner { workers, placement, joins_refused, _search: search }) }, receiver))
    }

    /// Takes over a TCP connection that was accepted elsewhere, whose first bytes, still unread, are a
    /// [`Greeting::IceCheck`](crate::Greeting::IceCheck) for `ufrag`. It is closed when nobody has this name.
    pub fn adopt(&self, stream: TcpStream, ufrag: &str) {
        let worker = worker_of(ufrag).and_then(|worker| self.inner.workers.get(worker));
        if let Some(worker) = worker {
            worker.post().adopt(stream);
        }
    }

    /// Hands an order to the peer's worker. Never waits; after [`Sfu::shutdown`] it does nothing. A new peer is nothing that a worker
    /// gets up for: it is there before anything else that is ordered after it.
    pub fn send(&self, command: Command) {
        let mut placement = self.inner.placement.lock();
        let mut is_new = false;
        if let Command::AddPeer { peer, .. } = &command {
            is_new = !placement.knows(*peer);
            self.observe(&mut placement);
        }
        let orders = placement.route(command);
        // With more than one, other workers are told of this one.
        let can_wait = is_new && orders.len() == 1;
        for (worker, order) in orders {
            let worker = &self.inner.workers[worker];
            if can_wait {
                worker.send_quietly(order);
            } else {
                worker.send(order);
            }
        }
    }

    /// Whether a new peer of a call finds a worker below its limits: to be asked before [`Command::AddPeer`], which adds in
    /// any case. Never waits.
    ///
    /// # Errors
    /// [`AdmitError`] when every worker is at its limit. Refusals are counted in [`Metrics::joins_refused`].
    pub fn admit(&self, call: CallId) -> Result<(), AdmitError> {
        let mut placement = self.inner.placement.lock();
        self.observe(&mut placement);
        placement.admit(call).inspect_err(|reason| {
            self.inner.joins_refused[*reason as usize].fetch_add(1, Ordering::Relaxed);
        })
    }

    fn observe(&self, placement: &mut Placement) {
        for (worker, handle) in self.inner.workers.iter().enumerate() {
            placement.observe(worker, handle.load());
        }
    }

    /// The workers' numbers, at most a quarter of a second old; of who has not offered yet, half a second.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics {
            workers: self.inner.workers.iter().map(WorkerHandle::metrics).collect(),
            joins_refused: self.inner.joins_refused.each_ref().map(|count| count.load(Ordering::Relaxed)),
        }
    }

    /// How each peer of a call is connected at this moment, one by one; none for a call nobody is in. Costs each worker with peers
    /// of the call about a microsecond a peer, in turns that no packet waits long for.
    pub async fn peer_stats(&self, call: CallId) -> Vec<PeerStats> {
        self.some_peer_stats(call, usize::MAX).await
    }

    /// As [`Sfu::peer_stats`], of at most so many peers: those who came first, roughly.
    pub async fn some_peer_stats(&self, call: CallId, most: usize) -> Vec<PeerStats> {
        let hosts = self.inner.placement.lock().hosts(call);
        let mut all = Vec::new();
        for worker in hosts {
            all.extend(self.inner.workers[worker].peer_stats(call, most - all.len()).await);
        }
        all
    }

    /// Every call that has peers, with how many, in no order.
    #[must_use]
    pub fn calls(&self) -> Vec<(CallId, usize)> {
        self.inner.placement.lock().calls()
    }

    /// The port of each worker, UDP and TCP alike.
    #[must_use]
    pub fn local_ports(&self) -> Vec<u16> {
        self.inner.workers.iter().map(WorkerHandle::port).collect()
    }

    /// Closes every connection, stops the workers and waits until they are gone.
    pub async fn shutdown(&self) {
        for worker in &self.inner.workers {
            worker.stop();
        }
        for worker in &self.inner.workers {
            worker.stopped().await;
        }
    }
}
