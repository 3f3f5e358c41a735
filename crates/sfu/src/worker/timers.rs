//! When a worker has to look at something again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Peer(usize),
    Call(usize),
}

/// The one entry of a peer or call that counts; others in the heap are leftovers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alarm {
    at: Option<Instant>,
}

impl Alarm {
    /// Whether an entry is the one that counts.
    pub(super) fn is_set_to(&self, at: Instant) -> bool {
        self.at == Some(at)
    }

    /// Whether an entry that came up is the one that counts; it is used up then.
    pub(super) fn rings(&mut self, at: Instant) -> bool {
        let rings = self.is_set_to(at);
        if rings {
            self.at = None;
        }
        rings
    }
}

/// All entries, earliest first. Moving an alarm later leaves it as it is: it is set again once it is the next to ring.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Due)>>,
    /// The entry that was looked at last and counts.
    looked_at: Option<(Instant, Due)>,
}

impl Timers {
    /// Makes sure that the alarm rings at `at` or before.
    pub(super) fn set(&mut self, alarm: &mut Alarm, due: Due, at: Option<Instant>) {
        let Some(at) = at else { return };
        if alarm.at.is_none_or(|set| at < set) {
            alarm.at = Some(at);
            self.heap.push(Reverse((at, due)));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The earliest entry, unless it was looked at already and counts.
    pub(super) fn front(&self) -> Option<(Instant, Due)> {
        let front = self.heap.peek().map(|Reverse(entry)| *entry);
        front.filter(|_| front != self.looked_at)
    }

    /// The earliest entry was looked at, and counts.
    pub(super) fn keep_front(&mut self) {
        self.looked_at = self.heap.peek().map(|Reverse(entry)| *entry);
    }

    /// The earliest entry goes.
    pub(super) fn drop_front(&mut self) {
        self.heap.pop();
    }

    /// Takes the earliest entry that has come up.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Instant, Due)> {
        self.next().filter(|at| *at <= now)?;
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    #[cfg(any(test, feature = "bench"))]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_entry_is_looked_at_again_once_it_is_another_or_was_not_the_first_any_more() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let (mut timers, mut one, mut other) = (Timers::default(), Alarm::default(), Alarm::default());
        assert_eq!(timers.front(), None);
        timers.set(&mut one, Due::Peer(1), Some(at(500)));
        assert_eq!(timers.front(), Some((at(500), Due::Peer(1))));
        timers.keep_front();
        assert_eq!(timers.front(), None, "it counts");
        timers.set(&mut other, Due::Peer(2), Some(at(100)));
        assert_eq!(timers.front(), Some((at(100), Due::Peer(2))));
        timers.keep_front();
        assert_eq!(timers.pop(at(100)), Some((at(100), Due::Peer(2))));
        assert_eq!(timers.front(), Some((at(500), Due::Peer(1))));
        timers.drop_front();
        assert_eq!((timers.front(), timers.next()), (None, None));
    }

    #[test]
    fn the_earliest_setting_counts_and_rings_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let (mut timers, mut alarm) = (Timers::default(), Alarm::default());
        timers.set(&mut alarm, Due::Peer(1), Some(at(500)));
        timers.set(&mut alarm, Due::Peer(1), Some(at(100)));
        timers.set(&mut alarm, Due::Peer(1), Some(at(300)));
        timers.set(&mut alarm, Due::Peer(1), None);
        assert_eq!(timers.len(), 2, "a later setting needs no entry");
        assert_eq!(timers.pop(at(99)), None);
        let (rung, due) = timers.pop(at(100)).expect("due");
        assert_eq!(due, Due::Peer(1));
        assert!(alarm.rings(rung));
        let (leftover, _) = timers.pop(at(500)).expect("due");
        assert!(!alarm.rings(leftover));
    }
}
