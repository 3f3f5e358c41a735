//! One outgoing stream: a listener's slot, whoever speaks in it.

use std::time::Instant;

use super::clock_units;
use super::packet::OutHeader;
use super::payload::Audio;
use crate::prefetch::prefetch;

/// One packet's time at 20 ms, the least that timestamps move between two speakers.
const PACKET: u32 = 960;

/// The largest step of the sequence numbers, a minute of audio (as MAX_DROPOUT in RFC 3550, appendix A.1). SRTP takes a step of
/// 2^15 for one back, and would encrypt two packets alike: no publisher may bring that about.
const LEAP_MAX: u64 = 3000;

/// Changes of the speaker before the last one that are remembered. Packets are sent again within a second or so of the first time.
const EARLIER: usize = 3;

/// A packet of a publisher, as placed in its stream by [`super::source::Source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    /// Which stream, among all of the worker's; never used again.
    pub(crate) stream: u64,
    /// Its place there.
    pub(crate) number: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// What its payload is.
    pub(crate) audio: Audio,
}

/// Keeps a slot's sequence numbers and timestamps continuous through changes of the speaker.
#[derive(Debug)]
pub(crate) struct SlotRewriter {
    ssrc: u32,
    /// Whether the latest stream goes on.
    tuned: bool,
    latest: Option<Tuned>,
    /// The streams before it, the latest last: packets of theirs may be asked for again. Most slots never have more than one.
    earlier: Option<Box<[Option<Tuned>; EARLIER]>>,
    /// The highest sequence number sent, without wrap-arounds.
    last_sequence: u64,
    /// What stands for no wrap-around yet: whoever decrypts begins to count with the first packet (RFC 3711, section 3.3.1).
    no_rollover: u64,
    last_timestamp: u32,
    last_at: Option<Instant>,
}

/// How the packets of the present stream are mapped.
#[derive(Clone, Copy, Debug)]
struct Tuned {
    stream: u64,
    first_number: u64,
    sequence_offset: u64,
    timestamp_offset: u32,
}

impl SlotRewriter {
    /// Starts at random numbers (RFC 3550, section 5.1): the sequence number and timestamp before the first ones.
    pub(crate) fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        let last_sequence = (1 << 32) | u64::from(sequence);
        let no_rollover = (last_sequence + 1) & !0xffff;
        Self {
            ssrc,
            tuned: false,
            latest: None,
            earlier: None,
            last_sequence,
            no_rollover,
            last_timestamp: timestamp,
            last_at: None,
        }
    }

    /// Asks for what [`Self::rewrite`] needs.
    pub(crate) fn prefetch(&self) {
        prefetch(&self.latest);
        prefetch(&self.last_sequence);
    }

    pub(crate) const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp that belongs to `now`, for sender reports; `None` before the first packet.
    ///
    /// Reports are by the server's clock, whoever speaks: the newest packet's timestamp belongs to the moment it came in. That
    /// holds across changes of the speaker, as timestamps go on by the same clock then; publishers' own clocks are not compared.
    pub(crate) fn timestamp_at(&self, now: Instant) -> Option<u32> {
        let elapsed = clock_units(now.saturating_duration_since(self.last_at?));
        Some(self.last_timestamp.wrapping_add(elapsed))
    }

    /// The header under which a packet goes out; `None` when its place came before the slot tuned in to its stream.
    #[expect(clippy::cast_possible_truncation, reason = "sequence numbers count modulo 2^16")]
    pub(crate) fn rewrite(&mut self, now: Instant, packet: &Incoming, payload_type: u8) -> Option<OutHeader> {
        let (tuned, switched) = match self.latest {
            Some(tuned) if self.tuned && tuned.stream == packet.stream && !self.leaps(&tuned, packet) => (tuned, false),
            _ => (self.tune(now, packet), true),
        };
        if packet.number < tuned.first_number {
            return None;
        }
        let sequence = packet.number.wrapping_add(tuned.sequence_offset);
        let timestamp = packet.timestamp.wrapping_add(tuned.timestamp_offset);
        if sequence > self.last_sequence {
            self.last_sequence = sequence;
            self.last_timestamp = timestamp;
            self.last_at = Some(now);
        }
        Some(OutHeader {
            marker: packet.marker || switched,
            payload_type,
            rollovers: ((sequence - self.no_rollover) >> 16) as u32,
            sequence: sequence as u16,
            timestamp,
            ssrc: self.ssrc,
            padding: 0,
        })
    }

    const fn leaps(&self, tuned: &Tuned, packet: &Incoming) -> bool {
        packet.number.wrapping_add(tuned.sequence_offset) > self.last_sequence + LEAP_MAX
    }

    fn tune(&mut self, now: Instant, packet: &Incoming) -> Tuned {
        let elapsed = self.last_at.map_or(PACKET, |at| clock_units(now.saturating_duration_since(at)).max(PACKET));
        let tuned = Tuned {
            stream: packet.stream,
            first_number: packet.number,
            sequence_offset: (self.last_sequence + 1).wrapping_sub(packet.number),
            timestamp_offset: self.last_timestamp.wrapping_add(elapsed).wrapping_sub(packet.timestamp),
        };
        if let Some(before) = self.latest.replace(tuned) {
            let earlier = self.earlier.get_or_insert_default();
            earlier.rotate_left(1);
            earlier[EARLIER - 1] = Some(before);
        }
        self.tuned = true;
        tuned
    }

    /// What was sent under a packet index: the stream, the place in it, and what was added to the publisher's timestamp.
    pub(crate) fn origin(&self, index: u64) -> Option<(u64, u64, u32)> {
        let sequence = index.checked_add(self.no_rollover)?;
        let begun = |tuned: &&Tuned| tuned.first_number.wrapping_add(tuned.sequence_offset) <= sequence;
        let earlier = self.earlier.iter().flat_map(|earlier| earlier.iter().rev().flatten());
        let tuned = self.latest.iter().chain(earlier).find(begun)?;
        Some((tuned.stream, sequence.wrapping_sub(tuned.sequence_offset), tuned.timestamp_offset))
    }

    /// Somebody else is heard here: should the present stream come back, it is a new beginning.
    pub(crate) fn untune(&mut self) {
        self.tuned = false;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn packet(stream: u64, number: u64, timestamp: u32) -> Incoming {
        Incoming { stream, number, timestamp, marker: false, audio: Audio { codec: 111, primary: 0 } }
    }

    #[test]
    fn a_change_of_speaker_keeps_the_count_and_the_time() {
        let start = Instant::now();
        let mut slot = SlotRewriter::new(7, 65_534, u32::MAX - 959);
        let a = slot.rewrite(start, &packet(1, 1000, 5_000), 111).expect("sent");
        assert_eq!((a.sequence, a.timestamp, a.marker, a.ssrc), (65_535, 0, true, 7));
        assert_eq!(a.rollovers, 0);
        let a = slot.rewrite(start + Duration::from_millis(20), &packet(1, 1001, 5_960), 111).expect("sent");
        assert_eq!((a.sequence, a.timestamp, a.marker), (0, 960, false));
        assert_eq!(a.rollovers, 1);
        let b = slot.rewrite(start + Duration::from_millis(120), &packet(2, 9, 77), 111).expect("sent");
        assert_eq!((b.sequence, b.timestamp, b.marker), (1, 960 + 4_800, true), "100 ms later is 4800 later");
        let b = slot.rewrite(start + Duration::from_millis(140), &packet(2, 12, 77 + 2880), 111).expect("sent");
        assert_eq!((b.sequence, b.timestamp), (4, 960 + 4_800 + 2880), "two lost packets keep their numbers");
        let late = slot.rewrite(start + Duration::from_millis(141), &packet(2, 11, 77 + 1920), 111).expect("sent");
        assert_eq!((late.sequence, late.timestamp), (3, 960 + 4_800 + 1920));
        assert_eq!(slot.rewrite(start, &packet(2, 8, 0), 111), None, "its number went to the speaker before");
    }

    #[test]
    fn rollovers_are_counted_from_the_first_packet_on() {
        let now = Instant::now();
        let mut slot = SlotRewriter::new(7, 65_535, 0);
        let first = slot.rewrite(now, &packet(1, 1 << 33, 0), 111).expect("sent");
        assert_eq!((first.rollovers, first.sequence), (0, 0));
        for number in (1..=65_536).step_by(64) {
            slot.rewrite(now, &packet(1, (1 << 33) + number, 0), 111).expect("sent");
        }
        let late = slot.rewrite(now, &packet(1, (1 << 33) + 65_535, 0), 111).expect("sent");
        assert_eq!((late.rollovers, late.sequence), (0, 65_535));
        let wrapped = slot.rewrite(now, &packet(1, (1 << 33) + 65_536, 0), 111).expect("sent");
        assert_eq!((wrapped.rollovers, wrapped.sequence), (1, 0));
    }

    #[test]
    fn what_was_sent_is_found_again_across_changes_of_the_speaker() {
        let now = Instant::now();
        let mut slot = SlotRewriter::new(7, 65_530, 99);
        let mut sent = Vec::new();
        for stream in 1..=6 {
            for number in [10, 11, 13] {
                let timestamp = 1000 * stream as u32 + number as u32;
                let header = slot.rewrite(now, &packet(stream, number, timestamp), 111).expect("sent");
                sent.push((header.index(), stream, number, header.timestamp.wrapping_sub(timestamp)));
            }
        }
        assert!(sent.iter().any(|(index, ..)| *index > 0xffff), "through a wrap-around");
        for (index, stream, number, offset) in sent {
            let origin = if stream < 3 { None } else { Some((stream, number, offset)) };
            assert_eq!(slot.origin(index), origin, "of the last speaker and the {EARLIER} before only");
        }
    }

    #[test]
    fn back_to_back_speakers_never_share_a_timestamp() {
        let now = Instant::now();
        let mut slot = SlotRewriter::new(7, 0, 0);
        let a = slot.rewrite(now, &packet(1, 1, 1), 111).expect("sent");
        let b = slot.rewrite(now, &packet(2, 1, 1), 111).expect("sent");
        assert_eq!(b.timestamp, a.timestamp + PACKET);
    }

    #[test]
    fn a_leap_of_the_publishers_numbers_is_none_of_the_slots() {
        let now = Instant::now();
        let mut slot = SlotRewriter::new(7, 0, 0);
        let mut send = |number: u64| slot.rewrite(now, &packet(1, number, 0), 111).map(|header| header.sequence);
        assert_eq!([10, 11, 3011].map(&mut send), [Some(1), Some(2), Some(3002)], "a minute may be lost");
        assert_eq!([6012, 6013].map(&mut send), [Some(3003), Some(3004)], "more begins anew");
        assert_eq!(send(3012), None, "what came before the leap is gone");
        for leap in 1..100 {
            assert_eq!(send(6013 + leap * 0x7fff), Some(3004 + u16::try_from(leap).expect("small")));
        }
    }

    #[test]
    fn a_speaker_who_comes_back_begins_anew() {
        let start = Instant::now();
        let mut slot = SlotRewriter::new(7, 0, 0);
        slot.rewrite(start, &packet(1, 1, 0), 111).expect("sent");
        slot.untune();
        let later = start + Duration::from_secs(1);
        let again = slot.rewrite(later, &packet(1, 50, 0), 111).expect("sent");
        assert_eq!((again.sequence, again.timestamp, again.marker), (2, 960 + 48_000, true));
        assert_eq!(slot.timestamp_at(later + Duration::from_millis(10)), Some(960 + 48_000 + 480));
    }
}
