//! When the list of speakers is sent.

use std::time::{Duration, Instant};

use crate::ids::PeerId;

/// How often a call is looked at while anybody speaks.
const TICK: Duration = Duration::from_millis(100);
/// The least time between two lists: at most five a second.
const SPACING: Duration = Duration::from_millis(200);

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

    /// Returns the list, loudest first, when it differs from the last one and that was long enough ago.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        mut speakers: Vec<(PeerId, i8)>,
        anybody_speaks: bool,
    ) -> Option<Vec<(PeerId, i8)>> {
        speakers.sort_by_key(|(id, level)| (-i16::from(*level), *id));
        speakers.truncate(LISTED_MAX);
        let differs = self.sent.as_ref() != Some(&speakers);
        let spaced = self.sent_at.is_none_or(|sent| now.saturating_duration_since(sent) >= SPACING);
        let send = differs && spaced;
        if send {
            self.sent = Some(speakers.clone());
            self.sent_at = Some(now);
        }
        self.next = (anybody_speaks || (differs && !send)).then(|| now + TICK);
        send.then_some(speakers)
    }
}
