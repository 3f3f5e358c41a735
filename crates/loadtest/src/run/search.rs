//! Looking for the largest load that is not too much: up by half until it is, then halving what is between.

/// What is known so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Search {
    first: usize,
    most: usize,
    precision: f64,
    good: Option<usize>,
    bad: Option<usize>,
}

impl Search {
    /// Begins at `first`, goes no further than `most`, and ends when it is known to `precision_percent`.
    pub(super) fn new(first: usize, most: usize, precision_percent: f64) -> Self {
        Self {
            first: first.clamp(1, most.max(1)),
            most: most.max(1),
            precision: precision_percent / 100.0,
            good: None,
            bad: None,
        }
    }

    /// The load to try next; `None` when it is known well enough.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "loads are far below 2^52 and not negative"
    )]
    pub(super) fn next(&self) -> Option<usize> {
        let (good, bad) = match (self.good, self.bad) {
            (None, None) => return Some(self.first),
            (Some(good), None) => {
                return (good < self.most).then(|| (good + (good / 2).max(1)).min(self.most));
            }
            (good, Some(bad)) => (good.unwrap_or(0), bad),
        };
        let close_enough = ((bad as f64 * self.precision) as usize).max(1);
        (bad - good > close_enough).then_some(good + (bad - good) / 2)
    }

    /// Takes note of whether a load was fine.
    pub(super) fn note(&mut self, load: usize, fine: bool) {
        if fine {
            self.good = self.good.max(Some(load));
        } else {
            self.bad = Some(self.bad.map_or(load, |bad| bad.min(load)));
        }
        // A server is not the same twice: what was fine before and is not now is not fine.
        if let (Some(good), Some(bad)) = (self.good, self.bad)
            && good >= bad
        {
            self.good = bad.checked_sub(1).filter(|below| *below > 0 && good <= *below);
        }
    }

    /// The largest load that was fine.
    pub(super) const fn found(&self) -> Option<usize> {
        self.good
    }

    /// Whether some load was too much.
    pub(super) const fn reached_a_limit(&self) -> bool {
        self.bad.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches where every load above `limit` is too much; all loads tried.
    fn search(mut search: Search, limit: usize) -> (Search, Vec<usize>) {
        let mut tried = Vec::new();
        while let Some(load) = search.next() {
            tried.push(load);
            search.note(load, load <= limit);
            assert!(tried.len() < 200, "it does not end: {tried:?}");
        }
        (search, tried)
    }

    #[test]
    fn up_by_half_then_between() {
        let (found, tried) = search(Search::new(100, 100_000, 5.0), 400);
        assert_eq!(tried, [100, 150, 225, 337, 505, 421, 379, 400]);
        assert_eq!(found.found(), Some(400));
        assert!(found.reached_a_limit());
    }

    #[test]
    fn a_first_load_that_is_too_much_is_lowered() {
        let (found, _) = search(Search::new(100, 1_000, 1.0), 10);
        assert_eq!(found.found(), Some(10));
        let (found, tried) = search(Search::new(100, 1_000, 1.0), 0);
        assert_eq!((found.found(), tried.last()), (None, Some(&1)));
    }

    #[test]
    fn accounts_or_a_wish_can_end_it_too() {
        let (found, tried) = search(Search::new(100, 120, 5.0), 1_000);
        assert_eq!((found.found(), found.reached_a_limit(), tried), (Some(120), false, vec![100, 120]));
    }

    #[test]
    fn what_fails_later_does_not_count_as_found() {
        let mut changed = Search::new(100, 1_000, 5.0);
        changed.note(100, true);
        changed.note(100, false);
        assert_eq!(changed.found(), None);
        assert_eq!(changed.next(), Some(50));
    }

    proptest! {
        #[test]
        fn it_ends_close_to_the_limit(
            first in 1..5_000_usize, most in 1..20_000_usize, limit in 0..30_000_usize, precision in 0.1..50.0_f64,
        ) {
            let (end, tried) = search(Search::new(first, most, precision), limit);
            prop_assert!(tried.iter().all(|load| (1..=most).contains(load)));
            let best = limit.min(most);
            let found = end.found().unwrap_or(0);
            prop_assert!(found <= best);
            if end.reached_a_limit() {
                let slack = ((tried.iter().filter(|&&load| load > limit).min().copied().unwrap_or(0) as f64) * precision / 100.0).max(1.0);
                prop_assert!((best - found) as f64 <= slack, "found {found} of {best}");
            } else {
                prop_assert_eq!(found, most);
            }
        }
    }
}
