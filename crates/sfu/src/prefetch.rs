//! Asking for memory before it is needed, so that several waits pass at once.

/// Asks the processor for the cache line in which a value begins, and goes on without waiting. It changes nothing but when memory answers;
/// on processors other than x86-64 it is nothing at all.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    safe_arch::prefetch_t0(value);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
