//! What the database is asked, how long it takes, and what goes wrong.

use std::time::Instant;

use hubbub_domain::StorageError;
use hubbub_domain::measure::{Counter, Histogram, Level, Times};

/// What a query is: it decides which connections it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads only.
    Read,
    /// One statement that writes.
    Write,
    /// Several statements that happen together or not at all.
    Transaction,
}

const KINDS: [&str; 3] = ["read", "write", "transaction"];
const ERRORS: [&str; 3] = ["unavailable", "full", "failed"];

/// The database's numbers at one moment. Counters count from the start of the process.
/// The default has everything, at 0.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsSnapshot {
    /// The pools of connections: one on Postgres, `readers` and `writer` on SQLite.
    pub pools: Vec<PoolSnapshot>,
    /// Queries that wait for a connection or an answer now.
    pub under_way: u64,
    /// How long queries took by kind, with waiting for a connection.
    pub queries: Vec<(&'static str, Histogram)>,
    /// Queries that failed, by kind of failure.
    pub errors: Vec<(&'static str, u64)>,
}

impl Default for MetricsSnapshot {
    fn default() -> Self {
        Metrics::default().snapshot(["readers", "writer"].map(|name| PoolSnapshot::new(name, 0, 0, 0)).to_vec())
    }
}

/// A pool of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSnapshot {
    /// Which.
    pub name: &'static str,
    /// Connections that are busy.
    pub used: u64,
    /// Connections that are open and idle.
    pub idle: u64,
    /// How many there may be.
    pub max: u64,
}

impl PoolSnapshot {
    pub(crate) fn new(name: &'static str, open: u32, idle: usize, max: u32) -> Self {
        let idle = u64::try_from(idle).unwrap_or(u64::MAX).min(open.into());
        Self { name, used: u64::from(open) - idle, idle, max: max.into() }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    under_way: Level,
    queries: [Times; KINDS.len()],
    errors: [Counter; ERRORS.len()],
}

impl Metrics {
    /// Waits for a query and counts it. One whose asker goes away is not counted.
    pub(crate) async fn measure<T>(
        &self,
        kind: Kind,
        query: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let present = self.under_way.enter();
        let started = Instant::now();
        let result = query.await;
        self.queries[kind as usize].observe(started.elapsed());
        drop(present);
        if let Err(error) = &result {
            let kind = match error {
                StorageError::Unavailable(_) => 0,
                StorageError::Full(_) => 1,
                StorageError::Failed(_) => 2,
            };
            self.errors[kind].increment();
        }
        result
    }

    pub(crate) fn snapshot(&self, pools: Vec<PoolSnapshot>) -> MetricsSnapshot {
        MetricsSnapshot {
            pools,
            under_way: self.under_way.get(),
            queries: KINDS.into_iter().zip(self.queries.each_ref().map(Times::snapshot)).collect(),
            errors: ERRORS.into_iter().zip(self.errors.each_ref().map(Counter::get)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn queries_are_counted_by_kind_and_failures_by_theirs() {
        let metrics = Metrics::default();
        metrics.measure(Kind::Read, async { Ok(()) }).await.unwrap();
        metrics.measure(Kind::Transaction, async { Ok(()) }).await.unwrap();
        metrics.measure(Kind::Write, async { Err::<(), _>(StorageError::Full(String::new())) }).await.unwrap_err();
        let never = metrics.measure(Kind::Read, std::future::pending::<Result<(), StorageError>>());
        let given_up = tokio::time::timeout(std::time::Duration::from_millis(1), never).await;
        assert!(given_up.is_err());
        let snapshot = metrics.snapshot(vec![PoolSnapshot::new("readers", 3, 2, 10)]);
        let counts: Vec<_> = snapshot.queries.iter().map(|(kind, times)| (*kind, times.count)).collect();
        assert_eq!(counts, [("read", 1), ("write", 1), ("transaction", 1)]);
        assert_eq!(snapshot.errors, [("unavailable", 0), ("full", 1), ("failed", 0)]);
        assert_eq!(snapshot.under_way, 0, "whoever gave up is not under way");
        assert_eq!((snapshot.pools[0].used, snapshot.pools[0].idle, snapshot.pools[0].max), (1, 2, 10));
    }
}
