//! Asking for memory before it is needed, so that several waits pass at once. It changes nothing but when memory answers; on processors
//! that are neither x86 nor ARM of 64 bits it is nothing at all.

use prefetch_index::prefetch_index;

/// The bytes that memory answers with at once.
const CACHE_LINE: usize = 64;

/// Asks the processor for the cache line in which a value begins, and goes on without waiting.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    prefetch_index(std::slice::from_ref(value), 0);
}

/// A value in cache lines of its own, all of which can be asked for at once though nobody can see into it.
#[repr(C, align(64))]
pub(crate) struct CacheLines<T> {
    start: [u8; 0],
    value: T,
}

impl<T> CacheLines<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { start: [], value }
    }

    pub(crate) const fn value(&self) -> &T {
        &self.value
    }

    /// Asks for each of its lines.
    #[inline]
    pub(crate) fn prefetch(&self) {
        for byte in (0..size_of::<T>()).step_by(CACHE_LINE) {
            prefetch_index(self.start.as_slice(), byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_cache_lines_begins_with_the_first_and_shares_the_last_with_nobody() {
        let all = [CacheLines::new([1_u8; 100]), CacheLines::new([2; 100])];
        for (lines, value) in all.iter().zip([1, 2]) {
            lines.prefetch();
            assert_eq!(lines.value(), &[value; 100]);
            let begin = std::ptr::from_ref(lines.value()).addr();
            assert_eq!((begin % CACHE_LINE, begin), (0, std::ptr::from_ref(&lines.start).addr()));
            assert_eq!(size_of_val(lines) % CACHE_LINE, 0);
        }
    }
}
