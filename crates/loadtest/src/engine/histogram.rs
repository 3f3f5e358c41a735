//! A histogram of durations small enough to have one a received stream.

use std::time::Duration;

/// Sub-buckets an octave: no value is told wrong by more than 1/16.
const PER_OCTAVE: u64 = 16;
/// 2^27 µs are 134 s: whatever takes longer counts as that.
const OCTAVES: usize = 27;
const BUCKETS: usize = (OCTAVES - 3) * PER_OCTAVE as usize;

/// Durations from 1 µs to two minutes, by their order of magnitude.
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: Box<[u32; BUCKETS]>,
    count: u64,
    sum_micros: u64,
    max_micros: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), count: 0, sum_micros: 0, max_micros: 0 }
    }
}

impl Histogram {
    /// Takes note of a duration in microseconds.
    pub fn note(&mut self, micros: u64) {
        let bucket = &mut self.buckets[index(micros)];
        *bucket = bucket.saturating_add(1);
        self.count += 1;
        self.sum_micros = self.sum_micros.saturating_add(micros);
        self.max_micros = self.max_micros.max(micros);
    }

    /// Adds what another one has seen.
    pub fn add(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(other.buckets.iter()) {
            *bucket = bucket.saturating_add(*more);
        }
        self.count += other.count;
        self.sum_micros = self.sum_micros.saturating_add(other.sum_micros);
        self.max_micros = self.max_micros.max(other.max_micros);
    }

    /// What was noted since `earlier`, which is a copy of this one at an earlier time. Of the largest duration no more is
    /// known than its bucket.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = Self::default();
        for (i, (now, then)) in self.buckets.iter().zip(earlier.buckets.iter()).enumerate() {
            since.buckets[i] = now.saturating_sub(*then);
            if since.buckets[i] > 0 {
                since.max_micros = upper_end(i).min(self.max_micros);
            }
        }
        since.count = self.count.saturating_sub(earlier.count);
        since.sum_micros = self.sum_micros.saturating_sub(earlier.sum_micros);
        since
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.buckets.fill(0);
        (self.count, self.sum_micros, self.max_micros) = (0, 0, 0);
    }

    /// How many durations were noted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The largest.
    #[must_use]
    pub const fn max(&self) -> Duration {
        Duration::from_micros(self.max_micros)
    }

    /// The arithmetic mean; zero when there is nothing.
    #[must_use]
    pub fn mean(&self) -> Duration {
        Duration::from_micros(self.sum_micros.checked_div(self.count).unwrap_or(0))
    }

    /// The duration that `share` (0 to 1) of all do not exceed, by nearest rank; zero when there is nothing.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank between 1 and the count"
        )]
        let rank = ((self.count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        for (i, bucket) in self.buckets.iter().enumerate() {
            seen += u64::from(*bucket);
            if seen >= rank {
                return Duration::from_micros(upper_end(i).min(self.max_micros));
            }
        }
        self.max()
    }

    /// The buckets that hold something: the largest duration of each, and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u32)> + '_ {
        self.buckets
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(i, count)| (Duration::from_micros(upper_end(i)), *count))
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count)
            .field("p50", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .field("max", &self.max())
            .finish()
    }
}

/// The first 16 buckets are one microsecond wide; from there each octave has 16.
fn index(micros: u64) -> usize {
    let micros = micros.min((1 << OCTAVES) - 1);
    if micros < PER_OCTAVE {
        return usize::try_from(micros).unwrap_or(0);
    }
    let octave = micros.ilog2() - PER_OCTAVE.ilog2();
    let within = (micros >> octave) - PER_OCTAVE;
    usize::try_from(PER_OCTAVE * u64::from(octave + 1) + within).unwrap_or(BUCKETS - 1)
}

/// The largest number of microseconds in a bucket.
fn upper_end(index: usize) -> u64 {
    let index = index as u64;
    if index < PER_OCTAVE {
        return index;
    }
    let (octave, within) = (index / PER_OCTAVE - 1, index % PER_OCTAVE);
    ((PER_OCTAVE + within + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_has_a_bucket_that_tells_it_to_a_sixteenth() {
        for micros in (0..5000).chain((13..27).map(|n| (1 << n) - 1)).chain((13..27).map(|n| 1 << n)) {
            let end = upper_end(index(micros));
            assert!(end >= micros && end <= micros + micros / 16, "{micros} is told as {end}");
        }
        assert_eq!(index(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let mut histogram = Histogram::default();
        (1..=10).for_each(|n| histogram.note(n));
        assert_eq!(histogram.quantile(0.5), Duration::from_micros(5));
        assert_eq!(histogram.quantile(0.99), Duration::from_micros(10));
        assert_eq!((histogram.mean(), histogram.max()), (Duration::from_micros(5), Duration::from_micros(10)));
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }

    #[test]
    fn what_came_since_is_what_an_empty_one_would_have_seen() {
        let mut all = Histogram::default();
        [5, 70_000, 9].into_iter().for_each(|n| all.note(n));
        let before = all.clone();
        let mut later = Histogram::default();
        for n in [2, 3, 3, 1000] {
            all.note(n);
            later.note(n);
        }
        let since = all.since(&before);
        assert_eq!((since.count(), since.mean()), (later.count(), later.mean()));
        assert_eq!(since.buckets().collect::<Vec<_>>(), later.buckets().collect::<Vec<_>>());
        assert!(since.max() >= later.max() && since.max() <= later.max() + later.max() / 16);
    }

    #[test]
    fn sums_are_what_one_would_have_seen() {
        let (mut a, mut b, mut both) = (Histogram::default(), Histogram::default(), Histogram::default());
        for n in 0..1000 {
            if n % 3 == 0 { &mut a } else { &mut b }.note(n * n);
            both.note(n * n);
        }
        a.add(&b);
        assert_eq!(a, both);
        assert_eq!(a.since(&b).count(), both.count() - b.count());
        assert_eq!(a.since(&a), Histogram::default());
        a.clear();
        assert_eq!(a, Histogram::default());
    }
}
