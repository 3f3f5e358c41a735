//! A bad network between a peer and its socket.

use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use super::api::Impairment;

/// How much later than the others a packet comes that is overtaken: more than the gap between two packets of speech.
const OVERTAKEN: Duration = Duration::from_millis(25);

impl Impairment {
    /// Whether it does nothing at all.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is lost.
    Lost,
    /// It comes at this time.
    At(Instant),
}

/// One direction of one peer's network.
#[derive(Debug)]
pub(super) struct Link {
    rng: StdRng,
    last: Option<Instant>,
}

impl Link {
    /// A link whose accidents depend on `rng` only.
    pub(super) const fn new(rng: StdRng) -> Self {
        Self { rng, last: None }
    }

    /// Decides about the next datagram.
    pub(super) fn pass(&mut self, now: Instant, impairment: &Impairment) -> Fate {
        // The same number of draws for every datagram: loss does not move the jitter of those behind.
        let [lost, late, spread]: [f64; 3] = std::array::from_fn(|_| self.rng.random_range(0.0..1.0));
        if lost < impairment.loss {
            return Fate::Lost;
        }
        let at = now + impairment.delay + impairment.jitter.mul_f64(spread);
        let at = self.last.map_or(at, |last| at.max(last));
        if late < impairment.reordering {
            return Fate::At(at + OVERTAKEN);
        }
        self.last = Some(at);
        Fate::At(at)
    }
}

/// Datagrams on their way, soonest first.
#[derive(Debug)]
pub(super) struct Held<T>(BinaryHeap<Item<T>>, u64);

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(BinaryHeap::new(), 0)
    }
}

#[derive(Debug)]
struct Item<T> {
    due: Instant,
    order: u64,
    value: T,
}

impl<T> Held<T> {
    /// Keeps something until then.
    pub(super) fn push(&mut self, due: Instant, value: T) {
        self.1 += 1;
        self.0.push(Item { due, order: self.1, value });
    }

    /// What is due; of the same time in the order of pushing.
    pub(super) fn pop(&mut self, now: Instant) -> Option<T> {
        if self.next_due()? > now {
            return None;
        }
        self.0.pop().map(|item| item.value)
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.peek().map(|item| item.due)
    }
}

impl<T> Ord for Item<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.order) == (other.due, other.order)
    }
}

impl<T> Eq for Item<T> {}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn fates(impairment: Impairment, seed: u64) -> Vec<(usize, Fate)> {
        let begin = Instant::now();
        let mut link = Link::new(StdRng::seed_from_u64(seed));
        (0..10_000)
            .map(|i| (i, link.pass(begin + Duration::from_millis(20) * u32::try_from(i).unwrap(), &impairment)))
            .collect()
    }

    #[test]
    fn the_share_that_is_lost_is_the_one_asked_for_and_the_same_each_time() {
        let impairment = Impairment { loss: 0.05, ..Impairment::default() };
        let lost = |seed| -> Vec<usize> {
            fates(impairment, seed).iter().filter(|(_, fate)| *fate == Fate::Lost).map(|(i, _)| *i).collect()
        };
        assert!((400..=600).contains(&lost(1).len()), "{}", lost(1).len());
        assert_eq!(lost(1), lost(1));
        assert_ne!(lost(1), lost(2));
    }

    #[test]
    fn delay_and_jitter_overtake_nobody_and_reordering_does() {
        let impairment = Impairment {
            delay: Duration::from_millis(50),
            jitter: Duration::from_millis(100),
            ..Impairment::default()
        };
        let times = |impairment| -> Vec<Instant> {
            let at = |(_, fate)| match fate {
                Fate::At(at) => at,
                Fate::Lost => panic!("nothing is lost"),
            };
            fates(impairment, 3).into_iter().map(at).collect()
        };
        assert!(times(impairment).is_sorted());
        let overtaken = times(Impairment { jitter: Duration::ZERO, reordering: 0.1, ..impairment });
        let swaps = overtaken.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!((800..=1200).contains(&swaps), "{swaps}");
        assert!(Impairment::default().is_none() && !impairment.is_none());
    }

    #[test]
    fn what_is_held_comes_out_in_time_and_order() {
        let now = Instant::now();
        let mut held = Held::default();
        held.push(now + Duration::from_secs(2), 'c');
        held.push(now + Duration::from_secs(1), 'a');
        held.push(now + Duration::from_secs(1), 'b');
        assert_eq!((held.pop(now), held.next_due()), (None, Some(now + Duration::from_secs(1))));
        let later = now + Duration::from_secs(3);
        assert_eq!([held.pop(later), held.pop(later), held.pop(later)], [Some('a'), Some('b'), Some('c')]);
        assert_eq!((held.pop(later), held.next_due()), (None, None));
    }
}
