//! [`Rotation`]: whose socket is read next.

use std::time::Duration;

use super::api::PeerId;

/// Peers that take turns.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    /// The index of each, and which peer that was.
    peers: Vec<(usize, PeerId)>,
    next: usize,
}

impl Rotation {
    /// Adds a peer, once.
    pub(super) fn add(&mut self, key: usize, id: PeerId) {
        self.peers.push((key, id));
    }

    /// How many have their turn when so much time has passed and everybody has one each `every`: no more than there are.
    pub(super) fn share(&self, passed: Duration, every: Duration) -> usize {
        let all = self.peers.len() as u128;
        let share = (all * passed.as_nanos()).div_ceil(every.as_nanos().max(1));
        usize::try_from(share.min(all)).unwrap_or(0)
    }

    /// Whose turn it is. Those who are not `there` any more are forgotten.
    pub(super) fn next(&mut self, there: impl Fn(usize, PeerId) -> bool) -> Option<usize> {
        loop {
            if self.next >= self.peers.len() {
                self.next = 0;
            }
            let (key, id) = *self.peers.get(self.next)?;
            if there(key, id) {
                self.next += 1;
                return Some(key);
            }
            self.peers.swap_remove(self.next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(5);
    const EVERY: Duration = Duration::from_millis(20);

    fn of(peers: usize) -> Rotation {
        let mut rotation = Rotation::default();
        (0..peers).zip(100..).for_each(|(key, id)| rotation.add(key, PeerId(id)));
        rotation
    }

    #[test]
    fn everybody_has_a_turn_within_the_time() {
        for peers in [0, 1, 3, 4, 10, 1001] {
            let mut rotation = of(peers);
            let mut turns = vec![0; peers];
            for _ in 0..EVERY.as_millis() / TICK.as_millis() {
                for _ in 0..rotation.share(TICK, EVERY) {
                    turns[rotation.next(|_, _| true).expect("somebody")] += 1;
                }
            }
            assert!(turns.iter().all(|turns| *turns >= 1), "{peers}: {turns:?}");
            assert!(turns.iter().sum::<usize>() < peers + 4, "{peers}: {turns:?}");
        }
    }

    #[test]
    fn a_late_tick_makes_up_for_what_was_missed_and_no_more() {
        let rotation = of(1000);
        assert_eq!(rotation.share(TICK, EVERY), 250);
        assert_eq!(rotation.share(3 * TICK, EVERY), 750);
        assert_eq!(rotation.share(100 * TICK, EVERY), 1000);
        assert_eq!(rotation.share(TICK, TICK), 1000);
    }

    #[test]
    fn those_who_left_are_forgotten_and_whoever_has_their_place_is_somebody_else() {
        let mut rotation = of(4);
        let there = |key, id: PeerId| key != 1 && !(key == 2 && id == PeerId(102));
        rotation.add(2, PeerId(900));
        let turns: Vec<_> = (0..6).filter_map(|_| rotation.next(there)).collect();
        let mut once = turns[..3].to_vec();
        once.sort_unstable();
        assert_eq!((once, &turns[3..]), (vec![0, 2, 3], &turns[..3]));
        assert_eq!(rotation.peers.len(), 3);
        assert_eq!(rotation.next(|_, _| false), None);
        assert_eq!(rotation.next(there), None, "nobody is left");
    }
}
