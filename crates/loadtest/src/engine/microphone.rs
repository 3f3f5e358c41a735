//! What one speaker sends: the RTP header, the audio level, the stamp, and the packet before once more where that was agreed.

use std::sync::Arc;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::api::TalkPattern;
use super::audio::{Audio, PACKET_TICKS};
use super::opus::Stamp;
use super::red::{self, Block};
use super::talk::{Say, Talk};

/// What packets look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    /// The payload type of Opus.
    pub(super) opus: u8,
    /// That of redundant audio (RFC 2198), when it is sent.
    pub(super) red: Option<u8>,
    /// The id of the audio level extension (RFC 6464), when the server wants it.
    pub(super) audio_level: Option<u8>,
}

/// A source of RTP packets.
pub(super) struct Microphone {
    pub(super) ssrc: u32,
    stream: u32,
    format: Format,
    /// The packet before, with its timestamp, where it is sent once more.
    before: Option<(u32, Vec<u8>)>,
    audio: Arc<Audio>,
    talk: Talk,
    begin: Instant,
    /// Periods since `begin`.
    period: u32,
    /// Where in the audio it began.
    offset: usize,
    sequence: u16,
    first_timestamp: u32,
    pub(super) packets: u32,
    pub(super) octets: u32,
}

impl Microphone {
    /// Begins to speak at a random time within the next period.
    pub(super) fn new(
        now: Instant,
        (stream, pattern): (u32, TalkPattern),
        (ssrc, format): (u32, Format),
        audio: Arc<Audio>,
        rng: &mut StdRng,
    ) -> Self {
        let period = audio.period();
        Self {
            ssrc,
            stream,
            format,
            before: None,
            offset: rng.random_range(0..audio.len()),
            audio,
            talk: Talk::new(pattern, StdRng::from_rng(rng)),
            begin: now + period.mul_f64(rng.random_range(0.0..1.0)),
            period: 0,
            sequence: rng.random(),
            first_timestamp: rng.random(),
            packets: 0,
            octets: 0,
        }
    }

    /// When the next period begins.
    pub(super) fn next_due(&self) -> Instant {
        self.begin + self.audio.period() * self.period
    }

    /// The RTP timestamp of a moment.
    pub(super) fn timestamp_at(&self, now: Instant) -> u32 {
        let ticks = now.saturating_duration_since(self.begin).as_micros() * 48 / 1000;
        #[expect(clippy::cast_possible_truncation, reason = "timestamps wrap (RFC 3550)")]
        let ticks = ticks as u32;
        self.first_timestamp.wrapping_add(ticks)
    }

    /// That of the packet written last.
    pub(super) const fn last_sequence(&self) -> u16 {
        self.sequence.wrapping_sub(1)
    }

    /// Writes the packet of the period that begins now, stamped with `wall_micros`; `false` when nothing is said in it.
    pub(super) fn speak(&mut self, wall_micros: u64, packet: &mut Vec<u8>) -> bool {
        let period = self.period;
        self.period += 1;
        let (frame, begins) = match self.talk.next() {
            Say::Speech { begins } => (self.audio.frame(self.offset + period as usize), begins),
            Say::Quiet => (self.audio.quiet(), false),
            Say::Nothing => return false,
        };
        packet.clear();
        packet.extend([
            if self.format.audio_level.is_some() { 0x90 } else { 0x80 },
            (u8::from(begins) << 7) | self.format.red.unwrap_or(self.format.opus),
        ]);
        packet.extend(self.sequence.to_be_bytes());
        let timestamp = self.first_timestamp.wrapping_add(period.wrapping_mul(PACKET_TICKS));
        packet.extend(timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        if let Some(id) = self.format.audio_level {
            // One-byte header (RFC 8285, section 4.2), one word: the level with the voice bit, and padding.
            let voice = u8::from(frame.level < 60) << 7;
            packet.extend([0xBE, 0xDE, 0, 1, id << 4, voice | frame.level, 0, 0]);
        }
        let payload = packet.len();
        if self.format.red.is_some() {
            let before = self.before.as_ref();
            let before = before.map(|(at, payload)| Block { age: timestamp.wrapping_sub(*at), payload });
            red::write(self.format.opus, before, packet);
        }
        let primary = packet.len();
        packet.extend_from_slice(&frame.payload);
        Stamp { stream: self.stream, number: self.packets, sent_at_micros: wall_micros }.write(&mut packet[primary..]);
        if self.format.red.is_some() {
            let (at, before) = self.before.get_or_insert_default();
            *at = timestamp;
            before.clear();
            before.extend_from_slice(&packet[primary..]);
        }
        self.octets = self.octets.wrapping_add(u32::try_from(packet.len() - payload).unwrap_or(0));
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::api::Silence;
    use crate::engine::audio::PERIOD;
    use crate::engine::ears;
    use crate::engine::red::Red;

    const SPURTS: TalkPattern = TalkPattern::Spurts {
        talk: Duration::from_millis(500),
        pause: Duration::from_millis(500),
        silence: Silence::Dtx,
    };

    fn microphone(now: Instant, pattern: TalkPattern) -> Microphone {
        let audio = Arc::new(Audio::built_in().unwrap());
        let format = Format { opus: 111, red: None, audio_level: Some(1) };
        Microphone::new(now, (5, pattern), (77, format), audio, &mut StdRng::seed_from_u64(1))
    }

    #[test]
    fn packets_follow_each_other_without_drift_and_carry_their_stamp() {
        let now = Instant::now();
        let mut microphone = microphone(now, TalkPattern::Continuous);
        let begin = microphone.next_due();
        assert!(begin >= now && begin < now + PERIOD);
        let mut packet = Vec::new();
        let mut before: Option<ears::Header> = None;
        for number in 0..1000 {
            assert_eq!(microphone.next_due(), begin + PERIOD * number);
            assert!(microphone.speak(1_000_000 + u64::from(number), &mut packet));
            assert_eq!(packet[1] >> 7, u8::from(number == 0), "the marker begins a spurt");
            let (header, payload) = ears::parse(&packet).unwrap();
            let stamp = Stamp { stream: 5, number, sent_at_micros: 1_000_000 + u64::from(number) };
            assert_eq!(Stamp::read(payload), Some(stamp));
            if let Some(before) = before {
                assert_eq!(header.sequence, before.sequence.wrapping_add(1));
                assert_eq!(header.timestamp, before.timestamp.wrapping_add(960));
            }
            before = Some(header);
        }
    }

    #[test]
    fn redundant_audio_has_the_packet_before_in_it_unless_that_is_long_ago() {
        let mut microphone = microphone(Instant::now(), SPURTS);
        microphone.format.red = Some(63);
        let (mut packet, mut before): (_, Option<(ears::Header, Vec<u8>)>) = (Vec::new(), None);
        let (mut with, mut without) = (0, 0);
        for _ in 0..2000 {
            if !microphone.speak(7, &mut packet) {
                continue;
            }
            let (header, payload) = ears::parse(&packet).unwrap();
            let red = Red::read(payload).unwrap();
            assert_eq!((header.payload_type, Stamp::read(red.primary).unwrap().sent_at_micros), (63, 7));
            if let [block] = red.blocks[..] {
                let (earlier, said) = before.as_ref().unwrap();
                assert_eq!((block.payload, block.age), (&said[..], header.timestamp.wrapping_sub(earlier.timestamp)));
                with += 1;
            } else {
                without += 1;
            }
            before = Some((header, red.primary.to_vec()));
        }
        assert!(
            with > 500 && (10..200).contains(&without),
            "{with} with, {without} without: those after 400 ms of silence"
        );
    }

    #[test]
    fn a_pause_leaves_no_gap_in_the_numbers_but_one_in_the_time() {
        let mut microphone = microphone(Instant::now(), SPURTS);
        let (mut packet, mut sent, mut quiet) = (Vec::new(), Vec::new(), 0);
        for _ in 0..2000 {
            if microphone.speak(0, &mut packet) {
                sent.push(ears::parse(&packet).unwrap().0);
                quiet += usize::from(packet[17] == 127);
            }
        }
        assert!(sent.len() < 1500 && quiet > 10, "{} packets, {quiet} of silence", sent.len());
        assert!(sent.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
        let last = sent.last().unwrap().timestamp.wrapping_sub(sent[0].timestamp) / 960;
        assert!(last > 1900, "{last} periods");
    }
}
