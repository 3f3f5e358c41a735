//! Who leaves and comes back when: a Poisson process, the same for the same seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

/// Draws times and peers.
pub(super) struct Churn {
    per_second: f64,
    rng: StdRng,
}

impl Churn {
    /// So many a minute on average; 0: nobody ever.
    pub(super) fn new(per_minute: f64, seed: u64) -> Self {
        Self { per_second: per_minute / 60.0, rng: StdRng::seed_from_u64(seed) }
    }

    /// When the next one leaves; `None`: never.
    pub(super) fn next_after(&mut self, now: Instant) -> Option<Instant> {
        now.checked_add(self.pause()?)
    }

    /// One of so many.
    pub(super) fn pick(&mut self, among: usize) -> Option<usize> {
        (among > 0).then(|| self.rng.random_range(0..among))
    }

    fn pause(&mut self) -> Option<Duration> {
        if self.per_second <= 0.0 {
            return None;
        }
        // 1 - u is in (0, 1], whose logarithm is finite.
        let u: f64 = self.rng.random();
        Duration::try_from_secs_f64(-(1.0 - u).ln() / self.per_second).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_leave_as_were_asked_for_and_the_same_again() {
        let total = |seed| {
            let mut churn = Churn::new(600.0, seed);
            (0..10_000).map(|_| churn.pause().unwrap()).sum::<Duration>()
        };
        let seconds = total(1).as_secs_f64();
        assert!((950.0..1050.0).contains(&seconds), "10 000 at 10 a second took {seconds} s");
        assert_eq!(total(1), total(1));
        assert_ne!(total(1), total(2));
        assert_eq!(Churn::new(0.0, 1).pause(), None);
        assert_eq!(Churn::new(0.0, 1).pick(0), None);
    }
}
