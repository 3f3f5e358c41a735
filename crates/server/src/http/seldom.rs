//! Complaints that would otherwise fill the log.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long it is silent after a complaint.
const SILENCE: Duration = Duration::from_secs(60);

/// A complaint that is made once a minute at most.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    last: Mutex<Option<Instant>>,
}

impl Seldom {
    /// Whether to complain now; counts as done.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let mut last = self.last.lock();
        let due = last.is_none_or(|at| now >= at + SILENCE);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_minute() {
        let (complaint, start) = (Seldom::default(), Instant::now());
        let due = [0, 1, 59, 60, 61, 120].map(|seconds| complaint.is_due(start + Duration::from_secs(seconds)));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
