//! Whether one publisher speaks, judged by the levels in its packets (RFC 6464).

use std::time::{Duration, Instant};

use crate::rtp::extension::AudioLevel;

/// How long after the last voice packets still pass. Shorter clips the ends of words and flaps between them; longer
/// sends silence.
const HANGOVER: Duration = Duration::from_millis(450);
/// A sound must stand out this much from the steady noise around it.
const ABOVE_FLOOR: f32 = 8.0;
/// Never voice: quieter than any microphone's speech, in dBov.
const SILENCE: f32 = -75.0;
/// Always voice: steady sounds this loud are music, not background, in dBov.
const LOUD: f32 = -55.0;
/// How fast the floor follows noise upwards, in dB a second. Faster takes long vowels for noise.
const FLOOR_RISE: f32 = 3.0;
/// Comfort noise is quieter than this, in dBov.
const COMFORT_NOISE: f32 = -45.0;
/// What a publisher without levels counts as, in dBov: ordinary speech.
const UNKNOWN: f32 = -40.0;
/// Time constants of the smoothed level, in seconds: quick enough for a word, too slow for a click.
const ATTACK: f32 = 0.15;
const RELEASE: f32 = 0.5;
/// How much voice makes somebody a speaker in the list that people see: longer than a cough.
const LISTED_AFTER: Duration = Duration::from_millis(300);

/// The state of one publisher.
#[derive(Debug)]
pub(super) struct Voice {
    /// The level of the steady noise, in dBov.
    floor: f32,
    /// In dBov.
    smoothed: f32,
    last_packet: Option<Instant>,
    last_voice: Option<Instant>,
    /// Voice in this spurt; pauses take it back.
    spoken: Duration,
    /// It has set the voice bit before, so that a missing one means something.
    flags_voice: bool,
    /// Its last packet told a level.
    tells_level: bool,
}

impl Voice {
    pub(super) const fn new() -> Self {
        Self {
            floor: -127.0,
            smoothed: -127.0,
            last_packet: None,
            last_voice: None,
            spoken: Duration::ZERO,
            flags_voice: false,
            tells_level: false,
        }
    }

    /// Judges a packet; `None` stands for a publisher that does not send levels.
    pub(super) fn on_packet(&mut self, now: Instant, level: Option<AudioLevel>) {
        /// Packets further apart than this tell nothing about the time between them.
        const MOST: Duration = Duration::from_millis(100);
        let gap = self.last_packet.map_or(Duration::from_millis(20), |last| now.saturating_duration_since(last));
        let gap = gap.min(MOST);
        self.last_packet = Some(now);
        self.tells_level = level.is_some();
        let dbov = level.map_or(UNKNOWN, |level| -f32::from(level.attenuation));
        let voiced = level.is_none_or(|level| self.is_voice(dbov, level.voice));
        self.smooth(dbov, gap);
        if dbov < self.floor {
            self.floor = dbov;
        } else {
            self.floor = (self.floor + FLOOR_RISE * gap.as_secs_f32()).min(LOUD - ABOVE_FLOOR);
        }
        if voiced {
            self.last_voice = Some(now);
            self.spoken = (self.spoken + gap).min(LISTED_AFTER);
        } else {
            self.spoken = self.spoken.saturating_sub(gap / 2);
        }
    }

    fn is_voice(&mut self, dbov: f32, flagged: bool) -> bool {
        self.flags_voice |= flagged;
        if self.flags_voice && !flagged && dbov < COMFORT_NOISE {
            return false;
        }
        dbov > (self.floor + ABOVE_FLOOR).clamp(SILENCE, LOUD)
    }

    fn smooth(&mut self, dbov: f32, gap: Duration) {
        let constant = if dbov > self.smoothed { ATTACK } else { RELEASE };
        let weight = 1.0 - (-gap.as_secs_f32() / constant).exp();
        self.smoothed += (dbov - self.smoothed) * weight;
    }

    /// Packets pass: there is voice, or there was a moment ago.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.last_voice.is_some_and(|voice| now.saturating_duration_since(voice) < HANGOVER)
    }

    /// Ends the spurt: somebody else decided that nothing passes.
    pub(super) fn close(&mut self) {
        self.last_voice = None;
        self.spoken = Duration::ZERO;
        self.smoothed = -127.0;
    }

    /// Has spoken long enough to be shown as a speaker.
    pub(super) fn is_listed(&self) -> bool {
        self.spoken >= LISTED_AFTER
    }

    /// By which it competes, in dBov: nobody can tell when somebody without levels is silent, so that everybody comes before.
    pub(super) const fn rank(&self) -> f32 {
        if self.tells_level { self.smoothed } else { f32::NEG_INFINITY }
    }

    /// Smoothed, in dBov.
    pub(super) const fn loudness(&self) -> f32 {
        self.smoothed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a packet every 20 ms and tells for each whether it passed.
    fn trace(voice: &mut Voice, now: &mut Instant, levels: impl IntoIterator<Item = i8>) -> Vec<bool> {
        let mut passed = Vec::new();
        for dbov in levels {
            *now += Duration::from_millis(20);
            voice.on_packet(*now, Some(AudioLevel { attenuation: dbov.unsigned_abs(), voice: true }));
            passed.push(voice.is_open(*now));
        }
        passed
    }

    #[test]
    fn the_first_syllable_passes_from_its_first_packet() {
        let (mut voice, mut now) = (Voice::new(), Instant::now());
        assert!(trace(&mut voice, &mut now, [-90; 50]).iter().all(|passed| !passed), "a quiet room");
        assert!(trace(&mut voice, &mut now, [-45, -30, -28]).iter().all(|passed| *passed));
    }

    #[test]
    fn pauses_between_words_pass_and_long_ones_do_not() {
        let (mut voice, mut now) = (Voice::new(), Instant::now());
        trace(&mut voice, &mut now, [-30; 20]);
        assert!(trace(&mut voice, &mut now, [-80; 20]).iter().all(|passed| *passed), "400 ms");
        trace(&mut voice, &mut now, [-30; 20]);
        let passed = trace(&mut voice, &mut now, [-80; 50]);
        let through = passed.iter().filter(|passed| **passed).count();
        assert!((20..=25).contains(&through), "400 to 500 ms of tail, not {through} packets");
    }

    #[test]
    fn steady_noise_is_gated_after_a_while_and_speech_over_it_is_not() {
        let (mut voice, mut now) = (Voice::new(), Instant::now());
        trace(&mut voice, &mut now, [-90; 5]);
        let noise = (0..1500).map(|n| if n % 3 == 0 { -63 } else { -61 });
        let passed = trace(&mut voice, &mut now, noise);
        assert!(!passed[1000..].contains(&true), "a fan is not speech for ever");
        assert!(trace(&mut voice, &mut now, [-38; 10]).iter().all(|passed| *passed));
    }

    #[test]
    fn music_passes_for_ever() {
        let (mut voice, mut now) = (Voice::new(), Instant::now());
        let music = (0..3000).map(|n| if n % 2 == 0 { -20 } else { -22 });
        assert!(trace(&mut voice, &mut now, music).iter().all(|passed| *passed));
    }

    #[test]
    fn a_cough_passes_but_lists_nobody_and_speech_does() {
        let (mut voice, mut now) = (Voice::new(), Instant::now());
        trace(&mut voice, &mut now, [-90; 10]);
        assert!(trace(&mut voice, &mut now, [-20; 12]).iter().all(|passed| *passed), "240 ms");
        assert!(!voice.is_listed());
        trace(&mut voice, &mut now, [-90; 50]);
        trace(&mut voice, &mut now, [-30; 16]);
        assert!(voice.is_listed());
    }

    #[test]
    fn comfort_noise_is_told_by_the_missing_voice_bit() {
        let (mut voice, mut now) = (Voice::new(), Instant::now());
        trace(&mut voice, &mut now, [-30; 10]);
        for _ in 0..10 {
            now += Duration::from_millis(400);
            voice.on_packet(now, Some(AudioLevel { attenuation: 50, voice: false }));
        }
        assert!(!voice.is_open(now));
    }

    #[test]
    fn without_levels_packets_are_voice() {
        let (mut voice, mut now) = (Voice::new(), Instant::now());
        for _ in 0..500 {
            now += Duration::from_millis(20);
            voice.on_packet(now, None);
            assert!(voice.is_open(now));
        }
        assert!(!voice.is_open(now + HANGOVER));
    }
}
