//! The outside's end of a worker.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};

use mio::Waker;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};

use super::candidates::Candidates;
use super::core::Settings;
use super::discovery::Seen;
use super::links::{Doorbell, Links};
use super::load::LoadGauge;
use super::run::{Mail, Runner};
use super::sockets::Sockets;
use crate::event::Event;
use crate::ids::CallId;
use crate::metrics::WorkerMetrics;
use crate::peer_stats::PeerStats;
use crate::placement::{Load, Order};

/// Orders to a worker. One that has stopped has no use for them, and nothing is lost.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    orders: mpsc::Sender<Mail>,
    waker: Arc<Waker>,
}

impl Post {
    /// For the worker's next turn; `false` when it has stopped.
    fn put(&self, mail: Mail) -> bool {
        self.orders.send(mail).is_ok()
    }

    /// For now; `false` when the worker has stopped.
    fn order(&self, mail: Mail) -> bool {
        let sent = self.put(mail);
        if sent {
            let _ = self.waker.wake();
        }
        sent
    }

    /// Asks STUN servers how they see the worker's socket; what they say comes to `reply`, with the worker's port.
    pub(crate) fn discover(&self, servers: Vec<SocketAddr>, reply: mpsc::Sender<(u16, Vec<Seen>)>) -> bool {
        self.order(Mail::Discover { servers, reply })
    }

    /// Tells clients of these addresses from now on.
    pub(crate) fn announce(&self, candidates: Candidates) -> bool {
        self.order(Mail::Announce(candidates))
    }

    /// Takes over a connection.
    pub(crate) fn adopt(&self, stream: TcpStream) -> bool {
        self.order(Mail::Adopt(stream))
    }
}

/// One worker, seen from the other threads.
#[derive(Debug)]
pub(crate) struct WorkerHandle {
    post: Post,
    doorbell: Arc<Doorbell>,
    port: u16,
    metrics: Arc<Mutex<WorkerMetrics>>,
    load: Arc<LoadGauge>,
    running: watch::Receiver<bool>,
}

impl WorkerHandle {
    pub(crate) fn send(&self, order: Order) {
        self.post.order(Mail::Order(order));
    }

    /// As [`Self::send`], for what can wait until the worker has something else to do, or a quarter of a second.
    pub(crate) fn send_quietly(&self, order: Order) {
        self.post.put(Mail::Order(order));
    }

    pub(crate) fn stop(&self) {
        self.post.order(Mail::Stop);
    }

    /// Makes the thread panic.
    #[cfg(test)]
    pub(super) fn panic(&self) {
        self.post.order(Mail::Panic);
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

    /// By which other workers wake this one.
    pub(super) fn doorbell(&self) -> Arc<Doorbell> {
        Arc::clone(&self.doorbell)
    }

    /// Starts the worker's thread; `doorbells` are those of all workers, in order.
    pub(super) fn spawn(&mut self, index: usize, runner: Runner, doorbells: Vec<Arc<Doorbell>>) -> io::Result<()> {
        let (finished, running) = watch::channel(true);
        std::thread::Builder::new().name(format!("media-{index}")).spawn(move || {
            runner.run(&doorbells);
            finished.send_replace(false);
        })?;
        self.running = running;
        Ok(())
    }

    /// The load of the last second, at most a quarter of a second old.
    pub(crate) fn load(&self) -> Load {
        self.load.get()
    }

    /// At most so many peers of a call that are on this worker, a page at a time, so that packets do not wait; none when it has
    /// stopped.
    pub(crate) async fn peer_stats(&self, call: CallId, most: usize) -> Vec<PeerStats> {
        let mut all = Vec::new();
        let mut from = Some(0);
        while let Some(first) = from.filter(|_| all.len() < most) {
            let (reply, answer) = oneshot::channel();
            self.post.order(Mail::PeerStats { call, from: first, reply });
            let Ok((page, next)) = answer.await else { break };
            all.extend(page);
            from = next;
        }
        all.truncate(most);
        all
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

/// A worker on its sockets that does not run yet.
pub(super) fn make(
    settings: Settings,
    sockets: Sockets,
    links: Links,
    events: UnboundedSender<Event>,
) -> io::Result<(Runner, WorkerHandle)> {
    let port = sockets.port();
    let (orders, inbox) = mpsc::channel();
    let metrics = Arc::new(Mutex::new(WorkerMetrics::default()));
    let load = Arc::new(LoadGauge::default());
    let published = (Arc::clone(&metrics), Arc::clone(&load));
    let (runner, waker) = Runner::new(settings, sockets, links, inbox, events, published)?;
    let doorbell = Arc::new(Doorbell::new(Arc::clone(&waker)));
    let (_, running) = watch::channel(false);
    let post = Post { orders, waker };
    Ok((runner, WorkerHandle { post, doorbell, port, metrics, load, running }))
}
