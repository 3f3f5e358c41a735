//! Counting: plain numbers that several threads add to and anybody reads. How they are shown is somebody else's business.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets of a [`Times`], in seconds; one more bucket holds what is longer. From a look-up in memory to
/// somebody who has stopped waiting.
pub const TIME_BUCKETS: [f64; 15] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// How often something happened since the start of the process.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// It happened once more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// It happened so many times more.
    pub fn add(&self, times: u64) {
        self.0.fetch_add(times, Ordering::Relaxed);
    }

    /// How often so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How much of something there is now.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

/// One of what a [`Level`] counts, until it is dropped.
#[derive(Debug)]
#[must_use = "it is counted until it is dropped"]
pub struct Present<'a>(&'a Level);

impl Level {
    /// One more, until the answer is dropped.
    pub fn enter(&self) -> Present<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Present(self)
    }

    /// How many there are.
    #[must_use]
    pub fn get(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long something took, each time.
#[derive(Debug, Default)]
pub struct Times {
    count: AtomicU64,
    micros: AtomicU64,
    buckets: [AtomicU64; TIME_BUCKETS.len()],
}

/// A [`Times`] at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// How often it was measured.
    pub count: u64,
    /// All times together, in seconds.
    pub sum: f64,
    /// How many were at most as long as each of [`TIME_BUCKETS`] (cumulative).
    pub buckets: [u64; TIME_BUCKETS.len()],
}

impl Times {
    /// It took so long once more.
    pub fn observe(&self, time: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if let Some(bucket) = TIME_BUCKETS.iter().position(|&bound| time.as_secs_f64() <= bound) {
            self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was measured so far.
    #[must_use]
    pub fn snapshot(&self) -> Histogram {
        let mut sum = 0;
        let buckets = std::array::from_fn(|i| {
            sum += self.buckets[i].load(Ordering::Relaxed);
            sum
        });
        let micros = Duration::from_micros(self.micros.load(Ordering::Relaxed));
        // Never fewer than in the buckets, of which one may have grown meanwhile.
        let count = self.count.load(Ordering::Relaxed).max(sum);
        Histogram { count, sum: micros.as_secs_f64(), buckets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_the_longest_times_count_in_none() {
        let times = Times::default();
        for millis in [0, 3, 3, 400, 60_000] {
            times.observe(Duration::from_millis(millis));
        }
        let histogram = times.snapshot();
        assert_eq!(histogram.count, 5);
        assert!((histogram.sum - 60.406).abs() < 1e-9);
        assert_eq!(histogram.buckets, [1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4]);
    }

    #[test]
    fn who_left_is_not_counted() {
        let (level, counter) = (Level::default(), Counter::default());
        let (one, two) = (level.enter(), level.enter());
        assert_eq!(level.get(), 2);
        drop((one, two));
        counter.add(2);
        counter.increment();
        assert_eq!((level.get(), counter.get()), (0, 3));
    }
}
