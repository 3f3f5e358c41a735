//! What sender and receiver reports are made of (RFC 3550, section 6.4 and appendix A).

use std::time::{Duration, Instant};

use super::clock_units;

/// Wall-clock time in NTP format (RFC 3550, section 4) of any instant, anchored once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NtpClock {
    at: Instant,
    ntp: u64,
}

impl NtpClock {
    /// `since_unix` is the wall clock's time at `at`.
    pub(crate) fn new(at: Instant, since_unix: Duration) -> Self {
        /// From 1900 to 1970.
        const UNIX_EPOCH: u64 = 2_208_988_800;
        Self { at, ntp: (UNIX_EPOCH << 32).wrapping_add(ntp_units(since_unix)) }
    }

    pub(crate) fn ntp(&self, now: Instant) -> u64 {
        self.ntp.wrapping_add(ntp_units(now.saturating_duration_since(self.at)))
    }
}

/// A duration in units of 2^-32 s.
fn ntp_units(duration: Duration) -> u64 {
    (duration.as_secs() << 32) | ((u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000)
}

/// The middle 32 bits: units of 2^-16 s.
#[expect(clippy::cast_possible_truncation, reason = "the middle bits are meant")]
pub(crate) const fn ntp_middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// What arrives of one stream.
#[derive(Debug)]
pub(crate) struct ReceiverStats {
    base: u64,
    highest: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    /// Interarrival jitter in clock units × 16.
    jitter: u32,
    transit: u32,
    started: Instant,
    last_report: Option<(u32, Instant)>,
    lost: u32,
    /// Of the time before the last report, in 256ths.
    fraction_lost: Option<u8>,
}

/// How long a round trip took, from a report block about our stream and the time at which it came (RFC 3550, section 6.4.1).
/// `None` when the peer has had no report of ours, or the numbers do not add up.
pub(crate) fn round_trip(now: u64, block: &Reception) -> Option<Duration> {
    let since = ntp_middle(now).wrapping_sub(block.last_sender_report);
    let trip = since.checked_sub(block.delay).filter(|_| block.last_sender_report != 0)?;
    let trip = Duration::from_secs(1) * trip / 65_536;
    (trip < ROUND_TRIP_MAX).then_some(trip)
}

/// A longer round trip is an error of the peer's.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(10);

/// One report block (RFC 3550, section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reception {
    pub(crate) fraction_lost: u8,
    pub(crate) total_lost: u32,
    pub(crate) highest_sequence: u32,
    pub(crate) jitter: u32,
    pub(crate) last_sender_report: u32,
    pub(crate) delay: u32,
}

impl ReceiverStats {
    /// Begins with the stream's first packet.
    pub(crate) fn new(now: Instant, sequence: u16, timestamp: u32) -> Self {
        let first = (1 << 16) | u64::from(sequence);
        Self {
            base: first,
            highest: first,
            received: 1,
            expected_before: 0,
            received_before: 0,
            jitter: 0,
            transit: 0u32.wrapping_sub(timestamp),
            started: now,
            last_report: None,
            lost: 0,
            fraction_lost: None,
        }
    }

    /// The highest loss reported so far.
    pub(crate) const fn lost(&self) -> u32 {
        self.lost
    }

    /// The share lost between the last two reports, in 256ths; `None` before the first one.
    pub(crate) const fn fraction_lost(&self) -> Option<u8> {
        self.fraction_lost
    }

    /// Interarrival jitter in clock units (RFC 3550, section 6.4.1).
    pub(crate) const fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// Counts a packet that is authentic and no duplicate.
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "distances modulo 2^16 and 2^32")]
    pub(crate) fn on_packet(&mut self, now: Instant, sequence: u16, timestamp: u32) {
        let distance = sequence.wrapping_sub(self.highest as u16) as i16;
        self.received += 1;
        // What comes late was held up or sent again: that says nothing about the network's jitter now.
        if distance <= 0 {
            return;
        }
        self.highest = self.highest.wrapping_add_signed(i64::from(distance));
        let arrival = clock_units(now.saturating_duration_since(self.started));
        let transit = arrival.wrapping_sub(timestamp);
        let change = (transit.wrapping_sub(self.transit) as i32).unsigned_abs();
        self.transit = transit;
        self.jitter = self.jitter.saturating_add(change).saturating_sub(self.jitter.saturating_add(8) >> 4);
    }

    /// Remembers the publisher's sender report.
    pub(crate) fn on_sender_report(&mut self, now: Instant, ntp: u64) {
        self.last_report = Some((ntp_middle(ntp), now));
    }

    /// The report block for the time since the last one.
    #[expect(clippy::cast_possible_truncation, reason = "fields of 8 and 32 bits")]
    pub(crate) fn report(&mut self, now: Instant) -> Reception {
        let expected = self.highest - self.base + 1;
        let expected_now = expected - self.expected_before;
        let received_now = self.received - self.received_before;
        (self.expected_before, self.received_before) = (expected, self.received);
        let lost_now = expected_now.saturating_sub(received_now);
        let (last_sender_report, delay) = self
            .last_report
            .map_or((0, 0), |(middle, at)| (middle, ntp_middle(ntp_units(now.saturating_duration_since(at)))));
        let total_lost = expected.saturating_sub(self.received).min(0x7f_ffff) as u32;
        self.lost = self.lost.max(total_lost);
        let fraction_lost = (lost_now << 8).checked_div(expected_now).unwrap_or(0).min(255) as u8;
        self.fraction_lost = Some(fraction_lost);
        Reception {
            fraction_lost,
            total_lost,
            highest_sequence: (self.highest as u32).wrapping_sub(1 << 16),
            jitter: self.jitter(),
            last_sender_report,
            delay,
        }
    }
}

/// What was sent of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SenderStats {
    pub(crate) packets: u32,
    /// Payload only.
    pub(crate) octets: u32,
}

impl SenderStats {
    #[expect(clippy::cast_possible_truncation, reason = "payloads are datagrams; the counter wraps by definition")]
    pub(crate) const fn on_packet(&mut self, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_arrival_has_no_jitter_and_no_loss() {
        let start = Instant::now();
        let mut stats = ReceiverStats::new(start, 65_530, 0);
        for n in 1..100u32 {
            stats.on_packet(start + Duration::from_millis(20) * n, 65_530u16.wrapping_add(n as u16), 960 * n);
        }
        let report = stats.report(start + Duration::from_secs(2));
        assert_eq!((report.fraction_lost, report.total_lost, report.jitter), (0, 0, 0));
        assert_eq!(report.highest_sequence, 65_536 + 93);
    }

    #[test]
    fn a_quarter_lost_is_64_of_256_and_the_next_interval_is_clean() {
        let start = Instant::now();
        let mut stats = ReceiverStats::new(start, 0, 0);
        for n in (1..100u32).filter(|n| n % 4 != 3) {
            stats.on_packet(start + Duration::from_millis(20) * n, n as u16, 960 * n);
        }
        stats.on_packet(start + Duration::from_millis(20) * 99, 99, 960 * 99);
        let report = stats.report(start);
        assert!((60..=64).contains(&report.fraction_lost), "{report:?}");
        assert_eq!(report.total_lost, 24);
        stats.on_packet(start + Duration::from_millis(20) * 100, 100, 960 * 100);
        let report = stats.report(start);
        assert_eq!((report.fraction_lost, report.total_lost), (0, 24));
        assert_eq!(stats.report(start).fraction_lost, 0, "an interval without packets divides by nothing");
    }

    #[test]
    fn numbers_that_run_as_fast_as_they_can_wrap_around() {
        let now = Instant::now();
        let mut stats = ReceiverStats::new(now, 0, 0);
        for n in 1..=131_075u32 {
            stats.on_packet(now, n.wrapping_mul(0x7fff) as u16, 0);
        }
        assert_eq!(stats.report(now).highest_sequence, 131_075u32.wrapping_mul(0x7fff));
    }

    #[test]
    fn jitter_approaches_the_mean_deviation() {
        let start = Instant::now();
        let mut stats = ReceiverStats::new(start, 0, 0);
        for n in 1..400u32 {
            let late = if n % 2 == 0 { Duration::from_millis(10) } else { Duration::ZERO };
            stats.on_packet(start + Duration::from_millis(20) * n + late, n as u16, 960 * n);
        }
        let jitter = stats.report(start).jitter;
        assert!((470..=490).contains(&jitter), "10 ms of change a packet are 480 units, got {jitter}");
    }

    #[test]
    fn what_is_sent_again_is_no_jitter() {
        let start = Instant::now();
        let mut stats = ReceiverStats::new(start, 0, 0);
        for n in 1..100u32 {
            stats.on_packet(start + Duration::from_millis(20) * n, n as u16, 960 * n);
            stats.on_packet(start + Duration::from_millis(20) * n, n as u16 - 1, 960 * (n - 1));
        }
        assert_eq!(stats.report(start).jitter, 0);
    }

    #[test]
    fn the_last_sender_report_and_its_age_come_back() {
        let start = Instant::now();
        let mut stats = ReceiverStats::new(start, 0, 0);
        stats.on_sender_report(start, 0x1122_3344_5566_7788);
        let report = stats.report(start + Duration::from_millis(1500));
        assert_eq!((report.last_sender_report, report.delay), (0x3344_5566, 98_304));
    }

    #[test]
    fn a_round_trip_is_what_the_peer_did_not_wait() {
        let clock = NtpClock::new(Instant::now(), Duration::from_secs(1_800_000_000));
        let start = Instant::now();
        let block = Reception {
            fraction_lost: 0,
            total_lost: 0,
            highest_sequence: 0,
            jitter: 0,
            last_sender_report: ntp_middle(clock.ntp(start)),
            delay: 65_536,
        };
        let millis =
            |now: Duration, block: &Reception| round_trip(clock.ntp(start + now), block).map(|trip| trip.as_millis());
        assert!(matches!(millis(Duration::from_millis(1100), &block), Some(99..=101)));
        assert_eq!(millis(Duration::from_millis(900), &block), None, "it waited longer than all of it took");
        assert_eq!(millis(Duration::from_secs(30), &block), None);
        assert_eq!(millis(Duration::from_secs(1), &Reception { last_sender_report: 0, ..block }), None);
    }

    #[test]
    fn ntp_counts_from_1900() {
        let start = Instant::now();
        let clock = NtpClock::new(start, Duration::from_millis(500));
        assert_eq!(clock.ntp(start), (2_208_988_800 << 32) | (1 << 31));
        assert_eq!(clock.ntp(start + Duration::from_secs(2)) >> 32, 2_208_988_802);
    }
}
