//! Whether one publisher speaks, judged by the levels in its packets (RFC 6464).
//!
//! Two questions with two answers: the *gate* lets packets pass and must not cut a syllable, so that it opens with the first
//! sound above the noise and closes late. The *list* of speakers is for eyes and must not flicker, so that it takes more
//! sound to get on it and longer silence to get off. All numbers here were tuned with the traces in `traces/`, whose sounds are
//! synthesised (`traces/record.py`), not taken from people; `tests/traces.rs` holds them to it.

use std::time::{Duration, Instant};

use super::Standing;
use super::noise::Noise;
use crate::prefetch::prefetch;
use crate::rtp::extension::AudioLevel;

/// How long after the last voice packets still pass. Shorter clips the ends of words; longer sends silence.
const HANGOVER: Duration = Duration::from_millis(450);
/// The same after a sound too short for a word: a key, a click of the mouse.
const SHORT_HANGOVER: Duration = Duration::from_millis(160);
/// Shorter is no word.
const WORD: Duration = Duration::from_millis(100);
/// A sound must stand out this much from the steady noise around it, in dB. Less lets the noise's own peaks pass.
const ABOVE_NOISE: f32 = 9.0;
/// Sounds that stand out this much may be the soft beginning of a word, in dB.
const PERHAPS: f32 = 3.0;
/// The most packets before the gate opened that pass as soft beginning: an f or s of 80 ms. More delays what follows.
pub(crate) const PREROLL: usize = 4;
/// Never voice: quieter than any microphone's speech, in dBov.
const SILENCE: f32 = -75.0;
/// Always voice unless it is steady, in dBov.
const LOUD: f32 = -55.0;
/// Always voice: steady sounds this loud are music, not background, in dBov.
const LOUD_AND_STEADY: f32 = -40.0;
/// Comfort noise is quieter than this, in dBov.
const COMFORT_NOISE: f32 = -45.0;
/// What a publisher without levels counts as, in dBov: ordinary speech.
const UNKNOWN: f32 = -40.0;
/// The level of packets without any sound: a muted microphone's, which tell nothing about the noise around it.
const DIGITAL_SILENCE: u8 = 127;
/// Time constants of the smoothed level, in seconds: quick enough for a word, too slow for a click.
const ATTACK: f32 = 0.15;
const RELEASE: f32 = 0.5;
/// How much voice puts somebody on the list: longer than a cough.
const LISTED_AFTER: Duration = Duration::from_millis(400);
/// How long a silence takes somebody off the list: longer than the pauses between phrases.
pub(super) const LISTED_FOR: Duration = Duration::from_millis(900);
/// Quieter voice does not count for the list, in dBov: breath.
const LISTED_ABOVE: f32 = -52.0;
/// Who has been without voice for this long pauses, and whoever speaks meanwhile may have its place.
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// The state of one publisher.
#[derive(Debug)]
pub(super) struct Voice {
    noise: Noise,
    /// In dBov.
    smoothed: f32,
    last_packet: Option<Instant>,
    last_voice: Option<Instant>,
    /// The gate stays open for this long after the last voice.
    hangover: Duration,
    /// Voice without what pauses took back, at most [`LISTED_AFTER`].
    spoken: Duration,
    /// Was on the list at the last packet, and when there was voice for it last.
    listed: bool,
    listed_voice: Option<Instant>,
    /// How many packets up to the last one, while the gate was closed, may be a soft beginning.
    soft: usize,
    /// How many packets before the last one pass with it.
    preroll: usize,
    /// It has set the voice bit before, so that a missing one means something.
    flags_voice: bool,
    /// Its last packet told a level.
    tells_level: bool,
}

impl Voice {
    pub(super) const fn new() -> Self {
        Self {
            noise: Noise::new(),
            smoothed: -127.0,
            last_packet: None,
            last_voice: None,
            hangover: HANGOVER,
            spoken: Duration::ZERO,
            listed: false,
            listed_voice: None,
            soft: 0,
            preroll: 0,
            flags_voice: false,
            tells_level: false,
        }
    }

    /// Asks for what [`Self::on_packet`] needs.
    pub(super) fn prefetch(&self) {
        self.noise.prefetch();
        prefetch(&self.last_packet);
        prefetch(&self.listed_voice);
        prefetch(&self.tells_level);
    }

    /// Judges a packet; `None` stands for a publisher that does not send levels.
    pub(super) fn on_packet(&mut self, now: Instant, level: Option<AudioLevel>) {
        /// Packets further apart than this tell nothing about the time between them.
        const MOST: Duration = Duration::from_millis(100);
        let gap = self.last_packet.map_or(Duration::from_millis(20), |last| now.saturating_duration_since(last));
        let gap = gap.min(MOST);
        let was_open = self.is_open(now);
        self.listed = self.is_listed(now);
        self.last_packet = Some(now);
        self.tells_level = level.is_some();
        let dbov = level.map_or(UNKNOWN, |level| -f32::from(level.attenuation));
        let voiced = level.is_none_or(|level| self.is_voice(dbov, level.voice));
        self.smooth(dbov, gap);
        self.note_beginning(dbov, gap, voiced, was_open);
        if level.is_some_and(|level| level.attenuation != DIGITAL_SILENCE) {
            self.noise.on_level(dbov, gap);
        }
        if voiced && dbov >= LISTED_ABOVE {
            self.spoken = (self.spoken + gap).min(LISTED_AFTER);
            self.listed |= self.spoken >= LISTED_AFTER;
            self.listed_voice = Some(now);
        } else {
            self.spoken = self.spoken.saturating_sub(gap);
        }
        if voiced {
            self.hangover = if self.listed || self.spoken >= WORD { HANGOVER } else { SHORT_HANGOVER };
            self.last_voice = Some(now);
        }
    }

    fn is_voice(&mut self, dbov: f32, flagged: bool) -> bool {
        self.flags_voice |= flagged;
        if self.flags_voice && !flagged && dbov < COMFORT_NOISE {
            return false;
        }
        let most = if self.noise.is_steady() { LOUD_AND_STEADY } else { LOUD };
        dbov > self.noise.floor().map_or(SILENCE, |floor| (floor + ABOVE_NOISE).clamp(SILENCE, most))
    }

    /// Counts the packets of a soft beginning while the gate is closed, and lets them pass when it opens.
    fn note_beginning(&mut self, dbov: f32, gap: Duration, voiced: bool, was_open: bool) {
        /// Packets further apart belong to different sounds.
        const TOGETHER: Duration = Duration::from_millis(70);
        let before = if gap <= TOGETHER { self.soft } else { 0 };
        (self.preroll, self.soft) = (0, 0);
        if was_open {
            return;
        }
        let floor = self.noise.floor().unwrap_or(SILENCE);
        if voiced {
            self.preroll = before.min(PREROLL);
        } else if dbov > (floor + PERHAPS).max(SILENCE) {
            self.soft = before + 1;
        }
    }

    fn smooth(&mut self, dbov: f32, gap: Duration) {
        let constant = if dbov > self.smoothed { ATTACK } else { RELEASE };
        let weight = 1.0 - (-gap.as_secs_f32() / constant).exp();
        self.smoothed += (dbov - self.smoothed) * weight;
    }

    /// Packets pass: there is voice, or there was a moment ago.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.last_voice.is_some_and(|voice| now.saturating_duration_since(voice) < self.hangover)
    }

    /// How many packets before the last one, dropped as silence then, are the beginning of what the last one opened the
    /// gate for.
    pub(super) const fn preroll(&self) -> usize {
        self.preroll
    }

    /// The gate was found closed.
    pub(super) const fn end_spurt(&mut self) {
        self.spoken = Duration::ZERO;
    }

    /// Somebody else decided that nothing passes.
    pub(super) const fn close(&mut self) {
        self.last_voice = None;
        self.spoken = Duration::ZERO;
        self.listed = false;
        (self.soft, self.preroll) = (0, 0);
        self.smoothed = -127.0;
    }

    /// Whether it is to be shown as a speaker.
    pub(super) fn is_listed(&self, now: Instant) -> bool {
        let heard = self.listed_voice.is_some_and(|voice| now.saturating_duration_since(voice) < LISTED_FOR);
        self.listed && heard
    }

    /// Whether it was heard so recently that it may be on the list.
    pub(super) fn is_recent(&self, now: Instant) -> bool {
        self.last_voice.is_some_and(|voice| now.saturating_duration_since(voice) < LISTED_FOR)
    }

    /// By which it competes, in dBov: nobody can tell when somebody without levels is silent, so that everybody comes before.
    pub(super) const fn rank(&self) -> f32 {
        if self.tells_level { self.smoothed } else { f32::NEG_INFINITY }
    }

    /// Whether it says words at the moment, no click.
    pub(super) fn says_words(&self) -> bool {
        self.listed || self.spoken >= WORD
    }

    /// Whether its gate is open for no more than that it may go on.
    pub(super) fn pauses(&self, now: Instant) -> bool {
        self.last_voice.is_none_or(|voice| now.saturating_duration_since(voice) >= PAUSE)
    }

    /// All this for another worker.
    pub(super) fn standing(&self, now: Instant) -> Standing {
        let ms = |duration: Duration| u16::try_from(duration.as_millis()).unwrap_or(u16::MAX);
        let since = |at: Option<Instant>| at.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
        let listed = if self.listed { LISTED_FOR.saturating_sub(since(self.listed_voice)) } else { Duration::ZERO };
        Standing {
            rank: self.rank(),
            loudness: self.loudness(),
            words: self.says_words(),
            voice_ms_ago: ms(since(self.last_voice)),
            listed_ms: ms(listed),
        }
    }

    /// Smoothed, in dBov.
    pub(super) const fn loudness(&self) -> f32 {
        self.smoothed
    }
}

#[cfg(test)]
mod tests;
