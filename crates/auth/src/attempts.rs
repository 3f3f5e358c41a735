//! What must be remembered for seconds to minutes and by all nodes alike: which tickets were used, and how often a code
//! was guessed for an address that has no account.
//!
//! [`LocalAttempts`] keeps it in memory and is right for one node; several nodes share an implementation on Redis.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;

use async_trait::async_trait;
use hubbub_domain::Timestamp;
use hubbub_domain::storage::StorageResult;
use std::sync::Mutex;

/// What is remembered, under a keyed hash: neither addresses nor ticket numbers can be read out of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptKey(pub [u8; 32]);

impl fmt::Debug for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttemptKey(…)")
    }
}

/// Short-lived, shared memory. Every method is atomic.
#[async_trait]
pub trait Attempts: Send + Sync + 'static {
    /// Whether this is the first use of `key` before `until`. When memory is full the answer is `false`: rather refuse a
    /// ticket than take one twice.
    async fn use_once(&self, key: AttemptKey, now: Timestamp, until: Timestamp) -> StorageResult<bool>;

    /// Takes one of `limit` tries for `key`; whether there was one. Forgotten at `until` of the first try, or earlier
    /// when memory is full.
    async fn take_try(&self, key: AttemptKey, limit: u32, now: Timestamp, until: Timestamp) -> StorageResult<bool>;

    /// Gives `key` all its tries back.
    async fn reset_tries(&self, key: AttemptKey) -> StorageResult<()>;
}

/// In the memory of one process, bounded.
#[derive(Debug)]
pub struct LocalAttempts {
    used: Mutex<Expiring<()>>,
    tries: Mutex<Expiring<u32>>,
}

impl LocalAttempts {
    /// Entries of each kind by default: 100 000 entries are about 10 MB.
    pub const DEFAULT_CAPACITY: usize = 100_000;

    /// Remembers at most `capacity` uses and as many counts of tries.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { used: Mutex::new(Expiring::new(capacity)), tries: Mutex::new(Expiring::new(capacity)) }
    }
}

impl Default for LocalAttempts {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}

#[async_trait]
impl Attempts for LocalAttempts {
    async fn use_once(&self, key: AttemptKey, now: Timestamp, until: Timestamp) -> StorageResult<bool> {
        let mut used = self.used.lock().expect("no code panics while it holds this lock");
        used.forget_expired(now);
        if used.entries.contains_key(&key) || used.is_full() {
            return Ok(false);
        }
        used.insert(key, (), until);
        Ok(true)
    }

    async fn take_try(&self, key: AttemptKey, limit: u32, now: Timestamp, until: Timestamp) -> StorageResult<bool> {
        let mut tries = self.tries.lock().expect("no code panics while it holds this lock");
        tries.forget_expired(now);
        if let Some((taken, _)) = tries.entries.get_mut(&key) {
            let allowed = *taken < limit;
            *taken = taken.saturating_add(1);
            return Ok(allowed);
        }
        if tries.is_full() {
            tries.forget_next();
        }
        tries.insert(key, 1, until);
        Ok(limit > 0)
    }

    async fn reset_tries(&self, key: AttemptKey) -> StorageResult<()> {
        self.tries.lock().expect("no code panics while it holds this lock").entries.remove(&key);
        Ok(())
    }
}

/// A map whose entries end. The heap may hold stale entries for keys that were removed; they are skipped by comparing the
/// time, and bounded because the map is emptied of them as their time comes.
#[derive(Debug)]
struct Expiring<V> {
    capacity: usize,
    entries: HashMap<AttemptKey, (V, Timestamp)>,
    by_end: BinaryHeap<Reverse<(Timestamp, AttemptKey)>>,
}

impl<V> Expiring<V> {
    fn new(capacity: usize) -> Self {
        Self { capacity, entries: HashMap::new(), by_end: BinaryHeap::new() }
    }

    fn is_full(&self) -> bool {
        self.by_end.len() >= self.capacity
    }

    fn insert(&mut self, key: AttemptKey, value: V, until: Timestamp) {
        self.entries.insert(key, (value, until));
        self.by_end.push(Reverse((until, key)));
    }

    fn forget_expired(&mut self, now: Timestamp) {
        while self.by_end.peek().is_some_and(|Reverse((until, _))| *until <= now) {
            self.forget_next();
        }
    }

    fn forget_next(&mut self) {
        if let Some(Reverse((until, key))) = self.by_end.pop()
            && self.entries.get(&key).is_some_and(|(_, end)| *end == until)
        {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Timestamp = Timestamp(1_000_000);

    fn key(n: u8) -> AttemptKey {
        AttemptKey([n; 32])
    }

    fn later(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    #[tokio::test]
    async fn a_key_serves_once_until_its_end() {
        let memory = LocalAttempts::new(10);
        assert!(memory.use_once(key(1), START, later(30)).await.unwrap());
        assert!(!memory.use_once(key(1), later(29), later(60)).await.unwrap());
        assert!(memory.use_once(key(2), START, later(30)).await.unwrap());
        assert!(memory.use_once(key(1), later(30), later(60)).await.unwrap());
    }

    #[tokio::test]
    async fn full_of_live_uses_it_refuses_rather_than_forgets() {
        let memory = LocalAttempts::new(2);
        for n in 0..2 {
            assert!(memory.use_once(key(n), START, later(30)).await.unwrap());
        }
        assert!(!memory.use_once(key(9), START, later(30)).await.unwrap());
        assert!(!memory.use_once(key(0), START, later(30)).await.unwrap(), "nothing was forgotten");
        assert!(memory.use_once(key(9), later(30), later(60)).await.unwrap(), "room again after the end");
    }

    #[tokio::test]
    async fn tries_run_out_and_come_back() {
        let memory = LocalAttempts::new(10);
        for _ in 0..5 {
            assert!(memory.take_try(key(1), 5, START, later(900)).await.unwrap());
        }
        assert!(!memory.take_try(key(1), 5, START, later(900)).await.unwrap());
        assert!(memory.take_try(key(2), 5, START, later(900)).await.unwrap(), "others are not affected");
        memory.reset_tries(key(1)).await.unwrap();
        assert!(memory.take_try(key(1), 5, START, later(900)).await.unwrap());
    }

    #[tokio::test]
    async fn counts_stay_within_the_capacity() {
        let memory = LocalAttempts::new(3);
        for n in 0..100 {
            memory.take_try(key(n), 5, START, later(u64::from(n) + 1)).await.unwrap();
            memory.reset_tries(key(n / 2)).await.unwrap();
        }
        let tries = memory.tries.lock().unwrap();
        assert!(tries.entries.len() <= 3 && tries.by_end.len() <= 3);
    }
}
