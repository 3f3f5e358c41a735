//! Watching the server's metrics, and for somebody who wants the test to end.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::LoadTestError;
use crate::report::Server;
use crate::server_metrics::{Scrape, ServerMetrics};

/// With fewer packets a second the server's other work outweighs forwarding them.
const FEWEST_PACKETS: f64 = 100.0;
/// The share of the packets sent here that the server must have seen to be the one that was tested.
const OURS: f64 = 0.5;

/// Told when somebody wants the test to end early.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A handle, and what tells it: send `true`.
    #[must_use]
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Whether somebody has asked for the end.
    #[must_use]
    pub fn asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Done when somebody asks for the end.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|stop| *stop).await.is_err() {
            // Nobody is left to ask.
            std::future::pending::<()>().await;
        }
    }
}

/// The server's metrics before the first join, at the beginning of what is measured, and at its end.
pub(super) struct ServerWatch {
    metrics: Option<ServerMetrics>,
    empty: Result<Scrape, String>,
    window: Option<(Scrape, Instant)>,
}

impl ServerWatch {
    /// Looks for the first time.
    pub(super) async fn begin(metrics: Option<(ServerMetrics, bool)>) -> Result<Self, LoadTestError> {
        let Some((metrics, asked_for)) = metrics else {
            let empty = Err("unknown: give the address of its metrics with --metrics-url".to_owned());
            return Ok(Self { metrics: None, empty, window: None });
        };
        match metrics.scrape().await {
            Ok(empty) => Ok(Self { metrics: Some(metrics), empty: Ok(empty), window: None }),
            Err(e) if asked_for => Err(e),
            Err(e) => {
                let reason = format!("unknown, {e}; give their address with --metrics-url");
                Ok(Self { metrics: None, empty: Err(reason), window: None })
            }
        }
    }

    /// Looks when everybody has logged in and nobody has joined: checking passwords takes memory, too.
    pub(super) async fn before_the_first(&mut self) {
        if let Ok(scrape) = self.scrape().await {
            self.empty = Ok(scrape);
        }
    }

    /// Looks at the beginning of what is measured.
    pub(super) async fn begin_window(&mut self) {
        self.window = self.scrape().await.ok().map(|scrape| (scrape, Instant::now()));
    }

    /// What the server did since [`Self::begin_window`], for so many peers, who sent so many packets.
    pub(super) async fn end(&self, peers: usize, sent: u64) -> Result<Server, String> {
        let empty = self.empty.as_ref().map_err(Clone::clone)?;
        let now = self.scrape().await?;
        let (begin, at) = self.window.as_ref().ok_or_else(|| "unknown: its metrics went away".to_owned())?;
        of(empty, begin, &now, at.elapsed(), peers, sent)
    }

    async fn scrape(&self) -> Result<Scrape, String> {
        match &self.metrics {
            Some(metrics) => metrics.scrape().await.map_err(|e| format!("unknown, {e}")),
            None => Err(self.empty.as_ref().err().cloned().unwrap_or_default()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "ratios of counts far below 2^52")]
fn of(empty: &Scrape, begin: &Scrape, end: &Scrape, time: Duration, peers: usize, sent: u64) -> Result<Server, String> {
    let grown = |name: &str| end.growth(begin, name);
    let restarted = || "unknown: the server was started again during the test".to_owned();
    let received = grown("hubbub_sfu_rtp_in_total").ok_or_else(restarted)?;
    if received < sent as f64 * OURS {
        return Err(
            "unknown: the metrics are those of another server; give the right address with --metrics-url".to_owned()
        );
    }
    let cpu_seconds = grown("process_cpu_seconds_total").ok_or_else(restarted)?;
    let packets_forwarded = grown("hubbub_sfu_rtp_out_total").ok_or_else(restarted)?;
    let seconds = time.as_secs_f64().max(f64::EPSILON);
    let memory_bytes = end.get("process_resident_memory_bytes").unwrap_or_default();
    let memory_before = empty.get("process_resident_memory_bytes").unwrap_or(memory_bytes);
    Ok(Server {
        cpu_seconds,
        cpu_percent: 100.0 * cpu_seconds / seconds,
        packets_forwarded,
        cpu_microseconds_per_packet: (packets_forwarded / seconds >= FEWEST_PACKETS)
            .then_some(1e6 * cpu_seconds / packets_forwarded),
        memory_bytes,
        memory_bytes_per_peer: (peers > 0 && memory_bytes > memory_before)
            .then(|| (memory_bytes - memory_before) / peers as f64),
        packets_dropped: grown("hubbub_sfu_dropped_total").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape(received: u32, forwarded: u32, cpu: f64, memory: u32) -> Scrape {
        Scrape::parse(&format!(
            "hubbub_sfu_rtp_in_total {received}\nhubbub_sfu_rtp_out_total{{worker=\"0\"}} {forwarded}\n\
             process_cpu_seconds_total {cpu}\nprocess_resident_memory_bytes {memory}\nhubbub_sfu_dropped_total 3\n"
        ))
    }

    #[test]
    fn what_the_server_did_is_what_its_counters_grew_by() {
        let (empty, begin) = (scrape(0, 0, 0.5, 40_000_000), scrape(100, 1_000, 2.0, 41_000_000));
        let end = scrape(1_600, 101_000, 3.0, 42_000_000);
        let server = of(&empty, &begin, &end, Duration::from_secs(10), 100, 1_500).unwrap();
        assert_eq!((server.cpu_seconds, server.cpu_percent, server.packets_forwarded), (1.0, 10.0, 100_000.0));
        assert_eq!(server.cpu_microseconds_per_packet, Some(10.0));
        assert_eq!(server.memory_bytes_per_peer, Some(20_000.0));
        assert_eq!(server.packets_dropped, 0.0);
        let few = of(&empty, &begin, &scrape(1_600, 1_500, 3.0, 1), Duration::from_secs(10), 0, 1_500).unwrap();
        assert_eq!((few.cpu_microseconds_per_packet, few.memory_bytes_per_peer), (None, None));
    }

    #[test]
    fn another_servers_metrics_are_not_taken_for_this_ones() {
        let (begin, idle) = (scrape(100, 1_000, 2.0, 1), scrape(100, 1_000, 2.0, 1));
        let time = Duration::from_secs(10);
        assert!(of(&begin, &begin, &idle, time, 1, 1_500).unwrap_err().contains("another server"));
        assert!(of(&begin, &begin, &scrape(1, 1, 0.0, 1), time, 1, 1_500).unwrap_err().contains("started again"));
    }
}
