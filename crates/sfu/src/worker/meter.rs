//! How much goes by, and how fast.

use std::time::{Duration, Instant};

/// Less time than this says nothing about a rate.
const LEAST: Duration = Duration::from_millis(100);

/// Packets and bytes of one direction. On the packet path it only counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter {
    pub(super) packets: u64,
    /// Of their payloads.
    pub(super) bytes: u64,
    /// What it was at the last two samples, the earlier first.
    samples: [(Instant, u64); 2],
}

impl Meter {
    pub(super) const fn new(now: Instant) -> Self {
        Self { packets: 0, bytes: 0, samples: [(now, 0); 2] }
    }

    pub(super) const fn on_packet(&mut self, payload: usize) {
        self.packets += 1;
        self.bytes += payload as u64;
    }

    /// To be called every few seconds.
    pub(super) const fn sample(&mut self, now: Instant) {
        self.samples = [self.samples[1], (now, self.bytes)];
    }

    /// Bits a second since the sample before the last.
    pub(super) fn bitrate(&self, now: Instant) -> u64 {
        let [(since, before), _] = self.samples;
        let passed = now.saturating_duration_since(since);
        if passed < LEAST {
            return 0;
        }
        let bits = u128::from(self.bytes - before) * 8;
        u64::try_from(bits * 1_000_000 / passed.as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut meter = Meter::new(start);
        assert_eq!(meter.bitrate(start), 0);
        for second in 0..12 {
            for _ in 0..50 {
                meter.on_packet(if second < 6 { 100 } else { 50 });
            }
            if second % 3 == 2 {
                meter.sample(at(second + 1));
            }
        }
        assert_eq!(meter.bitrate(at(12)), 20_000);
        assert_eq!((meter.packets, meter.bytes), (600, 45_000));
        meter.sample(at(15));
        meter.sample(at(18));
        assert_eq!(meter.bitrate(at(19)), 0, "nothing for a while");
    }
}
