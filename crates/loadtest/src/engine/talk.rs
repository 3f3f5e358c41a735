//! When a speaker speaks.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::api::{Silence, TalkPattern};

/// Packets of 20 ms between two packets of a pause: 400 ms (RFC 6716, section 2.1.9).
const DTX_EVERY: u32 = 20;
const PACKET: f64 = 0.020;

/// What to do in one period of 20 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// A packet of speech; `begins` a spurt.
    Speech { begins: bool },
    /// A packet of silence.
    Quiet,
    /// Nothing.
    Nothing,
}

/// A speaker's pattern, asked once for each 20 ms.
#[derive(Debug)]
pub(super) struct Talk {
    pattern: TalkPattern,
    rng: StdRng,
    talking: bool,
    /// Periods left of the spurt or pause.
    left: u32,
    /// Periods since the last packet of a pause.
    since_quiet: u32,
}

impl Talk {
    /// Begins with a spurt.
    pub(super) fn new(pattern: TalkPattern, mut rng: StdRng) -> Self {
        let left = match pattern {
            TalkPattern::Continuous => u32::MAX,
            TalkPattern::Spurts { talk, .. } => exponential(&mut rng, talk),
        };
        Self { pattern, rng, talking: true, left, since_quiet: u32::MAX }
    }

    /// What the next 20 ms are.
    pub(super) fn next(&mut self) -> Say {
        let TalkPattern::Spurts { talk, pause, silence } = self.pattern else {
            let begins = self.since_quiet != 0;
            self.since_quiet = 0;
            return Say::Speech { begins };
        };
        let mut begins = self.since_quiet == u32::MAX && self.talking;
        if self.left == 0 {
            self.talking = !self.talking;
            self.left = exponential(&mut self.rng, if self.talking { talk } else { pause });
            self.since_quiet = DTX_EVERY;
            begins = self.talking;
        }
        self.left -= 1;
        if self.talking {
            self.since_quiet = 0;
            return Say::Speech { begins };
        }
        self.since_quiet += 1;
        if silence == Silence::Quiet || self.since_quiet > DTX_EVERY {
            self.since_quiet = 1;
            return Say::Quiet;
        }
        Say::Nothing
    }
}

/// A random number of periods, exponentially distributed around a mean length; at least 1.
fn exponential(rng: &mut StdRng, mean: Duration) -> u32 {
    let uniform: f64 = rng.random_range(f64::EPSILON..1.0);
    let periods = -uniform.ln() * mean.as_secs_f64() / PACKET;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
    let periods = periods.round().clamp(1.0, 1e9) as u32;
    periods
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn spurts(silence: Silence) -> TalkPattern {
        TalkPattern::Spurts { talk: Duration::from_millis(1004), pause: Duration::from_millis(1587), silence }
    }

    fn said(pattern: TalkPattern, seed: u64, periods: usize) -> Vec<Say> {
        let mut talk = Talk::new(pattern, StdRng::seed_from_u64(seed));
        (0..periods).map(|_| talk.next()).collect()
    }

    #[test]
    fn continuous_speech_begins_once() {
        let said = said(TalkPattern::Continuous, 1, 100);
        assert_eq!(said[0], Say::Speech { begins: true });
        assert!(said[1..].iter().all(|say| *say == Say::Speech { begins: false }));
    }

    #[test]
    fn spurts_have_the_share_and_the_lengths_they_should() {
        let said = said(spurts(Silence::Dtx), 5, 500_000);
        let speech = said.iter().filter(|say| matches!(say, Say::Speech { .. })).count();
        let share = f64::from(u32::try_from(speech).unwrap()) / 500_000.0;
        assert!((share - 1.004 / 2.591).abs() < 0.03, "{share}");
        let spurts = said.iter().filter(|say| **say == Say::Speech { begins: true }).count();
        let mean = speech / spurts;
        assert!((45..=56).contains(&mean), "{mean} packets a spurt");
        assert_eq!(said[0], Say::Speech { begins: true });
    }

    #[test]
    fn a_pause_has_a_packet_at_once_and_every_400_ms() {
        let said = said(spurts(Silence::Dtx), 2, 5000);
        let pauses = said.split(|say| matches!(say, Say::Speech { .. })).filter(|pause| !pause.is_empty());
        for pause in pauses {
            let quiet: Vec<usize> =
                pause.iter().enumerate().filter(|(_, say)| **say == Say::Quiet).map(|(i, _)| i).collect();
            let expected: Vec<usize> = (0..pause.len()).step_by(20).collect();
            assert_eq!(quiet, expected);
        }
    }

    #[test]
    fn without_dtx_every_period_has_a_packet_and_seeds_decide() {
        assert!(!said(spurts(Silence::Quiet), 3, 5000).contains(&Say::Nothing));
        assert_eq!(said(spurts(Silence::Dtx), 4, 5000), said(spurts(Silence::Dtx), 4, 5000));
        assert_ne!(said(spurts(Silence::Dtx), 4, 5000), said(spurts(Silence::Dtx), 5, 5000));
    }
}
