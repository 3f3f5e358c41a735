//! The steady noise around a microphone, told by the levels of its packets.
//!
//! Minimum statistics (R. Martin, "Noise power spectral density estimation based on optimal smoothing and minimum
//! statistics", 2001), on levels instead of spectra: speech and music fall back to the noise within seconds, so that the
//! least smoothed level of the last seconds is the noise's.

use std::time::Duration;

use crate::prefetch::prefetch;

/// The smoothing, in seconds: longer than a vowel's gaps, shorter than the pauses between phrases.
const SMOOTHING: f32 = 0.2;
/// The window the least level is looked for in: this many parts of this length. Shorter takes held vowels for noise,
/// longer lets a fan that was turned on be heard for longer.
const PARTS: usize = 6;
const PART: Duration = Duration::from_millis(500);
/// Before this much was heard nothing is said.
const LEARNING: Duration = Duration::from_secs(1);
/// How long the mean deviation looks back, in seconds.
const MEMORY: f32 = 1.0;
/// The most a steady sound's levels deviate from their mean, in dB. Traces: pink noise 1.7, brown noise 3.3, speech 7 and more.
const STEADY: f32 = 4.5;

/// The estimate; it counts the time of the packets, not the clock's, so that it does not age while nothing is sent.
#[derive(Debug)]
pub(super) struct Noise {
    smoothed: Option<f32>,
    /// The mean distance of the levels from the smoothed one, in dB.
    deviation: f32,
    heard: Duration,
    /// How much of the present part has passed.
    passed: Duration,
    /// The least smoothed level of each part, the present one last.
    least: [f32; PARTS],
}

impl Noise {
    /// Asks for it.
    pub(super) fn prefetch(&self) {
        prefetch(&self.smoothed);
        prefetch(&self.least);
    }

    pub(super) const fn new() -> Self {
        Self {
            smoothed: None,
            deviation: 0.0,
            heard: Duration::ZERO,
            passed: Duration::ZERO,
            least: [f32::INFINITY; PARTS],
        }
    }

    /// Takes the level of a packet, in dBov, that stands for `gap` of time.
    pub(super) fn on_level(&mut self, dbov: f32, gap: Duration) {
        let weight = |constant: f32| 1.0 - (-gap.as_secs_f32() / constant).exp();
        let smoothed = self.smoothed.get_or_insert(dbov);
        self.deviation += ((dbov - *smoothed).abs() - self.deviation) * weight(MEMORY);
        *smoothed += (dbov - *smoothed) * weight(SMOOTHING);
        let smoothed = *smoothed;
        self.heard = self.heard.saturating_add(gap);
        self.passed += gap;
        if self.passed >= PART {
            self.passed = Duration::ZERO;
            self.least.rotate_left(1);
            self.least[PARTS - 1] = smoothed;
        }
        self.least[PARTS - 1] = self.least[PARTS - 1].min(smoothed);
    }

    /// The noise's level in dBov; `None` while it is not known yet.
    pub(super) fn floor(&self) -> Option<f32> {
        (self.heard >= LEARNING).then(|| self.least.iter().copied().fold(f32::INFINITY, f32::min))
    }

    /// What is heard now goes on like noise, neither like speech nor like a beginning or end.
    pub(super) fn is_steady(&self) -> bool {
        self.deviation < STEADY
    }
}
