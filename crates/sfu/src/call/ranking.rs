//! Who comes first when there are more speakers than slots.
//!
//! One list serves listeners with any number of slots: who has n of them hears the first n others. Those who speak come
//! before those who spoke, the latest of these first, so that a new speaker takes the place of whoever has been quiet
//! longest. Among those who speak, a place is only lost to somebody clearly louder for a while, or at once by whoever pauses
//! or makes a noise that is no word.

use std::time::{Duration, Instant};

use crate::prefetch::prefetch;

/// How much louder one must be to take another's place. Less flaps between equals; more keeps whispers before shouts.
const CLEARLY: f32 = 6.0;
/// For how long. Shorter lets a cough interrupt; longer keeps somebody waiting.
const FOR: Duration = Duration::from_millis(600);

/// The positions whose occupants changed: those in the range now and before differ, all others are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) first: usize,
    /// Past the end of the list when somebody came or went.
    pub(super) last: usize,
}

impl Moved {
    /// Both changes, one after the other.
    pub(super) fn and(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    member: usize,
    louder_since: Option<Instant>,
}

/// The list, loudest first.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    entries: Vec<Entry>,
    /// How many at the front speak now.
    speaking: usize,
    /// Where each member stands, by its key; [`NOWHERE`] when it never spoke. A packet needs no search.
    positions: Vec<usize>,
}

const NOWHERE: usize = usize::MAX;

/// So few are found in the list itself, which is in the cache then, sooner than in another one, which may not be.
const FEW: usize = 4;

impl Ranking {
    /// Asks for the first in the list.
    pub(super) fn prefetch(&self) {
        if let Some(first) = self.entries.first() {
            prefetch(first);
        }
    }

    pub(super) fn members(&self) -> impl Iterator<Item = usize> {
        self.entries.iter().map(|entry| entry.member)
    }

    pub(super) fn speaking(&self) -> impl Iterator<Item = usize> {
        self.entries[..self.speaking].iter().map(|entry| entry.member)
    }

    /// Whether the member at this position speaks.
    pub(super) const fn speaks_at(&self, position: usize) -> bool {
        position < self.speaking
    }

    pub(super) fn anybody_speaks(&self) -> bool {
        self.speaking > 0
    }

    pub(super) fn position(&self, member: usize) -> Option<usize> {
        if self.entries.len() <= FEW {
            return self.entries.iter().position(|entry| entry.member == member);
        }
        self.positions.get(member).copied().filter(|at| *at != NOWHERE)
    }

    pub(super) fn is_speaking(&self, member: usize) -> bool {
        self.position(member).is_some_and(|at| at < self.speaking)
    }

    /// Notes where those from `first` to `last` stand now.
    fn note(&mut self, first: usize, last: usize) {
        for (at, entry) in self.entries.iter().enumerate().take(last.saturating_add(1)).skip(first) {
            if self.positions.len() <= entry.member {
                self.positions.resize(entry.member + 1, NOWHERE);
            }
            self.positions[entry.member] = at;
        }
    }

    /// A member begins to speak.
    pub(super) fn open(&mut self, member: usize) -> Option<Moved> {
        let entry = Entry { member, louder_since: None };
        let last = match self.position(member) {
            Some(at) if at < self.speaking => return None,
            Some(at) => {
                self.entries.remove(at);
                at
            }
            None => usize::MAX,
        };
        let first = self.speaking;
        self.entries.insert(first, entry);
        self.speaking += 1;
        self.note(first, last);
        Some(Moved { first, last })
    }

    /// A member stops speaking; it stays in the list before the others that are quiet.
    pub(super) fn close(&mut self, member: usize) -> Option<Moved> {
        let first = self.position(member).filter(|at| *at < self.speaking)?;
        let mut entry = self.entries.remove(first);
        entry.louder_since = None;
        self.speaking -= 1;
        self.entries.insert(self.speaking, entry);
        self.note(first, self.speaking);
        Some(Moved { first, last: self.speaking })
    }

    /// A member is gone.
    pub(super) fn remove(&mut self, member: usize) -> Option<Moved> {
        let first = self.position(member)?;
        self.entries.remove(first);
        if first < self.speaking {
            self.speaking -= 1;
        }
        self.positions[member] = NOWHERE;
        self.note(first, usize::MAX);
        Some(Moved { first, last: usize::MAX })
    }

    /// Lets a speaking member take the place of a quieter one among the first `places`, once it is due, or of one that
    /// `yields`.
    pub(super) fn compete(
        &mut self,
        now: Instant,
        member: usize,
        places: usize,
        loudness: impl Fn(usize) -> f32,
        yields: impl Fn(usize) -> bool,
    ) -> Option<Moved> {
        let at = self.position(member).filter(|at| *at > 0 && *at < self.speaking)?;
        let above = &self.entries[..at.min(places)];
        if let Some(free) = above.iter().rposition(|entry| yields(entry.member)) {
            return Some(self.swap(free, at));
        }
        let (weakest, level) = above
            .iter()
            .enumerate()
            .map(|(position, entry)| (position, loudness(entry.member)))
            .min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let entry = &mut self.entries[at];
        if loudness(member) <= level + CLEARLY {
            entry.louder_since = None;
            return None;
        }
        let since = *entry.louder_since.get_or_insert(now);
        if now.saturating_duration_since(since) < FOR {
            return None;
        }
        Some(self.swap(weakest, at))
    }

    fn swap(&mut self, first: usize, last: usize) -> Moved {
        self.entries.swap(first, last);
        self.entries[first].louder_since = None;
        self.entries[last].louder_since = None;
        self.note(first, last);
        Moved { first, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(ranking: &Ranking) -> Vec<usize> {
        ranking.members().collect()
    }

    #[test]
    fn a_new_voice_displaces_whoever_was_quiet_longest() {
        let mut ranking = Ranking::default();
        for member in [1, 2, 3] {
            ranking.open(member);
        }
        ranking.close(2);
        ranking.close(1);
        assert_eq!(order(&ranking), [3, 1, 2]);
        assert_eq!(ranking.open(4), Some(Moved { first: 1, last: usize::MAX }));
        assert_eq!(order(&ranking), [3, 4, 1, 2]);
        assert_eq!(ranking.open(2), Some(Moved { first: 2, last: 3 }));
        assert_eq!(order(&ranking), [3, 4, 2, 1]);
        assert_eq!(ranking.open(2), None, "it speaks already");
        ranking.remove(4);
        assert_eq!(ranking.speaking().collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn a_place_is_lost_only_to_the_clearly_louder_for_a_while() {
        let mut ranking = Ranking::default();
        ranking.open(1);
        ranking.open(2);
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let never = |_| false;
        let level = |of_two: f32| move |member: usize| if member == 1 { -40.0 } else { of_two };
        assert_eq!(ranking.compete(at(0), 2, 8, level(-36.0), never), None, "a little louder is not enough");
        assert_eq!(ranking.compete(at(100), 2, 8, level(-20.0), never), None);
        assert_eq!(ranking.compete(at(400), 2, 8, level(-39.0), never), None, "it was a cough");
        assert_eq!(ranking.compete(at(500), 2, 8, level(-20.0), never), None);
        assert_eq!(ranking.compete(at(1_000), 2, 8, level(-20.0), never), None);
        assert_eq!(ranking.compete(at(1_100), 2, 8, level(-20.0), never), Some(Moved { first: 0, last: 1 }));
        assert_eq!(order(&ranking), [2, 1]);
    }
}
