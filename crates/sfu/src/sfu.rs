//! The handle by which the rest of the process talks to the workers.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::command::Command;
use crate::config::Config;
use crate::error::StartError;
use crate::event::Event;
use crate::metrics::Metrics;
use crate::placement::Placement;
use crate::worker::WorkerHandle;

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
}

impl Sfu {
    /// Binds the ports and starts the workers.
    ///
    /// # Errors
    /// [`StartError`] when the configuration makes no sense, a port is taken or the system refuses a thread.
    #[expect(clippy::needless_pass_by_value, reason = "the configuration is the media plane's from here on")]
    pub fn start(config: Config) -> Result<(Self, UnboundedReceiver<Event>), StartError> {
        config.check()?;
        let (events, receiver) = unbounded_channel();
        let workers = crate::worker::start(&config, &events)?;
        let placement = Mutex::new(Placement::new(workers.len()));
        Ok((Self { inner: Arc::new(Inner { workers, placement }) }, receiver))
    }

    /// Hands an order to the peer's worker. Never waits; after [`Sfu::shutdown`] it does nothing.
    pub fn send(&self, command: Command) {
        let mut placement = self.inner.placement.lock();
        for (worker, command) in placement.route(command).into_iter().flatten() {
            self.inner.workers[worker].send(command);
        }
    }

    /// The workers' numbers, at most a quarter of a second old.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics { workers: self.inner.workers.iter().map(WorkerHandle::metrics).collect() }
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
