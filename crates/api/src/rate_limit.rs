//! Rate limits: one bucket for each kind of request and each client network or account, bounded in memory.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use hubbub_domain::user::Email;
use hubbub_domain::{Clock, UserId};

use crate::client_address::ClientAddress;
use crate::config::{LimitConfig, LimitsConfig};
use crate::error::{Code, Problem};
use crate::metrics::{Metrics, Refusals};

/// Above this many live buckets new clients share [`SHARED_BUCKETS`]. Higher costs memory (about 50 bytes each) under an
/// attack from many networks; lower makes strangers share sooner.
const MAX_BUCKETS: usize = 100_000;
/// How many buckets are shared when there are too many clients.
const SHARED_BUCKETS: u64 = 4_096;
/// After so many requests, buckets that are full again are forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// The injected clock as the rate limiter wants it.
struct LimitClock(Arc<dyn Clock>);

impl GovernorClock for LimitClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.now().0).unwrap_or(0))
    }
}

/// The buckets for one kind of request.
pub(crate) struct Limit {
    limiter: RateLimiter<u64, DashMapStateStore<u64>, LimitClock, NoOpMiddleware<Duration>>,
    clock: LimitClock,
    hasher: RandomState,
    checks: AtomicU32,
    refusals: Refusals,
}

impl Limit {
    fn new(config: LimitConfig, clock: &Arc<dyn Clock>, refusals: Refusals) -> Self {
        let quota = Quota::with_period(config.refill.max(Duration::from_nanos(1)))
            .expect("the period is not zero")
            .allow_burst(config.burst);
        Self {
            limiter: RateLimiter::new(quota, DashMapStateStore::default(), LimitClock(clock.clone())),
            clock: LimitClock(clock.clone()),
            hasher: RandomState::new(),
            checks: AtomicU32::new(0),
            refusals,
        }
    }

    /// Takes one request out of the client's bucket.
    pub(crate) fn by_address(&self, client: ClientAddress) -> Result<(), Problem> {
        self.check(client.network())
    }

    /// Takes one request out of the account's bucket. Only a keyed hash of the address is kept, and it is the same
    /// whether such an account exists or not.
    pub(crate) fn by_account(&self, email: &Email) -> Result<(), Problem> {
        self.check(email.as_str())
    }

    /// Takes one request out of the bucket of somebody who is logged in.
    pub(crate) fn by_user(&self, user: UserId) -> Result<(), Problem> {
        self.check(user)
    }

    fn check(&self, key: impl Hash) -> Result<(), Problem> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let mut key = self.hasher.hash_one(key);
        if self.limiter.len() >= MAX_BUCKETS {
            key %= SHARED_BUCKETS;
        }
        self.limiter.check_key(&key).map_err(|until| {
            self.refusals.increment();
            let wait = until.wait_time_from(self.clock.now());
            Problem::new(Code::RateLimited, "too many requests; wait as long as Retry-After says").retry_after(wait)
        })
    }
}

/// All of them.
pub(crate) struct Limits {
    pub(crate) general: Limit,
    pub(crate) register: Limit,
    pub(crate) login: Limit,
    pub(crate) login_account: Limit,
    pub(crate) verify: Limit,
    pub(crate) verify_account: Limit,
    pub(crate) resend: Limit,
    pub(crate) resend_account: Limit,
    pub(crate) avatars: Limit,
    pub(crate) rooms: Limit,
    pub(crate) invites: Limit,
    pub(crate) search: Limit,
    pub(crate) admin: Limit,
}

impl Limits {
    pub(crate) fn new(config: &LimitsConfig, clock: &Arc<dyn Clock>, metrics: &Metrics) -> Self {
        let limit = |config, name| Limit::new(config, clock, metrics.refusals(name));
        Self {
            general: limit(config.general, "requests"),
            register: limit(config.register, "register"),
            login: limit(config.login, "login"),
            login_account: limit(config.login_account, "login_account"),
            verify: limit(config.verify, "verify"),
            verify_account: limit(config.verify_account, "verify_account"),
            resend: limit(config.resend, "resend"),
            resend_account: limit(config.resend_account, "resend_account"),
            avatars: limit(config.avatars, "avatars"),
            rooms: limit(config.rooms, "rooms"),
            invites: limit(config.invites, "invites"),
            search: limit(config.search, "search"),
            admin: limit(config.admin, "admin"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use hubbub_domain::{ManualClock, Timestamp};

    use super::*;

    fn limit(burst: u32, refill: u64) -> (Limit, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp(1_000_000_000)));
        let as_clock: Arc<dyn Clock> = clock.clone();
        let refusals = Metrics::default().refusals("login");
        (Limit::new(LimitConfig::new(burst, Duration::from_secs(refill)), &as_clock, refusals), clock)
    }

    #[test]
    fn a_bucket_empties_tells_when_to_come_back_and_refills() {
        let (limit, clock) = limit(2, 10);
        let ada = ClientAddress("192.0.2.1".parse().unwrap());
        assert!(limit.by_address(ada).is_ok());
        assert!(limit.by_address(ada).is_ok());
        let refused = limit.by_address(ada).unwrap_err();
        assert_eq!(refused.code, Code::RateLimited);
        assert_eq!(refused.retry_after, Some(Duration::from_secs(10)));
        assert!(limit.by_address(ClientAddress("192.0.2.2".parse().unwrap())).is_ok(), "others are unharmed");
        clock.advance(Duration::from_secs(10));
        assert!(limit.by_address(ada).is_ok());
        assert!(limit.by_address(ada).is_err());
    }

    #[test]
    fn refusals_are_counted_by_the_key_of_their_limit() {
        let metrics = Metrics::default();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp(1_000_000_000)));
        let limits = Limits::new(&LimitsConfig::default(), &clock, &metrics);
        let ada = ClientAddress("192.0.2.1".parse().unwrap());
        let refused = (0..1000).filter(|_| limits.rooms.by_address(ada).is_err()).count() as u64;
        assert!(refused > 0);
        for (limit, count) in metrics.rate_limited() {
            assert_eq!(count, if limit == "rooms" { refused } else { 0 }, "{limit}");
        }
    }

    #[test]
    fn a_whole_ipv6_network_shares_a_bucket() {
        let (limit, _) = limit(1, 10);
        assert!(limit.by_address(ClientAddress("2001:db8::1".parse().unwrap())).is_ok());
        assert!(limit.by_address(ClientAddress("2001:db8::2".parse().unwrap())).is_err());
    }

    #[test]
    fn an_account_is_the_same_however_it_is_typed() {
        let (limit, _) = limit(1, 10);
        assert!(limit.by_account(&Email::parse("Ada@example.org").unwrap()).is_ok());
        assert!(limit.by_account(&Email::parse("ada@EXAMPLE.org").unwrap()).is_err());
    }

    #[test]
    fn memory_is_bounded_under_a_flood_from_many_networks() {
        let (limit, clock) = limit(1, 3600);
        for n in 0..(MAX_BUCKETS as u128 + 20_000) {
            let _ = limit.by_address(ClientAddress(IpAddr::V6(Ipv6Addr::from_bits(n << 64))));
        }
        assert!(limit.limiter.len() <= MAX_BUCKETS + SHARED_BUCKETS as usize, "{}", limit.limiter.len());
        clock.advance(Duration::from_secs(7200));
        for _ in 0..SWEEP_EVERY {
            let _ = limit.by_address(ClientAddress("192.0.2.1".parse().unwrap()));
        }
        assert!(limit.limiter.len() < 10, "idle buckets are forgotten: {}", limit.limiter.len());
    }
}
