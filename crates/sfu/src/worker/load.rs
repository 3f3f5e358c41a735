//! What a worker says of its last second.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::metrics::WorkerMetrics;
use crate::placement::Load;

/// Over how long the share is taken. Shorter and one burst of joins closes the door; longer and it closes too late.
const WINDOW: Duration = Duration::from_secs(1);

/// The last published load, for whoever places peers.
#[derive(Debug, Default)]
pub(super) struct LoadGauge {
    busy_permille: AtomicU32,
    packets_out: AtomicU32,
    late_ticks: AtomicU32,
}

impl LoadGauge {
    pub(super) fn set(&self, load: Load) {
        self.busy_permille.store(load.busy_permille, Ordering::Relaxed);
        self.packets_out.store(load.packets_out, Ordering::Relaxed);
        self.late_ticks.store(load.late_ticks, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Load {
        Load {
            busy_permille: self.busy_permille.load(Ordering::Relaxed),
            packets_out: self.packets_out.load(Ordering::Relaxed),
            late_ticks: self.late_ticks.load(Ordering::Relaxed),
        }
    }
}

/// CPU time of this thread so far.
pub(super) fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Takes the counters now and then, and tells how fast they grew.
#[derive(Debug)]
pub(super) struct LoadMeter {
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    busy: Duration,
    cpu: Duration,
    packets_out: u64,
    late_ticks: u64,
}

impl Sample {
    const fn of(at: Instant, metrics: &WorkerMetrics) -> Self {
        let WorkerMetrics { busy, cpu, packets_out, late_ticks, .. } = *metrics;
        Self { at, busy, cpu, packets_out, late_ticks }
    }
}

impl LoadMeter {
    pub(super) fn new(now: Instant, metrics: &WorkerMetrics) -> Self {
        Self { samples: VecDeque::from([Sample::of(now, metrics)]) }
    }

    /// The load since the last sample that is a second old, or the oldest there is, and the thousandths of that time that the
    /// thread had a core.
    pub(super) fn measure(&mut self, now: Instant, metrics: &WorkerMetrics) -> (Load, u32) {
        let sample = Sample::of(now, metrics);
        self.samples.push_back(sample);
        while self.samples.get(1).is_some_and(|second| now.saturating_duration_since(second.at) >= WINDOW) {
            self.samples.pop_front();
        }
        let first = self.samples.front().copied().unwrap_or(sample);
        let elapsed = now.saturating_duration_since(first.at).max(Duration::from_millis(1)).as_micros();
        let per = |count: u128, unit: u128| u32::try_from(count * unit / elapsed).unwrap_or(u32::MAX);
        let second = Duration::from_secs(1).as_micros();
        let load = Load {
            busy_permille: per(sample.busy.saturating_sub(first.busy).as_micros(), 1000).min(1000),
            packets_out: per(sample.packets_out.saturating_sub(first.packets_out).into(), second),
            late_ticks: per(sample.late_ticks.saturating_sub(first.late_ticks).into(), second),
        };
        (load, per(sample.cpu.saturating_sub(first.cpu).as_micros(), 1000).min(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_that_of_the_last_second() {
        let start = Instant::now();
        let mut metrics = WorkerMetrics { busy: Duration::from_secs(50), packets_out: 7, ..WorkerMetrics::default() };
        let mut meter = LoadMeter::new(start, &metrics);
        let mut measure = |ms: u64, busy: u64, packets: u64, late: u64| {
            metrics.busy += Duration::from_millis(busy);
            metrics.cpu += Duration::from_millis(busy) / 2;
            metrics.packets_out += packets;
            metrics.late_ticks += late;
            let (load, cpu) = meter.measure(start + Duration::from_millis(ms), &metrics);
            assert!(load.busy_permille / 2 == cpu || load.busy_permille == 1000, "half of it: {cpu}");
            (load.busy_permille, load.packets_out, load.late_ticks)
        };
        assert_eq!(measure(250, 125, 1000, 0), (500, 4000, 0), "what there is yet");
        assert_eq!(measure(500, 250, 0, 3), (750, 2000, 6));
        assert_eq!(measure(1000, 0, 0, 0), (375, 1000, 3));
        assert_eq!(measure(1500, 0, 0, 0), (0, 0, 0));
        assert_eq!(measure(2500, 900, 0, 0), (900, 0, 0), "a second, however long ago the last sample was");
        assert_eq!(measure(3500, 2000, 0, 0), (1000, 0, 0), "never more than all");
    }

    #[test]
    fn what_is_set_is_read() {
        let load = Load { busy_permille: 1, packets_out: 2, late_ticks: 3 };
        let gauge = LoadGauge::default();
        gauge.set(load);
        assert_eq!(gauge.get(), load);
    }
}
