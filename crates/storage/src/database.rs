//! The handle, and the macros that run one query text on either database.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hubbub_domain::storage::{Health, StorageError, StorageResult};
use sqlx::{PgPool, SqlitePool};

use crate::config::{Config, ConnectError};
use crate::metrics::{Kind, Metrics, MetricsSnapshot, PoolSnapshot};
use crate::{connect, error};

/// An open database with an up-to-date schema. Clones share the same connections.
#[derive(Clone)]
pub struct Database {
    pub(crate) pools: Pools,
    /// For a connection and an answer together.
    pub(crate) patience: Duration,
    metrics: Arc<Metrics>,
}

#[derive(Clone)]
pub(crate) enum Pools {
    /// `writer` has exactly one connection: whoever writes waits for its turn there.
    Sqlite {
        readers: SqlitePool,
        writer: SqlitePool,
    },
    Postgres(PgPool),
}

impl Database {
    /// Opens the database and runs the migrations it lacks.
    ///
    /// # Errors
    /// [`ConnectError`] says in one line what is wrong; an unreachable server is reported within the configured timeout.
    pub async fn connect(config: &Config) -> Result<Self, ConnectError> {
        let pools = connect::connect(config).await?;
        let database = Self { pools, patience: config.timeout * 2, metrics: Arc::default() };
        database.fold_names().await.map_err(ConnectError::Names)?;
        Ok(database)
    }

    /// Waits for running queries and closes all connections. Later queries fail as unavailable.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// What was counted so far, and the connections there are now.
    #[must_use]
    pub fn metrics(&self) -> MetricsSnapshot {
        let pools = match &self.pools {
            Pools::Sqlite { readers, writer } => [("readers", readers), ("writer", writer)]
                .map(|(name, pool)| {
                    PoolSnapshot::new(name, pool.size(), pool.num_idle(), pool.options().get_max_connections())
                })
                .to_vec(),
            Pools::Postgres(pool) => {
                let max = pool.options().get_max_connections();
                vec![PoolSnapshot::new("postgres", pool.size(), pool.num_idle(), max)]
            }
        };
        self.metrics.snapshot(pools)
    }

    /// Runs `work`, but not for longer than the database is given to answer, and counts it.
    pub(crate) async fn bounded<T>(
        &self,
        kind: Kind,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> StorageResult<T> {
        let bounded = async {
            match tokio::time::timeout(self.patience, work).await {
                Ok(done) => done.map_err(|e| error::storage_error(&e)),
                Err(_) => Err(StorageError::Unavailable(format!("no answer within {:?}", self.patience))),
            }
        };
        self.metrics.measure(kind, bounded).await
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.pools {
            Pools::Sqlite { .. } => "Database(SQLite)",
            Pools::Postgres(_) => "Database(Postgres)",
        })
    }
}

/// Reads: evaluates the expression with `$pool` bound to a pool of readers. `?` inside takes a `sqlx::Error`.
macro_rules! reading {
    ($database:expr, $pool:ident => $query:expr) => {
        $database
            .bounded($crate::metrics::Kind::Read, async {
                Ok(match &$database.pools {
                    $crate::database::Pools::Sqlite { readers: $pool, .. } => $query,
                    $crate::database::Pools::Postgres($pool) => $query,
                })
            })
            .await
    };
}
pub(crate) use reading;

/// Writes with a single statement, which is a transaction of its own.
macro_rules! writing {
    ($database:expr, $pool:ident => $query:expr) => {
        $database
            .bounded($crate::metrics::Kind::Write, async {
                Ok(match &$database.pools {
                    $crate::database::Pools::Sqlite { writer: $pool, .. } => $query,
                    $crate::database::Pools::Postgres($pool) => $query,
                })
            })
            .await
    };
}
pub(crate) use writing;

/// Writes with several statements that happen together or not at all: commits when the block ends; a `return` inside
/// (of a `Result<_, sqlx::Error>`) or an error takes everything back.
macro_rules! transaction {
    ($database:expr, $tx:ident => $work:block) => {
        $database
            .bounded($crate::metrics::Kind::Transaction, async {
                Ok(match &$database.pools {
                    $crate::database::Pools::Sqlite { writer, .. } => {
                        let mut $tx = writer.begin_with("BEGIN IMMEDIATE").await?;
                        let done = $work;
                        $tx.commit().await?;
                        done
                    }
                    $crate::database::Pools::Postgres(pool) => {
                        let mut $tx = pool.begin().await?;
                        let done = $work;
                        $tx.commit().await?;
                        done
                    }
                })
            })
            .await
    };
}
pub(crate) use transaction;

#[async_trait]
impl Health for Database {
    async fn ping(&self) -> StorageResult<()> {
        reading!(self, pool => {
            sqlx::query("SELECT 1").execute(pool).await?;
        })
    }
}
