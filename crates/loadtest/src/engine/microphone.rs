//! What one speaker sends: the RTP header, the audio level, and the stamp.

use std::sync::Arc;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::api::TalkPattern;
use super::audio::{Audio, PACKET_TICKS};
use super::opus::Stamp;
use super::talk::{Say, Talk};

/// A source of RTP packets.
pub(super) struct Microphone {
    pub(super) ssrc: u32,
    stream: u32,
    payload_type: u8,
    audio_level: Option<u8>,
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
        (ssrc, payload_type, audio_level): (u32, u8, Option<u8>),
        audio: Arc<Audio>,
        rng: &mut StdRng,
    ) -> Self {
        let period = audio.period();
        Self {
            ssrc,
            stream,
            payload_type,
            audio_level,
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
            if self.audio_level.is_some() { 0x90 } else { 0x80 },
            (u8::from(begins) << 7) | self.payload_type,
        ]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.first_timestamp.wrapping_add(period.wrapping_mul(PACKET_TICKS)).to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        if let Some(id) = self.audio_level {
            // One-byte header (RFC 8285, section 4.2), one word: the level with the voice bit, and padding.
            let voice = u8::from(frame.level < 60) << 7;
            packet.extend([0xBE, 0xDE, 0, 1, id << 4, voice | frame.level, 0, 0]);
        }
        let payload = packet.len();
        packet.extend_from_slice(&frame.payload);
        Stamp { stream: self.stream, number: self.packets, sent_at_micros: wall_micros }.write(&mut packet[payload..]);
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

    fn microphone(now: Instant, pattern: TalkPattern) -> Microphone {
        let audio = Arc::new(Audio::built_in().unwrap());
        Microphone::new(now, (5, pattern), (77, 111, Some(1)), audio, &mut StdRng::seed_from_u64(1))
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
    fn a_pause_leaves_no_gap_in_the_numbers_but_one_in_the_time() {
        let pattern = TalkPattern::Spurts {
            talk: Duration::from_millis(500),
            pause: Duration::from_millis(500),
            silence: Silence::Dtx,
        };
        let mut microphone = microphone(Instant::now(), pattern);
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
