//! The outside's end of a worker.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};

use mio::Waker;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::candidates::Candidates;
use super::core::Settings;
use super::discovery::Seen;
use super::run::{Order, Runner, Sockets};
use crate::command::Command;
use crate::event::Event;
use crate::metrics::WorkerMetrics;

/// Orders to a worker. One that has stopped has no use for them, and nothing is lost.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    orders: mpsc::Sender<Order>,
    waker: Arc<Waker>,
}

impl Post {
    /// `false` when the worker has stopped.
    fn order(&self, order: Order) -> bool {
        let sent = self.orders.send(order).is_ok();
        if sent {
            let _ = self.waker.wake();
        }
        sent
    }

    /// Asks STUN servers how they see the worker's socket; what they say comes to `reply`, with the worker's port.
    pub(crate) fn discover(&self, servers: Vec<SocketAddr>, reply: mpsc::Sender<(u16, Vec<Seen>)>) -> bool {
        self.order(Order::Discover { servers, reply })
    }

    /// Tells clients of these addresses from now on.
    pub(crate) fn announce(&self, candidates: Candidates) -> bool {
        self.order(Order::Announce(candidates))
    }

    /// Takes over a connection.
    pub(crate) fn adopt(&self, stream: TcpStream) -> bool {
        self.order(Order::Adopt(stream))
    }
}

/// One worker, seen from the other threads.
#[derive(Debug)]
pub(crate) struct WorkerHandle {
    post: Post,
    port: u16,
    metrics: Arc<Mutex<WorkerMetrics>>,
    running: watch::Receiver<bool>,
}

impl WorkerHandle {
    pub(crate) fn send(&self, command: Command) {
        self.post.order(Order::Command(command));
    }

    pub(crate) fn stop(&self) {
        self.post.order(Order::Stop);
    }

    /// Makes the thread panic.
    #[cfg(test)]
    pub(super) fn panic(&self) {
        self.post.order(Order::Panic);
    }

    /// For those who outlive the worker.
    pub(crate) const fn post(&self) -> &Post {
        &self.post
    }

    /// Waits until the thread is gone.
    pub(crate) async fn stopped(&self) {
        let mut running = self.running.clone();
        let _ = running.wait_for(|running| !running).await;
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn metrics(&self) -> WorkerMetrics {
        self.metrics.lock().clone()
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts worker `index` on its sockets.
pub(super) fn spawn(
    settings: Settings,
    index: usize,
    sockets: Sockets,
    events: UnboundedSender<Event>,
) -> io::Result<WorkerHandle> {
    let port = sockets.port();
    let (orders, inbox) = mpsc::channel();
    let metrics = Arc::new(Mutex::new(WorkerMetrics::default()));
    let (finished, running) = watch::channel(true);
    let (runner, waker) = Runner::new(settings, sockets, inbox, events, Arc::clone(&metrics))?;
    std::thread::Builder::new().name(format!("media-{index}")).spawn(move || {
        runner.run();
        finished.send_replace(false);
    })?;
    Ok(WorkerHandle { post: Post { orders, waker }, port, metrics, running })
}
