//! Requests that rate limits refused, counted by limit.

use std::sync::Arc;

use hubbub_domain::measure::Counter;

/// The limits, as their keys in the configuration are called.
const LIMITS: [&str; 13] = [
    "requests",
    "register",
    "login",
    "login_account",
    "verify",
    "verify_account",
    "resend",
    "resend_account",
    "avatars",
    "rooms",
    "invites",
    "search",
    "admin",
];

/// What the API counts. Clones count into the same numbers.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    refused: Arc<[Counter; LIMITS.len()]>,
}

impl Metrics {
    /// Requests refused by each limit since the start of the process, by the limit's key in the configuration.
    #[must_use]
    pub fn rate_limited(&self) -> Vec<(&'static str, u64)> {
        LIMITS.into_iter().zip(self.refused.each_ref().map(Counter::get)).collect()
    }

    /// What counts the refusals of one limit.
    pub(crate) fn refusals(&self, limit: &'static str) -> Refusals {
        let index = LIMITS.iter().position(|name| *name == limit).expect("every limit is listed");
        Refusals { refused: self.refused.clone(), index }
    }
}

/// Counts the refusals of one limit.
#[derive(Debug)]
pub(crate) struct Refusals {
    refused: Arc<[Counter; LIMITS.len()]>,
    index: usize,
}

impl Refusals {
    pub(crate) fn increment(&self) {
        self.refused[self.index].increment();
    }
}
