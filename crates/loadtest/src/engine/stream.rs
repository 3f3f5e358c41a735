//! What a peer hears with one SSRC, and what was missing of it.

use std::time::{Duration, Instant};

use super::Histogram;
use super::api::StreamResult;
use super::ears::Header;
use super::missing::Missing;
use super::opus::Stamp;
use super::red::{Block, Red};

/// Sequence numbers before the highest of which is known whether they came.
const WINDOW: u64 = 128;
/// RTP ticks a microsecond are 48 / 1000.
const TICKS_PER_MILLISECOND: f64 = 48.0;
/// Two packets further apart than this have another speaker or a pause between them: 1 s.
const JITTER_GAP_MICROS: f64 = 1e6;

/// What came with one SSRC.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    /// The highest sequence number, with its cycles.
    pub(super) highest: u64,
    /// A bit for each of the last [`WINDOW`] numbers: bit 0 is the highest's.
    seen: u128,
    /// Those of them that came inside a later packet, and not yet by themselves.
    by_red: u128,
    /// The first number that is counted.
    base: u64,
    /// The timestamp of the highest.
    newest_timestamp: u32,
    /// Different packets at or after `base`.
    pub(super) received: u64,
    pub(super) reordered: u64,
    pub(super) duplicates: u64,
    pub(super) repaired_by_nack: u64,
    pub(super) repaired_by_red: u64,
    foreign: u64,
    missing: Missing,
    last: Option<(u64, u32, Option<u32>)>,
    /// In RTP ticks.
    pub(super) jitter: f64,
    latency: Histogram,
    /// Of the last sender report: the middle bits of its NTP time, and when it came (microseconds).
    pub(super) sender_report: Option<(u32, u64)>,
    /// What the last receiver report said: expected and received.
    pub(super) reported: (u64, u64),
}

impl Stream {
    /// Before its first packet.
    pub(super) fn new(header: Header) -> Self {
        // A cycle ahead, so that an earlier packet can be numbered too.
        let first = u64::from(header.sequence) + (1 << 16);
        Self {
            ssrc: header.ssrc,
            highest: first - 1,
            seen: 0,
            by_red: 0,
            base: first,
            newest_timestamp: header.timestamp,
            received: 0,
            reordered: 0,
            duplicates: 0,
            repaired_by_nack: 0,
            repaired_by_red: 0,
            foreign: 0,
            missing: Missing::default(),
            last: None,
            jitter: 0.0,
            latency: Histogram::default(),
            sender_report: None,
            reported: (0, 0),
        }
    }

    /// The full number of a packet: the one nearest to the highest so far (RFC 3711, section 3.3.1).
    pub(super) const fn number(&self, header: Header) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "the low 16 bits are meant")]
        let difference = header.sequence.wrapping_sub(self.highest as u16).cast_signed();
        self.highest.wrapping_add_signed(difference as i64)
    }

    /// When the first request for what is missing is due.
    pub(super) fn next_request(&self) -> Option<Instant> {
        self.missing.next()
    }

    /// The sequence numbers to ask for now.
    pub(super) fn requests(&mut self, now: Instant, round_trip: Option<Duration>) -> Vec<u16> {
        self.missing.poll(now, round_trip)
    }

    /// Numbers that a packet leaves out are missing from now on.
    pub(super) fn note_gap(&mut self, now: Instant, number: u64) {
        if number > self.highest + 1 {
            self.missing.gap(now, self.highest, number);
        }
    }

    /// Takes what a packet of redundant audio gives back of the gap right before it. Blocks say how old they are and not which
    /// packet they were: that can be told where packets are evenly spaced over the gap, or where it is of one packet, and while the same
    /// speaker goes on.
    pub(super) fn recover(&mut self, header: Header, number: u64, red: &Red<'_>, arrived_micros: u64) {
        let gap = number.saturating_sub(self.highest);
        if !(2..WINDOW).contains(&gap) {
            return;
        }
        let apart = u64::from(header.timestamp.wrapping_sub(self.newest_timestamp));
        for back in (1..gap).rev() {
            let of_this_time = |age: u64| age > 0 && age < apart && (gap == 2 || age * gap == back * apart);
            let of_this_speaker =
                |payload: &[u8]| self.last.is_some_and(|(.., speaker)| speaker == speaker_of(payload));
            let fits = |block: &&Block<'_>| of_this_time(block.age.into()) && of_this_speaker(block.payload);
            if let Some(block) = red.blocks.iter().filter(fits).min_by_key(|block| block.age) {
                self.place(number - back, header.timestamp.wrapping_sub(block.age));
                self.by_red |= 1;
                self.missing.came(number - back);
                self.repaired_by_red += 1;
                self.hear(number - back, block.payload, arrived_micros);
            }
        }
    }

    /// Takes note of a packet.
    pub(super) fn note(&mut self, header: Header, number: u64, payload: &[u8], arrived_micros: u64) {
        if !self.place(number, header.timestamp) {
            if self.was_late(number) {
                self.repaired_by_red = self.repaired_by_red.saturating_sub(u64::from(number >= self.base));
                self.reordered += 1;
            } else {
                self.duplicates += 1;
            }
            return;
        }
        let speaker = self.hear(number, payload, arrived_micros);
        if self.missing.came(number) {
            self.repaired_by_nack += u64::from(number >= self.base);
            return;
        }
        self.reordered += u64::from(number < self.highest);
        self.note_jitter(header.timestamp, speaker, arrived_micros);
    }

    /// The bit of a number that is not above the highest. What is older than the window has none and counts as late: a replay of
    /// that age is no accident.
    const fn bit(&self, number: u64) -> u128 {
        let behind = self.highest - number;
        if behind < WINDOW { 1 << behind } else { 0 }
    }

    /// Ticks a number off; `false` when it was already.
    fn place(&mut self, number: u64, timestamp: u32) -> bool {
        if number > self.highest {
            let ahead = number - self.highest;
            let shifted = |bits: u128| if ahead < WINDOW { bits << ahead } else { 0 };
            (self.seen, self.by_red) = (shifted(self.seen) | 1, shifted(self.by_red));
            (self.highest, self.newest_timestamp) = (number, timestamp);
            return true;
        }
        let bit = self.bit(number);
        let is_new = self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }

    /// Whether a packet that was given back comes by itself now, for the first time.
    const fn was_late(&mut self, number: u64) -> bool {
        let bit = self.bit(number);
        let was_late = self.by_red & bit != 0;
        self.by_red &= !bit;
        was_late
    }

    /// Counts a packet that has not come before; whose it is.
    fn hear(&mut self, number: u64, payload: &[u8], arrived_micros: u64) -> Option<u32> {
        // Late ones from before the window belong to nobody's count.
        if number >= self.base {
            self.received += 1;
        }
        let stamp = Stamp::read(payload);
        match stamp {
            // The first one was said before: a server may keep it for newcomers, and that is no latency.
            Some(stamp) if self.last.is_some() => {
                self.latency.note(arrived_micros.saturating_sub(stamp.sent_at_micros));
            }
            Some(_) => {}
            None => self.foreign += 1,
        }
        stamp.map(|stamp| stamp.stream)
    }

    /// RFC 3550, section 6.4.1 and appendix A.8.
    fn note_jitter(&mut self, timestamp: u32, speaker: Option<u32>, arrived: u64) {
        if let Some((arrived_before, timestamp_before, speaker_before)) = self.last
            && speaker == speaker_before
        {
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "differences of at most hours")]
            let passed = arrived.wrapping_sub(arrived_before) as i64 as f64;
            let ticks = timestamp.wrapping_sub(timestamp_before).cast_signed();
            if passed.abs() < JITTER_GAP_MICROS && f64::from(ticks.abs()) < 48.0 * 1000.0 {
                let difference = (passed * TICKS_PER_MILLISECOND / 1000.0 - f64::from(ticks)).abs();
                self.jitter += (difference - self.jitter) / 16.0;
            }
        }
        self.last = Some((arrived, timestamp, speaker));
    }

    pub(super) fn begin_window(&mut self) {
        self.base = self.highest + 1;
        self.received = 0;
        self.reported = (0, 0);
        (self.reordered, self.duplicates, self.foreign) = (0, 0, 0);
        (self.repaired_by_nack, self.repaired_by_red) = (0, 0);
        self.latency.clear();
    }

    /// Numbers that should have come since the window began.
    pub(super) const fn expected(&self) -> u64 {
        self.highest + 1 - self.base
    }

    /// All latencies.
    pub(super) const fn latency(&self) -> &Histogram {
        &self.latency
    }

    /// Numbers that have not come since the window began.
    pub(super) const fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// What is told of it.
    pub(super) fn result(&self) -> StreamResult {
        StreamResult {
            ssrc: self.ssrc,
            stream: self.last.and_then(|(_, _, stream)| stream),
            received: self.received,
            lost: self.lost(),
            reordered: self.reordered,
            duplicates: self.duplicates,
            repaired_by_nack: self.repaired_by_nack,
            repaired_by_red: self.repaired_by_red,
            foreign: self.foreign,
            jitter: Duration::from_secs_f64(self.jitter / TICKS_PER_MILLISECOND / 1000.0),
            latency: self.latency.clone(),
        }
    }
}

/// The synthetic peer that said this; `None`: somebody else.
fn speaker_of(payload: &[u8]) -> Option<u32> {
    Stamp::read(payload).map(|stamp| stamp.stream)
}
