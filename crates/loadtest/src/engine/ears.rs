//! What one peer hears: a record for each SSRC, from sequence numbers (RFC 3550, appendix A) and stamps.

use std::time::Duration;

use super::Histogram;
use super::api::StreamResult;
use super::opus::Stamp;

/// SSRCs of one peer that are told apart; a server has one a slot, at most 32.
const STREAMS_MAX: usize = 64;
/// Sequence numbers before the highest of which is known whether they came.
const WINDOW: u64 = 128;
/// RTP ticks a microsecond are 48 / 1000.
const TICKS_PER_MILLISECOND: f64 = 48.0;
/// Two packets further apart than this have another speaker or a pause between them: 1 s.
const JITTER_GAP_MICROS: f64 = 1e6;

/// The fields of an RTP packet that count here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
}

/// Reads a decrypted RTP packet (RFC 3550, section 5.1): the header, and the payload without padding.
pub(super) fn parse(packet: &[u8]) -> Option<(Header, &[u8])> {
    let word = |i: usize| packet.get(i..i + 4)?.try_into().ok().map(u32::from_be_bytes);
    let first = *packet.first()?;
    let mut start = 12 + 4 * usize::from(first & 0x0F);
    if first & 0x10 != 0 {
        start += 4 + 4 * (word(start)? & 0xFFFF) as usize;
    }
    let padding = if first & 0x20 != 0 { usize::from(*packet.last()?) } else { 0 };
    let sequence = u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]);
    let header = Header { sequence, timestamp: word(4)?, ssrc: word(8)? };
    Some((header, packet.get(start..packet.len().checked_sub(padding)?)?))
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Ears(Vec<Stream>);

impl Ears {
    /// Takes note of a packet that arrived at a time in microseconds since the Unix epoch.
    pub(super) fn note(&mut self, header: Header, payload: &[u8], arrived_micros: u64) {
        let index = self.0.iter().position(|stream| stream.ssrc == header.ssrc);
        let index = match index {
            Some(index) => index,
            None if self.0.len() < STREAMS_MAX => {
                self.0.push(Stream::new(header));
                self.0.len() - 1
            }
            None => return,
        };
        self.0[index].note(header, payload, arrived_micros);
    }

    /// Begins to count anew.
    pub(super) fn begin_window(&mut self) {
        self.0.iter_mut().for_each(Stream::begin_window);
    }

    /// Everything that is known.
    pub(super) fn streams(&self) -> &[Stream] {
        &self.0
    }

    /// The stream of an SSRC.
    pub(super) fn stream_mut(&mut self, ssrc: u32) -> Option<&mut Stream> {
        self.0.iter_mut().find(|stream| stream.ssrc == ssrc)
    }

    /// Everything, mutable.
    pub(super) fn streams_mut(&mut self) -> &mut [Stream] {
        &mut self.0
    }
}

/// What came with one SSRC.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    /// The highest sequence number, with its cycles.
    pub(super) highest: u64,
    /// A bit for each of the last [`WINDOW`] numbers: bit 0 is the highest's.
    seen: u128,
    /// The first number that is counted.
    base: u64,
    /// Different packets at or after `base`.
    pub(super) received: u64,
    reordered: u64,
    duplicates: u64,
    foreign: u64,
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
    fn new(header: Header) -> Self {
        // A cycle ahead, so that an earlier packet can be numbered too.
        let first = u64::from(header.sequence) + (1 << 16);
        Self {
            ssrc: header.ssrc,
            highest: first - 1,
            seen: 0,
            base: first,
            received: 0,
            reordered: 0,
            duplicates: 0,
            foreign: 0,
            last: None,
            jitter: 0.0,
            latency: Histogram::default(),
            sender_report: None,
            reported: (0, 0),
        }
    }

    fn note(&mut self, header: Header, payload: &[u8], arrived_micros: u64) {
        let number = extend(self.highest, header.sequence);
        if number > self.highest {
            let ahead = number - self.highest;
            self.seen = if ahead < WINDOW { (self.seen << ahead) | 1 } else { 1 };
            self.highest = number;
        } else {
            let behind = self.highest - number;
            let bit = if behind < WINDOW { 1 << behind } else { 0 };
            // What is older than the window counts as late: a replay of that age is no accident.
            if self.seen & bit != 0 {
                self.duplicates += 1;
                return;
            }
            self.seen |= bit;
            self.reordered += 1;
        }
        // Late ones from before the window belong to nobody's count.
        if number >= self.base {
            self.received += 1;
        }
        let stamp = Stamp::read(payload);
        match stamp {
            Some(stamp) => self.latency.note(arrived_micros.saturating_sub(stamp.sent_at_micros)),
            None => self.foreign += 1,
        }
        self.note_jitter(header.timestamp, stamp.map(|stamp| stamp.stream), arrived_micros);
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

    fn begin_window(&mut self) {
        self.base = self.highest + 1;
        self.received = 0;
        self.reported = (0, 0);
        (self.reordered, self.duplicates, self.foreign) = (0, 0, 0);
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

    /// The counters: received, lost, reordered, duplicates.
    pub(super) const fn counters(&self) -> (u64, u64, u64, u64) {
        (self.received, self.expected().saturating_sub(self.received), self.reordered, self.duplicates)
    }

    /// What is told of it.
    pub(super) fn result(&self) -> StreamResult {
        let (received, lost, reordered, duplicates) = self.counters();
        StreamResult {
            ssrc: self.ssrc,
            stream: self.last.and_then(|(_, _, stream)| stream),
            received,
            lost,
            reordered,
            duplicates,
            foreign: self.foreign,
            jitter: Duration::from_secs_f64(self.jitter / TICKS_PER_MILLISECOND / 1000.0),
            latency: self.latency.clone(),
        }
    }
}

/// The full number of a sequence number: the one nearest to the highest so far (RFC 3711, section 3.3.1).
const fn extend(highest: u64, sequence: u16) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the low 16 bits are meant")]
    let difference = sequence.wrapping_sub(highest as u16).cast_signed();
    highest.wrapping_add_signed(difference as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(ears: &mut Ears, sequence: u16, sent: u64, arrived: u64) {
        let mut payload = super::super::opus::with_room(&[0x78, 1]).unwrap();
        Stamp { stream: 3, number: 0, sent_at_micros: sent }.write(&mut payload);
        let timestamp = u32::from(sequence).wrapping_mul(960);
        ears.note(Header { sequence, timestamp, ssrc: 9 }, &payload, arrived);
    }

    fn counters(sequences: &[u16]) -> (u64, u64, u64, u64) {
        let mut ears = Ears::default();
        sequences.iter().for_each(|&sequence| hear(&mut ears, sequence, 0, 0));
        ears.streams()[0].counters()
    }

    #[test]
    fn gaps_are_lost_and_late_ones_are_not() {
        assert_eq!(counters(&[5, 6, 7]), (3, 0, 0, 0));
        assert_eq!(counters(&[5, 6, 9]), (3, 2, 0, 0));
        assert_eq!(counters(&[5, 7, 6, 8]), (4, 0, 1, 0));
        assert_eq!(counters(&[5, 6, 6, 5, 7]), (3, 0, 0, 2));
        assert_eq!(counters(&[65534, 65535, 1, 0, 2]), (5, 0, 1, 0));
        assert_eq!(counters(&[5, 4, 6]), (2, 0, 1, 0), "what came before the first is nobody's loss");
        assert_eq!(counters(&[0, 300]), (2, 299, 0, 0));
    }

    #[test]
    fn a_window_counts_from_where_it_begins() {
        let mut ears = Ears::default();
        [5, 8].into_iter().for_each(|sequence| hear(&mut ears, sequence, 0, 1000));
        ears.begin_window();
        assert_eq!(ears.streams()[0].counters(), (0, 0, 0, 0));
        [9, 7, 10, 12].into_iter().for_each(|sequence| hear(&mut ears, sequence, 0, 2000));
        let result = ears.streams()[0].result();
        assert_eq!((result.received, result.lost, result.reordered), (3, 1, 1));
        assert_eq!((result.latency.count(), result.latency.max()), (4, Duration::from_micros(2000)));
        assert_eq!(result.stream, Some(3));
    }

    #[test]
    fn jitter_is_that_of_the_standard() {
        let mut ears = Ears::default();
        for sequence in 0..100 {
            hear(&mut ears, sequence, 0, u64::from(sequence) * 20_000);
        }
        assert_eq!(ears.streams()[0].result().jitter, Duration::ZERO);
        for sequence in 100..1000 {
            // Every second packet is 4 ms late, so that each difference is 4 ms.
            hear(&mut ears, sequence, 0, u64::from(sequence) * 20_000 + 4000 * u64::from(sequence % 2));
        }
        let jitter = ears.streams()[0].result().jitter;
        assert!(jitter.abs_diff(Duration::from_millis(4)) < Duration::from_micros(10), "{jitter:?}");
    }

    #[test]
    fn headers_with_everything_in_them_are_read() {
        let mut packet = vec![0xB1, 111, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9];
        packet.extend([1, 1, 1, 1]);
        packet.extend([0xBE, 0xDE, 0, 1, 0x10, 0x85, 0, 0]);
        packet.extend([42, 43]);
        packet.extend([0, 0, 3]);
        let (header, payload) = parse(&packet).unwrap();
        assert_eq!((header, payload), (Header { sequence: 7, timestamp: 8, ssrc: 9 }, &[42, 43][..]));
        for length in 0..packet.len() - 5 {
            assert_eq!(parse(&packet[..length]).filter(|(_, payload)| !payload.is_empty()), None, "{length}");
        }
    }

    #[test]
    fn a_flood_of_ssrcs_makes_no_more_streams() {
        let mut ears = Ears::default();
        for ssrc in 0..1000 {
            ears.note(Header { sequence: 1, timestamp: 1, ssrc }, b"opus", 0);
        }
        assert_eq!(ears.streams().len(), STREAMS_MAX);
        assert_eq!(ears.streams()[0].result().foreign, 1);
    }
}
