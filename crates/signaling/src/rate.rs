//! How many messages a client may send: a token bucket, and the end of patience with those who ignore it.

use std::time::Duration;

use tokio::time::Instant;

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Handle it.
    Pass,
    /// Refuse it.
    Refuse,
    /// Close the socket: refusing did not help.
    Close,
}

/// One client's bucket. Decides by the times it is given.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: f64,
    burst: f64,
    tokens: f64,
    refused: u32,
    patience: u32,
    last: Instant,
}

impl RateLimit {
    /// A full bucket of `burst` messages that fills by `per_second`; after `burst` refused messages it closes.
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let full = f64::from(burst);
        Self { per_second: f64::from(per_second), burst: full, tokens: full, refused: 0, patience: burst, last: now }
    }

    /// Takes a message into account. Refusals are forgotten once the client was quiet for long enough to fill the bucket.
    pub(crate) fn check(&mut self, now: Instant) -> Verdict {
        let elapsed: Duration = now.saturating_duration_since(self.last);
        self.last = now;
        self.tokens = (self.tokens + elapsed.as_secs_f64() * self.per_second).min(self.burst);
        if self.tokens >= self.burst {
            self.refused = 0;
        }
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Verdict::Pass;
        }
        self.refused += 1;
        if self.refused > self.patience { Verdict::Close } else { Verdict::Refuse }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(limit: &mut RateLimit, now: Instant, messages: usize) -> Vec<Verdict> {
        (0..messages).map(|_| limit.check(now)).collect()
    }

    #[test]
    fn a_burst_passes_then_messages_are_refused_then_the_socket_closes() {
        let now = Instant::now();
        let mut limit = RateLimit::new(50, 100, now);
        assert!(feed(&mut limit, now, 100).iter().all(|&v| v == Verdict::Pass));
        assert!(feed(&mut limit, now, 100).iter().all(|&v| v == Verdict::Refuse));
        assert_eq!(limit.check(now), Verdict::Close);
    }

    #[test]
    fn the_average_passes_for_ever() {
        let mut now = Instant::now();
        let mut limit = RateLimit::new(50, 100, now);
        for _ in 0..10_000 {
            now += Duration::from_millis(21);
            assert_eq!(limit.check(now), Verdict::Pass);
        }
    }

    #[test]
    fn somebody_a_little_too_fast_for_ever_is_closed_in_the_end() {
        let mut now = Instant::now();
        let mut limit = RateLimit::new(50, 100, now);
        let closed = (0..10_000).any(|_| {
            now += Duration::from_millis(15);
            limit.check(now) == Verdict::Close
        });
        assert!(closed);
    }

    #[test]
    fn a_quiet_time_buys_new_patience() {
        let mut now = Instant::now();
        let mut limit = RateLimit::new(50, 100, now);
        feed(&mut limit, now, 190);
        now += Duration::from_secs(3);
        assert!(feed(&mut limit, now, 100).iter().all(|&v| v == Verdict::Pass));
        assert!(feed(&mut limit, now, 100).iter().all(|&v| v == Verdict::Refuse));
    }
}
