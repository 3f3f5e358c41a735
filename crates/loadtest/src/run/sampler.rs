//! Looks at all peers together from time to time, and makes moments of a timeline of what happened in between.

use std::time::{Duration, Instant};

use crate::engine::{Engine, Snapshot};
use crate::report::{Moment, percent_of};
use crate::units::milliseconds;

/// Collects a timeline.
pub(super) struct Sampler {
    began: Instant,
    measuring: bool,
    before: Option<Snapshot>,
    timeline: Vec<Moment>,
}

impl Sampler {
    /// A timeline that begins now.
    pub(super) fn begin() -> Self {
        Self { began: Instant::now(), measuring: false, before: None, timeline: Vec::new() }
    }

    /// Begins a new window of the engine, after a last look at the one before; whether the new one is the one that counts.
    pub(super) async fn new_window(&mut self, engine: &Engine, measuring: bool) {
        if self.before.is_some() {
            self.look(engine).await;
        }
        engine.begin_window().await;
        (self.before, self.measuring) = (None, measuring);
    }

    /// Looks now, and adds what has happened since the last time.
    pub(super) async fn look(&mut self, engine: &Engine) -> Moment {
        let now = engine.snapshot().await;
        let moment = self.moment(&now);
        self.timeline.push(moment);
        self.before = Some(now);
        moment
    }

    /// The timeline, with what has happened since the last look until `now`.
    pub(super) fn end(mut self, now: &Snapshot) -> Vec<Moment> {
        let moment = self.moment(now);
        self.timeline.push(moment);
        self.timeline
    }

    fn moment(&self, now: &Snapshot) -> Moment {
        Moment {
            seconds: self.began.elapsed().as_secs_f64(),
            measuring: self.measuring,
            ..since(self.before.as_ref(), now)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "packets of a second are far below 2^52")]
fn since(before: Option<&Snapshot>, now: &Snapshot) -> Moment {
    let (sent, received, lost, elapsed) =
        before.map_or((0, 0, 0, Duration::ZERO), |b| (b.sent, b.received, b.lost, b.elapsed));
    let latency = before.map_or_else(|| now.latency.clone(), |before| now.latency.since(&before.latency));
    let seconds = now.elapsed.saturating_sub(elapsed).as_secs_f64();
    let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    let quantile = |share| (latency.count() > 0).then(|| milliseconds(latency.quantile(share)));
    let newly_received = now.received.saturating_sub(received);
    Moment {
        connected: now.connected,
        sent_per_second: rate(now.sent.saturating_sub(sent)),
        received_per_second: rate(newly_received),
        // A packet that was late at the last look is lost no more.
        loss_percent: percent_of(now.lost.saturating_sub(lost), newly_received),
        latency_p50: quantile(0.5),
        latency_p95: quantile(0.95),
        latency_p99: quantile(0.99),
        ..Moment::default()
    }
}

/// CPU time of this program.
pub(super) fn process_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Histogram;

    fn snapshot(seconds: u64, sent: u64, received: u64, lost: u64, latencies: &[u64]) -> Snapshot {
        let mut latency = Histogram::default();
        latencies.iter().for_each(|&micros| latency.note(micros));
        Snapshot {
            elapsed: Duration::from_secs(seconds),
            connected: 5,
            sent,
            received,
            lost,
            latency,
            ..Snapshot::of_nothing()
        }
    }

    #[test]
    fn a_moment_is_about_what_happened_in_between() {
        let first = snapshot(1, 100, 300, 5, &[10, 10]);
        let second = snapshot(3, 200, 598, 7, &[10, 10, 4]);
        let moment = since(Some(&first), &second);
        assert_eq!((moment.sent_per_second, moment.received_per_second), (50.0, 149.0));
        assert!((moment.loss_percent - 100.0 * 2.0 / 300.0).abs() < 1e-9);
        assert_eq!(moment.latency_p99, Some(0.004));
        assert_eq!(since(None, &first).received_per_second, 300.0);
        let nothing = since(Some(&second), &second);
        assert_eq!((nothing.sent_per_second, nothing.loss_percent, nothing.latency_p50), (0.0, 0.0, None));
        assert_eq!(since(Some(&second), &snapshot(4, 200, 600, 6, &[])).loss_percent, 0.0, "late, not lost");
    }
}
