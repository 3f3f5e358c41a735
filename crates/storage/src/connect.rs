//! Opening: URL, file or server, migrations, pools.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, SqlitePool};

use crate::config::{Config, ConnectError};
use crate::database::Pools;
use crate::error;

/// What each SQLite connection keeps of the file, in KiB: the upper parts of its trees. The rest is in the system's page cache,
/// once for all connections and given up when memory is needed elsewhere.
const CACHE_KIB: u32 = 256;

pub(crate) static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
pub(crate) static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Opens what `config` names and brings its schema up to date.
pub(crate) async fn connect(config: &Config) -> Result<Pools, ConnectError> {
    if config.max_connections == 0 {
        return Err(ConnectError::NoConnections);
    }
    match config.url.split_once(':') {
        Some(("sqlite", path)) => sqlite(&sqlite_path(path)?, config).await,
        Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
            let options = PgConnectOptions::from_str(&config.url).map_err(|e| ConnectError::BadUrl(e.to_string()))?;
            postgres(options, config).await.map(Pools::Postgres)
        }
        Some((scheme, _)) => Err(ConnectError::BadUrl(format!("it begins with {scheme:?}"))),
        None => Err(ConnectError::BadUrl("it has no scheme".to_owned())),
    }
}

/// The newest schema of an SQLite database that this program knows.
pub(crate) fn newest_sqlite_schema() -> i64 {
    SQLITE_MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// The file behind `sqlite:<path>` and `sqlite://<path>`.
pub(crate) fn sqlite_path(text: &str) -> Result<PathBuf, ConnectError> {
    let path = text.strip_prefix("//").unwrap_or(text);
    match path {
        "" => Err(ConnectError::BadUrl("the path of the SQLite file is missing".to_owned())),
        ":memory:" => Err(ConnectError::BadUrl("a database in memory would be lost at the end".to_owned())),
        _ if path.contains('?') => Err(ConnectError::BadUrl("SQLite takes no parameters after '?'".to_owned())),
        _ => Ok(PathBuf::from(path)),
    }
}

async fn sqlite(path: &Path, config: &Config) -> Result<Pools, ConnectError> {
    make_private_file(path)
        .map_err(|e| ConnectError::NotWritable { path: path.to_owned(), reason: explain(&e, path) })?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", format!("-{CACHE_KIB}"))
        .busy_timeout(config.timeout);

    let failed = |e: &sqlx::Error| sqlite_failure(path, e);
    let mut first = options.connect().await.map_err(|e| failed(&e))?;
    SQLITE_MIGRATIONS.run_direct(None, &mut first, false).await.map_err(|e| match e {
        MigrateError::Execute(e) => failed(&e),
        e => migration_failure(path.display().to_string(), &e),
    })?;
    first.close().await.map_err(|e| failed(&e))?;

    let pool = |connections: u32| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(config.timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .before_acquire(|connection, _| {
                // When the disk is full SQLite ends a transaction by itself; the driver goes on counting it as open.
                // Such a connection is replaced.
                let usable = !connection.is_in_transaction();
                Box::pin(async move { Ok(usable) })
            })
    };
    let writer = pool(1).connect_with(options.clone().optimize_on_close(true, None)).await.map_err(|e| failed(&e))?;
    let readers: SqlitePool =
        pool(config.max_connections).connect_with(options.pragma("query_only", "ON")).await.map_err(|e| failed(&e))?;
    tracing::info!(db.system = "sqlite", db.path = %path.display(), "database opened");
    Ok(Pools::Sqlite { readers, writer })
}

/// Makes the file if it is missing, for its owner only, and sees that it can be written. SQLite gives its `-wal` and
/// `-shm` files the same permissions.
fn make_private_file(path: &Path) -> io::Result<()> {
    match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            file.sync_all()?;
            // The new name in the folder must survive power loss as well.
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            fs::File::open(folder)?.sync_all()
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().read(true).write(true).open(path).map(|_| ())
        }
        Err(e) => Err(e),
    }
}

pub(crate) fn explain(error: &io::Error, path: &Path) -> String {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    match (error.kind(), folder) {
        (io::ErrorKind::NotFound, Some(folder)) => format!("the folder {} does not exist", folder.display()),
        (io::ErrorKind::NotADirectory, Some(folder)) => format!("{} is not a folder", folder.display()),
        (io::ErrorKind::IsADirectory, _) => "it is a folder, not a file".to_owned(),
        (io::ErrorKind::PermissionDenied, _) => {
            "permission denied; the user that runs Hubbub must be able to write the file and its folder".to_owned()
        }
        _ => error.to_string(),
    }
}

pub(crate) fn sqlite_failure(path: &Path, error: &sqlx::Error) -> ConnectError {
    /// `SQLITE_READONLY` and `SQLITE_CANTOPEN`: file or folder cannot be written.
    const NOT_WRITABLE: [i32; 2] = [8, 14];
    let reason = error::message(error);
    if error::sqlite_primary_code(error).is_some_and(|code| NOT_WRITABLE.contains(&code)) {
        ConnectError::NotWritable { path: path.to_owned(), reason }
    } else {
        ConnectError::Refused { place: path.display().to_string(), reason }
    }
}

async fn postgres(options: PgConnectOptions, config: &Config) -> Result<PgPool, ConnectError> {
    let place = postgres_place(&options);
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("hubbub"),
    };

    // A connection of its own first: it knows why it failed, where a pool would only say that time ran out, and
    // migrations may take longer than queries.
    let mut first = match tokio::time::timeout(config.timeout, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(e)) => return Err(postgres_failure(place, &e)),
        Err(_) => {
            let reason = format!("no answer within {:?}", config.timeout);
            return Err(ConnectError::Unreachable { place, reason });
        }
    };
    POSTGRES_MIGRATIONS.run_direct(None, &mut first, false).await.map_err(|e| migration_failure(place.clone(), &e))?;
    if let Err(e) = first.close().await {
        tracing::debug!(error = %e, "closing the connection that migrated");
    }

    let statement_timeout = config.timeout.as_millis().to_string();
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(config.timeout)
        .after_connect(move |connection, _| {
            let statement_timeout = statement_timeout.clone();
            Box::pin(async move { prepare_session(connection, statement_timeout).await })
        })
        .connect_lazy_with(options);
    tracing::info!(db.system = "postgresql", db.place = place, "database opened");
    Ok(pool)
}

/// What it means that a connection could not be made.
pub(crate) fn postgres_failure(place: String, error: &sqlx::Error) -> ConnectError {
    let reason = error::message(error);
    match error {
        sqlx::Error::Database(_) => ConnectError::Refused { place, reason },
        _ => ConnectError::Unreachable { place, reason },
    }
}

/// Ends runaway statements in the server too, and lifts a `synchronous_commit = off` of the server's configuration: an
/// acknowledged write must be on disk. Stricter values stay.
async fn prepare_session(connection: &mut PgConnection, statement_timeout: String) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT set_config('statement_timeout', $1, false),
                CASE current_setting('synchronous_commit')
                    WHEN 'off' THEN set_config('synchronous_commit', 'on', false)
                END",
    )
    .bind(statement_timeout)
    .execute(connection)
    .await
    .map(|_| ())
}

pub(crate) fn postgres_place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    match options.get_socket() {
        Some(socket) => format!("{}/{database}", socket.display()),
        None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

fn migration_failure(place: String, failure: &MigrateError) -> ConnectError {
    match failure {
        MigrateError::VersionMissing(version) => ConnectError::NewerSchema { place, version: *version },
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => {
            ConnectError::Migration { place, reason: error::message(e) }
        }
        other => ConnectError::Migration { place, reason: other.to_string() },
    }
}
