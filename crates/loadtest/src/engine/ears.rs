//! What one peer hears: a record for each SSRC, from sequence numbers (RFC 3550, appendix A) and stamps.

use std::time::{Duration, Instant};

use super::red::Red;
use super::stream::Stream;

/// SSRCs of one peer that are told apart; a server has one a slot, at most 32.
const STREAMS_MAX: usize = 64;

/// The fields of an RTP packet that count here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) payload_type: u8,
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
    let payload_type = *packet.get(1)? & 0x7F;
    let header = Header { payload_type, sequence, timestamp: word(4)?, ssrc: word(8)? };
    Some((header, packet.get(start..packet.len().checked_sub(padding)?)?))
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Ears {
    streams: Vec<Stream>,
    agreed: Agreed,
    /// When the first request is due.
    next_request: Option<Instant>,
}

/// What was agreed about packets that get lost on their way here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreed {
    /// They may be asked for.
    pub(super) nack: bool,
    /// The payload type of redundant audio (RFC 2198).
    pub(super) red: Option<u8>,
}

impl Ears {
    /// With nothing heard yet.
    pub(super) const fn new(agreed: Agreed) -> Self {
        Self { streams: Vec::new(), agreed, next_request: None }
    }

    /// Takes note of a packet that arrived now, which is `arrived_micros` since the Unix epoch.
    pub(super) fn note(&mut self, now: Instant, header: Header, payload: &[u8], arrived_micros: u64) {
        let index = self.streams.iter().position(|stream| stream.ssrc == header.ssrc);
        let index = match index {
            Some(index) => index,
            None if self.streams.len() < STREAMS_MAX => {
                self.streams.push(Stream::new(header));
                self.streams.len() - 1
            }
            None => return,
        };
        let is_red = self.agreed.red == Some(header.payload_type);
        let red = is_red.then(|| Red::read(payload)).flatten();
        let stream = &mut self.streams[index];
        let number = stream.number(header);
        if self.agreed.nack {
            stream.note_gap(now, number);
        }
        if let Some(red) = &red {
            stream.recover(header, number, red, arrived_micros);
        }
        stream.note(header, number, red.map_or(payload, |red| red.primary), arrived_micros);
        if self.next_request.is_some() || stream.next_request().is_some() {
            self.plan();
        }
    }

    /// When [`Self::requests`] is wanted.
    pub(super) const fn next_request(&self) -> Option<Instant> {
        self.next_request
    }

    /// What is to be asked for now: SSRCs with sequence numbers.
    pub(super) fn requests(&mut self, now: Instant, round_trip: Option<Duration>) -> Vec<(u32, Vec<u16>)> {
        if self.next_request.is_none_or(|due| now < due) {
            return Vec::new();
        }
        let asked = self.streams.iter_mut().map(|stream| (stream.ssrc, stream.requests(now, round_trip)));
        let asked = asked.filter(|(_, wanted)| !wanted.is_empty()).collect();
        self.plan();
        asked
    }

    fn plan(&mut self) {
        self.next_request = self.streams.iter().filter_map(Stream::next_request).min();
    }

    /// Begins to count anew.
    pub(super) fn begin_window(&mut self) {
        self.streams.iter_mut().for_each(Stream::begin_window);
    }

    /// Everything that is known.
    pub(super) fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// The stream of an SSRC.
    pub(super) fn stream_mut(&mut self, ssrc: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.ssrc == ssrc)
    }

    /// Everything, mutable.
    pub(super) fn streams_mut(&mut self) -> &mut [Stream] {
        &mut self.streams
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::opus::{self, Stamp};
    use crate::engine::red::{self, Block};

    const OPUS: u8 = 111;
    const RED: u8 = 63;

    fn payload(sent: u64) -> Vec<u8> {
        let mut payload = opus::with_room(&[0x78, 1]).unwrap();
        Stamp { stream: 3, number: 0, sent_at_micros: sent }.write(&mut payload);
        payload
    }

    fn header(payload_type: u8, sequence: u16) -> Header {
        Header { payload_type, sequence, timestamp: u32::from(sequence).wrapping_mul(960), ssrc: 9 }
    }

    fn hear(ears: &mut Ears, sequence: u16, sent: u64, arrived: u64) {
        ears.note(Instant::now(), header(OPUS, sequence), &payload(sent), arrived);
    }

    /// Received, lost, reordered, duplicates.
    fn counters(ears: &Ears) -> (u64, u64, u64, u64) {
        let stream = ears.streams()[0].result();
        (stream.received, stream.lost, stream.reordered, stream.duplicates)
    }

    fn counters_of(sequences: &[u16]) -> (u64, u64, u64, u64) {
        let mut ears = Ears::default();
        sequences.iter().for_each(|&sequence| hear(&mut ears, sequence, 0, 0));
        counters(&ears)
    }

    #[test]
    fn gaps_are_lost_and_late_ones_are_not() {
        assert_eq!(counters_of(&[5, 6, 7]), (3, 0, 0, 0));
        assert_eq!(counters_of(&[5, 6, 9]), (3, 2, 0, 0));
        assert_eq!(counters_of(&[5, 7, 6, 8]), (4, 0, 1, 0));
        assert_eq!(counters_of(&[5, 6, 6, 5, 7]), (3, 0, 0, 2));
        assert_eq!(counters_of(&[65534, 65535, 1, 0, 2]), (5, 0, 1, 0));
        assert_eq!(counters_of(&[5, 4, 6]), (2, 0, 1, 0), "what came before the first is nobody's loss");
        assert_eq!(counters_of(&[0, 300]), (2, 299, 0, 0));
    }

    #[test]
    fn a_window_counts_from_where_it_begins() {
        let mut ears = Ears::default();
        [5, 8].into_iter().for_each(|sequence| hear(&mut ears, sequence, 0, 1000));
        ears.begin_window();
        assert_eq!(counters(&ears), (0, 0, 0, 0));
        [9, 7, 10, 12].into_iter().for_each(|sequence| hear(&mut ears, sequence, 0, 2000));
        let result = ears.streams()[0].result();
        assert_eq!((result.received, result.lost, result.reordered), (3, 1, 1));
        assert_eq!((result.latency.count(), result.latency.max()), (4, Duration::from_micros(2000)));
        assert_eq!(result.stream, Some(3));
    }

    #[test]
    fn what_was_said_before_the_listener_came_has_no_latency() {
        let mut ears = Ears::default();
        [(5, 30_000), (6, 1000), (7, 2000)].into_iter().for_each(|(sequence, age)| hear(&mut ears, sequence, 0, age));
        let result = ears.streams()[0].result();
        assert_eq!((result.received, result.latency.count()), (3, 2));
        assert_eq!(result.latency.max(), Duration::from_millis(2));
    }

    /// The payload of a packet of redundant audio.
    fn carrying(age: u32, before: &[u8], primary: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        red::write(OPUS, Some(Block { age, payload: before }), &mut packet);
        packet.extend_from_slice(primary);
        packet
    }

    /// Hears packets of redundant audio, each sent at `1000 × sequence`, that carry the one before them.
    fn hear_red(ears: &mut Ears, sequences: &[u16]) {
        for &sequence in sequences {
            let before = payload(1000 * u64::from(sequence - 1));
            let packet = carrying(960, &before, &payload(1000 * u64::from(sequence)));
            ears.note(Instant::now(), header(RED, sequence), &packet, 1000 * u64::from(sequence));
        }
    }

    #[test]
    fn redundant_audio_gives_back_what_was_lost_right_before_it() {
        let mut ears = Ears::new(Agreed { nack: false, red: Some(RED) });
        hear_red(&mut ears, &[5, 6, 8, 9, 12, 13, 11]);
        let result = ears.streams()[0].result();
        assert_eq!((result.received, result.lost, result.repaired_by_red), (8, 1, 1), "7; 10 is lost");
        assert_eq!(
            (result.reordered, result.duplicates, result.foreign),
            (1, 0, 0),
            "11 had been given back and was only late"
        );
        hear_red(&mut ears, &[11]);
        assert_eq!((counters(&ears), ears.streams()[0].repaired_by_red), ((8, 1, 1, 1), 1), "now it came twice");
        assert_eq!(result.latency.max(), Duration::from_millis(1), "from when a packet was sent first");
    }

    #[test]
    fn redundancy_that_was_not_agreed_or_is_of_another_time_gives_back_nothing() {
        let mut ears = Ears::default();
        hear_red(&mut ears, &[5, 6, 8]);
        assert_eq!(counters(&ears), (3, 1, 0, 0), "nothing was agreed");
        let mut ears = Ears::new(Agreed { nack: false, red: Some(RED) });
        hear(&mut ears, 5, 0, 0);
        let before = payload(0);
        for (age, sequence) in [(0, 7), (1920, 9), (500, 12)] {
            ears.note(Instant::now(), header(RED, sequence), &carrying(age, &before, &payload(0)), 0);
        }
        assert_eq!(ears.streams()[0].result().repaired_by_red, 0);
        // The last packet of one speaker is lost, and the next one in the slot begins before.
        let mut other = payload(0);
        Stamp { stream: 4, number: 0, sent_at_micros: 0 }.write(&mut other);
        ears.note(Instant::now(), header(RED, 14), &carrying(960, &other, &other), 0);
        assert_eq!(ears.streams()[0].result().repaired_by_red, 0);
    }

    #[test]
    fn what_is_missing_is_asked_for_and_told_apart_from_what_is_late() {
        const ROUND_TRIP: Option<Duration> = Some(Duration::from_millis(50));
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let mut ears = Ears::new(Agreed { nack: true, red: None });
        let take = |ears: &mut Ears, millis, sequence| {
            ears.note(at(millis), header(OPUS, sequence), &payload(0), 1000 * millis);
        };
        [(0, 5), (20, 6), (60, 8), (65, 7), (120, 11)].iter().for_each(|&(at, number)| take(&mut ears, at, number));
        assert_eq!(ears.next_request(), Some(at(130)));
        assert!(ears.requests(at(129), ROUND_TRIP).is_empty());
        assert_eq!(ears.requests(at(130), ROUND_TRIP), [(9, vec![9, 10])]);
        take(&mut ears, 170, 9);
        let result = ears.streams()[0].result();
        assert_eq!((result.received, result.lost), (6, 1));
        assert_eq!((result.reordered, result.repaired_by_nack), (1, 1), "7 was late, 9 was sent again");
        assert_eq!(ears.requests(at(200), ROUND_TRIP), [(9, vec![10])]);
        let mut last = at(200);
        while let Some(next) = ears.next_request() {
            assert!(next > last, "it does not end");
            ears.requests(next, ROUND_TRIP);
            last = next;
        }
        assert!(last <= at(520), "nobody plays it so late");
        let mut without = Ears::default();
        [(0, 5), (20, 7)].iter().for_each(|&(at, number)| take(&mut without, at, number));
        assert_eq!(without.next_request(), None);
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
        let expected = Header { payload_type: 111, sequence: 7, timestamp: 8, ssrc: 9 };
        assert_eq!((header, payload), (expected, &[42, 43][..]));
        for length in 0..packet.len() - 5 {
            assert_eq!(parse(&packet[..length]).filter(|(_, payload)| !payload.is_empty()), None, "{length}");
        }
    }

    #[test]
    fn a_flood_of_ssrcs_makes_no_more_streams() {
        let mut ears = Ears::default();
        for ssrc in 0..1000 {
            ears.note(Instant::now(), Header { ssrc, ..header(OPUS, 1) }, b"opus", 0);
        }
        assert_eq!(ears.streams().len(), STREAMS_MAX);
        assert_eq!(ears.streams()[0].result().foreign, 1);
    }
}
