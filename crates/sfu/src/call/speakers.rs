//! When the list of speakers is sent.

use std::time::{Duration, Instant};

use crate::ids::PeerId;

/// How often a call is looked at while anybody speaks.
const TICK: Duration = Duration::from_millis(100);
/// The least time between two lists: at most five a second.
const SPACING: Duration = Duration::from_millis(200);
/// The same where nobody came onto the list or went off it: a list is a message to everybody in the call.
const LEVELS_SPACING: Duration = Duration::from_millis(500);
/// How far a level moves before it is told again, in dB: twice or half the amplitude, an eighth of what meters show of a
/// voice (-60 to -12 dBov).
const LEVEL_STEP: i16 = 6;

/// The most speakers in one list, the loudest: a list goes to everybody, and nobody can follow more voices.
pub(super) const LISTED_MAX: usize = 32;

/// Remembers what was sent.
#[derive(Debug)]
pub(super) struct Announcer {
    next: Option<Instant>,
    /// `None`: whatever was sent last, another worker sent it.
    sent: Option<Vec<(PeerId, i8)>>,
    sent_at: Option<Instant>,
}

impl Default for Announcer {
    /// Nobody speaks, and everybody knows.
    fn default() -> Self {
        Self { next: None, sent: Some(Vec::new()), sent_at: None }
    }
}

impl Announcer {
    /// Another worker told who speaks until now: the next list is sent whatever is in it.
    pub(super) fn begin(&mut self, now: Instant) {
        self.sent = None;
        self.wake(now);
    }

    /// Somebody begins to speak.
    pub(super) fn wake(&mut self, now: Instant) {
        self.next.get_or_insert(now + TICK);
    }

    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Returns the list, loudest first, when it says something else than the last one and that was long enough ago.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        mut speakers: Vec<(PeerId, i8)>,
        anybody_speaks: bool,
    ) -> Option<Vec<(PeerId, i8)>> {
        speakers.sort_by_key(|(id, level)| (-i16::from(*level), *id));
        speakers.truncate(LISTED_MAX);
        let spacing = self.sent.as_ref().map_or(Some(SPACING), |sent| spacing(sent, &speakers));
        let send = spacing
            .is_some_and(|spacing| self.sent_at.is_none_or(|sent| now.saturating_duration_since(sent) >= spacing));
        if send {
            self.sent = Some(speakers.clone());
            self.sent_at = Some(now);
        }
        self.next = (anybody_speaks || (spacing.is_some() && !send)).then(|| now + TICK);
        send.then_some(speakers)
    }
}

/// How long after the last list this one may follow; `None` when it says nothing else.
fn spacing(sent: &[(PeerId, i8)], speakers: &[(PeerId, i8)]) -> Option<Duration> {
    let told = |id| sent.iter().find(|(other, _)| *other == id).map(|(_, level)| i16::from(*level));
    let mut moved = false;
    for (id, level) in speakers {
        let Some(told) = told(*id) else { return Some(SPACING) };
        moved |= (i16::from(*level) - told).abs() >= LEVEL_STEP;
    }
    if speakers.len() < sent.len() {
        return Some(SPACING);
    }
    moved.then_some(LEVELS_SPACING)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: PeerId = PeerId(1);
    const BERT: PeerId = PeerId(2);

    /// Ticks as a worker does, with what `speakers` says at each, and returns when lists were sent, in ms.
    fn told(announcer: &mut Announcer, ms: u64, speakers: impl Fn(u64) -> Vec<(PeerId, i8)>) -> Vec<u64> {
        let start = Instant::now();
        announcer.wake(start);
        let mut told = Vec::new();
        while let Some(due) = announcer.next() {
            let at = u64::try_from((due - start).as_millis()).unwrap();
            if at > ms {
                break;
            }
            let listed = speakers(at);
            let goes_on = !listed.is_empty();
            if announcer.tick(due, listed, goes_on).is_some() {
                told.push(at);
            }
        }
        told
    }

    #[test]
    fn who_comes_and_goes_is_told_at_once_but_at_most_five_times_a_second() {
        let mut announcer = Announcer::default();
        let told = told(&mut announcer, 2000, |at| match at {
            100..1000 => vec![(ANNA, -20)],
            // Every 100 ms another one.
            1000..1500 if (at / 100).is_multiple_of(2) => vec![(BERT, -20)],
            1000..1500 => vec![(ANNA, -20)],
            _ => Vec::new(),
        });
        assert_eq!(told, [100, 1000, 1300, 1500], "1 200 says what 1 000 did");
    }

    #[test]
    fn levels_are_told_when_they_have_moved_far_enough_and_twice_a_second_at_most() {
        let mut announcer = Announcer::default();
        let steady = |at: u64| vec![(ANNA, if (at / 100).is_multiple_of(2) { -20 } else { -25 }), (BERT, -21)];
        assert_eq!(told(&mut announcer, 3000, steady), [100], "nobody sees 5 dB, nor who of two is a little louder");
        let mut announcer = Announcer::default();
        let rising = |at: u64| vec![(ANNA, -60 + i8::try_from(at / 50).unwrap())];
        assert_eq!(told(&mut announcer, 2000, rising), [100, 600, 1100, 1600], "10 dB in half a second");
        let mut announcer = Announcer::default();
        let slowly = |at: u64| vec![(ANNA, -60 + i8::try_from(at / 1000).unwrap())];
        assert_eq!(
            told(&mut announcer, 13_000, slowly),
            [100, 6000, 12_000],
            "from what was told last, not from tick to tick"
        );
    }

    #[test]
    fn whoever_comes_is_told_though_a_level_was_told_a_moment_ago() {
        let mut announcer = Announcer::default();
        let told = told(&mut announcer, 1500, |at| match at {
            0..600 => vec![(ANNA, -40)],
            600..800 => vec![(ANNA, -20)],
            _ => vec![(BERT, -19), (ANNA, -20)],
        });
        assert_eq!(told, [100, 600, 800]);
    }
}
