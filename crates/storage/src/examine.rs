//! Looking at a database without changing it: can it be reached, is its schema that of this program, does it take writes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use crate::config::{Config, ConnectError};
use crate::connect::{
    POSTGRES_MIGRATIONS, SQLITE_MIGRATIONS, explain, postgres_failure, postgres_place, sqlite_failure, sqlite_path,
};
use crate::error;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Examined {
    /// The SQLite file does not exist yet, and its folder does; the server makes the file when it starts.
    NotMade {
        /// The file.
        place: String,
    },
    /// It is there and works.
    Works(Examination),
}

/// A database that answers and takes writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// The file, or host, port and name.
    pub place: String,
    /// The schema's version: the number of the newest migration, 0 for none.
    pub schema: i64,
    /// Migrations that the next start will run.
    pub pending: usize,
    /// How long one query took.
    pub latency: Duration,
    /// How long a write took that was taken back.
    pub write: Duration,
    /// What the database server's clock said, in microseconds since 1970, and the time by this machine's halfway through
    /// that query; `None` for SQLite, which has no clock of its own.
    pub clocks: Option<(i64, i64)>,
}

/// Connects, compares the schema's migrations with this program's, asks once and writes once into a transaction that is
/// rolled back. Makes no file and runs no migration.
///
/// # Errors
/// As [`crate::Database::connect`]; a write that is refused is [`ConnectError::Refused`] or [`ConnectError::NotWritable`].
pub async fn examine(config: &Config) -> Result<Examined, ConnectError> {
    match config.url.split_once(':') {
        Some(("sqlite", path)) => sqlite(&sqlite_path(path)?, config).await,
        Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
            let options = PgConnectOptions::from_str(&config.url).map_err(|e| ConnectError::BadUrl(e.to_string()))?;
            let place = postgres_place(&options);
            let unreachable = |reason| ConnectError::Unreachable { place: place.clone(), reason };
            let connecting = tokio::time::timeout(config.timeout, options.connect()).await;
            let mut connection = connecting
                .map_err(|_| unreachable(format!("no answer within {:?}", config.timeout)))?
                .map_err(|e| postgres_failure(place.clone(), &e))?;
            let looking = tokio::time::timeout(config.timeout * 2, postgres(&mut connection, &place)).await;
            looking.map_err(|_| unreachable(format!("no answer within {:?}", config.timeout * 2)))?
        }
        Some((scheme, _)) => Err(ConnectError::BadUrl(format!("it begins with {scheme:?}"))),
        None => Err(ConnectError::BadUrl("it has no scheme".to_owned())),
    }
}

async fn sqlite(path: &Path, config: &Config) -> Result<Examined, ConnectError> {
    let place = path.display().to_string();
    match std::fs::OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if folder.is_dir() {
                return Ok(Examined::NotMade { place });
            }
            return Err(ConnectError::NotWritable { path: path.to_owned(), reason: explain(&e, path) });
        }
        Err(e) => return Err(ConnectError::NotWritable { path: path.to_owned(), reason: explain(&e, path) }),
    }
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false).busy_timeout(config.timeout);
    let failed = |e: &sqlx::Error| sqlite_failure(path, e);
    let mut connection = options.connect().await.map_err(|e| failed(&e))?;
    let (latency, applied) = timed(sqlite_migrations(&mut connection)).await;
    let applied = applied.map_err(|e| failed(&e))?;
    let (write, written) = timed(sqlite_write(&mut connection)).await;
    written.map_err(|e| failed(&e))?;
    let _ = connection.close().await;
    let (schema, pending) = compare(&SQLITE_MIGRATIONS, &applied, &place)?;
    Ok(Examined::Works(Examination { place, schema, pending, latency, write, clocks: None }))
}

async fn postgres(connection: &mut PgConnection, place: &str) -> Result<Examined, ConnectError> {
    let failed = |e: &sqlx::Error| ConnectError::Refused { place: place.to_owned(), reason: error::message(e) };
    let before = microseconds();
    let asking = sqlx::query_scalar("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
    let (latency, theirs) = timed(asking.fetch_one(&mut *connection)).await;
    let theirs: i64 = theirs.map_err(|e| failed(&e))?;
    let ours = before + (microseconds() - before) / 2;
    let applied = postgres_migrations(connection).await.map_err(|e| failed(&e))?;
    let (write, written) = timed(postgres_write(connection)).await;
    written.map_err(|e| failed(&e))?;
    let (schema, pending) = compare(&POSTGRES_MIGRATIONS, &applied, place)?;
    let clocks = Some((theirs, ours));
    Ok(Examined::Works(Examination { place: place.to_owned(), schema, pending, latency, write, clocks }))
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let started = Instant::now();
    let done = work.await;
    (started.elapsed(), done)
}

fn microseconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Number, whether it went through, and checksum.
type Applied = (i64, bool, Vec<u8>);

const LIST: &str = "SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version";

async fn sqlite_migrations(connection: &mut SqliteConnection) -> sqlx::Result<Vec<Applied>> {
    let table = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    let found: i64 = sqlx::query_scalar(table).fetch_one(&mut *connection).await?;
    if found == 0 { Ok(Vec::new()) } else { sqlx::query_as(LIST).fetch_all(connection).await }
}

async fn postgres_migrations(connection: &mut PgConnection) -> sqlx::Result<Vec<Applied>> {
    let table = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    let found: bool = sqlx::query_scalar(table).fetch_one(&mut *connection).await?;
    if found { sqlx::query_as(LIST).fetch_all(connection).await } else { Ok(Vec::new()) }
}

/// The write, which needs the right to make tables, as migrations do.
const WRITE: [&str; 2] = ["CREATE TABLE hubbub_write_test (x INTEGER)", "INSERT INTO hubbub_write_test VALUES (1)"];

async fn sqlite_write(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for statement in WRITE {
        sqlx::query(statement).execute(&mut *transaction).await?;
    }
    transaction.rollback().await
}

async fn postgres_write(connection: &mut PgConnection) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    for statement in WRITE {
        sqlx::query(statement).execute(&mut *transaction).await?;
    }
    transaction.rollback().await
}

/// The schema's version, and how many migrations it lacks.
fn compare(known: &Migrator, applied: &[Applied], place: &str) -> Result<(i64, usize), ConnectError> {
    let broken = |reason: String| ConnectError::Migration { place: place.to_owned(), reason };
    let checksums: BTreeMap<i64, &Cow<'_, [u8]>> = known.iter().map(|m| (m.version, &m.checksum)).collect();
    for (version, success, checksum) in applied {
        let Some(ours) = checksums.get(version) else {
            return Err(ConnectError::NewerSchema { place: place.to_owned(), version: *version });
        };
        if !success {
            return Err(broken(format!("migration {version} ended half-way; restore the backup made before it")));
        }
        if ***ours != **checksum {
            return Err(broken(format!("migration {version} is another one than this program's")));
        }
    }
    Ok((applied.last().map_or(0, |(version, ..)| *version), checksums.len() - applied.len()))
}
