//! How much one peer may send.

use std::time::{Duration, Instant};

use crate::metrics::DropReason;

/// A token bucket (as its equivalent, the generic cell rate algorithm): `rate` units a second, one second's worth at
/// once. A unit is a packet, or a byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// Units a second; at least 1.
    rate: u64,
    /// When the bucket is full again.
    full_at: Instant,
}

impl Bucket {
    pub(super) fn new(now: Instant, rate: u32) -> Self {
        Self { rate: u64::from(rate.max(1)), full_at: now }
    }

    /// Takes a unit; `false` when there is none.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.take_many(now, 1)
    }

    /// Takes `units` (a packet's bytes at most, so that nothing overflows), or none of them and gives `false` when there are
    /// fewer.
    pub(super) fn take_many(&mut self, now: Instant, units: usize) -> bool {
        let time = Duration::from_nanos(1_000_000_000 * units as u64 / self.rate);
        let full_at = self.full_at.max(now) + time;
        let allowed = full_at <= now + Duration::from_secs(1);
        if allowed {
            self.full_at = full_at;
        }
        allowed
    }
}

/// What a peer may send of RTP and RTCP: packets and bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    packets: Bucket,
    bytes: Bucket,
}

impl Allowance {
    pub(super) fn new(now: Instant, packets_per_second: u32, bytes_per_second: u32) -> Self {
        Self { packets: Bucket::new(now, packets_per_second), bytes: Bucket::new(now, bytes_per_second) }
    }

    /// Takes a packet of so many bytes. One that is too many is charged for as a packet and not by its bytes.
    pub(super) fn take(&mut self, now: Instant, bytes: usize) -> Result<(), DropReason> {
        if !self.packets.take(now) {
            return Err(DropReason::RateLimit);
        }
        if self.bytes.take_many(now, bytes) { Ok(()) } else { Err(DropReason::BitRate) }
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

    #[test]
    fn large_packets_end_with_the_bytes_and_small_ones_with_the_packets() {
        let start = Instant::now();
        let passed = |bytes: usize| {
            let mut allowance = Allowance::new(start, 500, 125_000);
            let taken: Vec<_> = (0..10_000).map(|_| allowance.take(start, bytes)).collect();
            let first = taken.iter().find_map(|taken| taken.err());
            (taken.iter().filter(|taken| taken.is_ok()).count(), first)
        };
        assert_eq!(passed(1_250), (100, Some(DropReason::BitRate)));
        assert_eq!(passed(100), (500, Some(DropReason::RateLimit)));
    }

    #[test]
    fn bytes_come_back_with_time() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start, 125_000);
        assert!(bucket.take_many(start, 125_000) && !bucket.take_many(start, 1));
        let later = start + Duration::from_millis(10);
        assert!(!bucket.take_many(later, 1_251) && bucket.take_many(later, 1_250) && !bucket.take(later));
    }
}
