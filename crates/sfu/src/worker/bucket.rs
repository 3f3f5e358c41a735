//! How much one peer may send.

use std::time::{Duration, Instant};

/// A token bucket (as its equivalent, the generic cell rate algorithm): `rate` packets a second, one second's worth at
/// once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    interval: Duration,
    /// When the bucket is full again.
    full_at: Instant,
}

impl Bucket {
    pub(super) fn new(now: Instant, rate: u32) -> Self {
        Self { interval: Duration::from_secs(1) / rate.max(1), full_at: now }
    }

    /// Takes a token; `false` when there is none.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.max(now) + self.interval;
        let allowed = full_at <= now + Duration::from_secs(1);
        if allowed {
            self.full_at = full_at;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_a_second_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start, 500);
        assert_eq!((0..10_000).filter(|_| bucket.take(start)).count(), 500);
        let later = start + Duration::from_millis(100);
        assert_eq!((0..10_000).filter(|_| bucket.take(later)).count(), 50);
    }
}
