//! The outside's end of a worker.

use std::io;
use std::sync::{Arc, mpsc};

use mio::Waker;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::core::Settings;
use super::run::{Order, Runner, Sockets};
use crate::command::Command;
use crate::event::Event;
use crate::metrics::WorkerMetrics;

/// One worker, seen from the other threads.
#[derive(Debug)]
pub(crate) struct WorkerHandle {
    orders: mpsc::Sender<Order>,
    waker: Arc<Waker>,
    port: u16,
    metrics: Arc<Mutex<WorkerMetrics>>,
    running: watch::Receiver<bool>,
}

impl WorkerHandle {
    pub(crate) fn send(&self, command: Command) {
        self.order(Order::Command(command));
    }

    pub(crate) fn stop(&self) {
        self.order(Order::Stop);
    }

    /// Makes the thread panic.
    #[cfg(test)]
    pub(super) fn panic(&self) {
        self.order(Order::Panic);
    }

    fn order(&self, order: Order) {
        // A worker that has stopped has no use for orders, and waking it fails with nothing lost.
        if self.orders.send(order).is_ok() {
            let _ = self.waker.wake();
        }
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
    Ok(WorkerHandle { orders, waker, port, metrics, running })
}
