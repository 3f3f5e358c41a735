//! How the networks of peers are: what RTCP reports say (RFC 3550, section 6.4), as histograms.

use std::time::Duration;

use crate::rtp::CLOCK_RATE;
use crate::rtp::stats::Reception;

/// The upper bounds of round trip times, in microseconds.
pub const ROUND_TRIP_BOUNDS: [u64; 8] = [10_000, 25_000, 50_000, 100_000, 200_000, 400_000, 800_000, 1_600_000];
/// The upper bounds of jitter, in microseconds.
pub const JITTER_BOUNDS: [u64; 8] = [2_000, 5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000];
/// The upper bounds of loss, in millionths of the packets.
pub const LOSS_BOUNDS: [u64; 8] = [0, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000];

/// The upper bounds of the time from reading a packet to its copies being handed to the system, in microseconds.
pub const FORWARD_BOUNDS: [u64; 8] = [50, 100, 250, 500, 1_000, 2_500, 10_000, 50_000];
/// The upper bounds of the number of datagrams in a send with UDP GSO; the most is 32.
pub const GSO_BOUNDS: [u64; 8] = [2, 3, 4, 6, 8, 12, 16, 24];

/// How often a value was at most each of some bounds. Times and shares are in millionths: of a second, or of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Values a bucket (not cumulative); the last one takes everything above the highest bound.
    pub buckets: [u64; 9],
    /// The sum of all values.
    pub sum: u64,
}

impl Histogram {
    /// Notes a value that was measured so many times.
    pub(crate) fn observe(&mut self, bounds: &[u64; 8], value: u64, times: u64) {
        let bucket = bounds.iter().position(|bound| value <= *bound);
        self.buckets[bucket.unwrap_or(bounds.len())] += times;
        self.sum = self.sum.saturating_add(value.saturating_mul(times));
    }

    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// What was reported of one direction: a value about every three seconds for each stream that is received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Interarrival jitter; bounds are [`JITTER_BOUNDS`].
    pub jitter: Histogram,
    /// The share of the packets since the last value that did not come; bounds are [`LOSS_BOUNDS`].
    pub loss: Histogram,
}

impl Received {
    /// Notes how a stream is received now, after `expected` packets of which `lost` did not come.
    pub(crate) fn observe(&mut self, block: &Reception, lost: u32, expected: u32) {
        self.jitter.observe(&JITTER_BOUNDS, u64::from(block.jitter) * 1_000_000 / u64::from(CLOCK_RATE), 1);
        if let Some(loss) = (u64::from(lost.min(expected)) * 1_000_000).checked_div(u64::from(expected)) {
            self.loss.observe(&LOSS_BOUNDS, loss, 1);
        }
    }
}

/// The networks of a worker's peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// From here to peers and back; bounds are [`ROUND_TRIP_BOUNDS`].
    pub round_trip: Histogram,
    /// From publishers to here, as seen here.
    pub uplink: Received,
    /// From here to listeners, as they report.
    pub downlink: Received,
}

impl Quality {
    pub(crate) fn observe_round_trip(&mut self, trip: Duration) {
        self.round_trip.observe(&ROUND_TRIP_BOUNDS, u64::try_from(trip.as_micros()).unwrap_or(u64::MAX), 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_fall_into_buckets_of_time_and_share() {
        let mut quality = Quality::default();
        let block = Reception {
            fraction_lost: 0,
            total_lost: 0,
            highest_sequence: 0,
            jitter: 480,
            last_sender_report: 0,
            delay: 0,
        };
        quality.downlink.observe(&block, 8, 150);
        quality.downlink.observe(&Reception { jitter: u32::MAX, ..block }, 0, 150);
        quality.downlink.observe(&block, 0, 0);
        assert_eq!(quality.downlink.jitter.buckets, [0, 0, 2, 0, 0, 0, 0, 0, 1], "10 ms, and more than anything");
        assert_eq!(quality.downlink.loss.buckets, [1, 0, 0, 0, 0, 1, 0, 0, 0], "none, 5.3 %, and nothing of nothing");
        quality.observe_round_trip(Duration::from_millis(100));
        assert_eq!((quality.round_trip.buckets[3], quality.round_trip.sum), (1, 100_000));
    }
}
