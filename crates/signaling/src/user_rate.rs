//! How often one user may do what costs more than a message: open a socket, take a seat, offer.
//!
//! A bucket a user and not an address: many users behind one address come back at the same time when a server restarts, and
//! all of them get in.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use hubbub_domain::UserId;

/// After so many checks, buckets that are full again are forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// So many at once, then one more after each interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once; 0 counts as 1.
    pub burst: u32,
    /// After how long one more is allowed; zero counts as a nanosecond.
    pub refill: Duration,
}

/// A bucket a user.
#[derive(Debug)]
pub(crate) struct UserRate {
    limiter: RateLimiter<UserId, DashMapStateStore<UserId>, DefaultClock>,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl UserRate {
    pub(crate) fn new(rate: Rate) -> Self {
        let quota = Quota::with_period(rate.refill.max(Duration::from_nanos(1))).expect("the period is not zero");
        let quota = quota.allow_burst(NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN));
        let clock = DefaultClock::default();
        Self {
            limiter: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()),
            clock,
            checks: AtomicU32::new(0),
        }
    }

    /// Takes one out of the user's bucket.
    ///
    /// # Errors
    /// After how long there is one again, in whole seconds and at least one.
    pub(crate) fn take(&self, user: UserId) -> Result<(), u64> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&user).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
        })
    }

    /// How many users are remembered.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.limiter.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_wait_and_nobody_waits_for_somebody_else() {
        let rate = UserRate::new(Rate { burst: 3, refill: Duration::from_secs(3600) });
        let (ada, bob) = (UserId::new(), UserId::new());
        assert!((0..3).all(|_| rate.take(ada).is_ok()));
        let wait = rate.take(ada).expect_err("the bucket is empty");
        assert!((3_599..=3_600).contains(&wait), "{wait}");
        assert_eq!(rate.take(bob), Ok(()));
    }

    #[test]
    fn who_has_not_come_for_a_while_is_forgotten() {
        let rate = UserRate::new(Rate { burst: 1, refill: Duration::from_nanos(1) });
        for _ in 0..3 * SWEEP_EVERY {
            assert_eq!(rate.take(UserId::new()), Ok(()));
        }
        assert!(rate.len() <= SWEEP_EVERY as usize, "{}", rate.len());
    }
}
