//! Which workers, as a value that costs nothing to copy.

use std::fmt;

/// The most workers there can be.
pub(crate) const MAX_WORKERS: usize = 256;

const BITS: usize = u64::BITS as usize;

/// A set of workers, by number.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WorkerSet([u64; MAX_WORKERS / BITS]);

impl WorkerSet {
    /// Nobody.
    pub(crate) const NONE: Self = Self([0; MAX_WORKERS / BITS]);

    /// Adds a worker; numbers from [`MAX_WORKERS`] on are nobody's.
    pub(crate) fn insert(&mut self, worker: usize) {
        if let Some(word) = self.0.get_mut(worker / BITS) {
            *word |= 1 << (worker % BITS);
        }
    }

    pub(crate) fn contains(&self, worker: usize) -> bool {
        self.0.get(worker / BITS).is_some_and(|word| word & (1 << (worker % BITS)) != 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Everybody in it, lowest number first.
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(index, word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(index * BITS + bit)
            })
        })
    }
}

impl FromIterator<usize> for WorkerSet {
    fn from_iter<I: IntoIterator<Item = usize>>(workers: I) -> Self {
        let mut set = Self::NONE;
        workers.into_iter().for_each(|worker| set.insert(worker));
        set
    }
}

impl fmt::Debug for WorkerSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_in_comes_out_in_order() {
        let set: WorkerSet = [255, 0, 64, 63, 64].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 255]);
        assert!(set.contains(63) && !set.contains(62) && !set.contains(1000));
        assert!(WorkerSet::NONE.is_empty() && !set.is_empty());
    }
}
