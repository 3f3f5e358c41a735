//! Copies of an SQLite database: made while others write, and looked at before they take a database's place.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use thiserror::Error;

use crate::config::ConnectError;
use crate::{connect, error};

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The version of its schema.
    pub schema: i64,
    /// Accounts.
    pub users: u64,
    /// Rooms.
    pub rooms: u64,
}

/// Why there is no copy, or none that could be used: one line each.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The database cannot be read, or the copy not be written.
    #[error("the database {} cannot be copied: {reason}", path.display())]
    Failed {
        /// The database.
        path: PathBuf,
        /// What the system or SQLite says.
        reason: String,
    },
    /// What is in the file is not whole.
    #[error("the database {} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
        reason: String,
    },
    /// A newer version of Hubbub made it.
    #[error(
        "the database {} has schema version {version}, which is newer than this program: use the newer version of Hubbub",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version that this program does not know.
        version: i64,
    },
}

/// The file of an SQLite database; `None` for a database server.
///
/// # Errors
/// [`ConnectError::BadUrl`] when the URL names no file.
pub fn sqlite_file(url: &str) -> Result<Option<PathBuf>, ConnectError> {
    url.strip_prefix("sqlite:").map(connect::sqlite_path).transpose()
}

/// Writes the database in the file `from` as it is at one moment into the new file `to`, and sees it safe on the disk. Whoever
/// uses the database meanwhile, a server too, notices nothing. Nothing is migrated.
///
/// # Errors
/// [`CopyError::Failed`].
pub async fn copy_sqlite(from: &Path, to: &Path) -> Result<(), CopyError> {
    let failed = |reason: String| CopyError::Failed { path: from.to_owned(), reason };
    let target = to.to_str().ok_or_else(|| failed(format!("{} is not UTF-8", to.display())))?;
    let options = SqliteConnectOptions::new().filename(from).create_if_missing(false);
    let mut connection = options.connect().await.map_err(|e| failed(error::message(&e)))?;
    let copied = sqlx::query("VACUUM INTO $1").bind(target).execute(&mut connection).await;
    copied.map_err(|e| failed(error::message(&e)))?;
    connection.close().await.map_err(|e| failed(error::message(&e)))?;
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(|e| failed(e.to_string()))
}

/// Looks through the whole copy in the file `path`, which nobody else may be using.
///
/// # Errors
/// [`CopyError::Damaged`] or [`CopyError::Newer`].
pub async fn inspect_sqlite(path: &Path) -> Result<Contents, CopyError> {
    let damaged = |reason: String| CopyError::Damaged { path: path.to_owned(), reason };
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false).immutable(true).read_only(true);
    let mut connection = options.connect().await.map_err(|e| damaged(error::message(&e)))?;
    let looked = look(&mut connection).await.map_err(|e| damaged(error::message(&e)))?;
    connection.close().await.map_err(|e| damaged(error::message(&e)))?;
    match looked {
        Look::Whole(contents) if contents.schema > connect::newest_sqlite_schema() => {
            Err(CopyError::Newer { path: path.to_owned(), version: contents.schema })
        }
        Look::Whole(contents) => Ok(contents),
        Look::Broken(reason) => Err(damaged(reason)),
    }
}

enum Look {
    Whole(Contents),
    Broken(String),
}

async fn look(connection: &mut SqliteConnection) -> Result<Look, sqlx::Error> {
    let verdict: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut *connection).await?;
    if verdict != "ok" {
        return Ok(Look::Broken(verdict));
    }
    if sqlx::query("PRAGMA foreign_key_check").fetch_optional(&mut *connection).await?.is_some() {
        return Ok(Look::Broken("a row refers to one that is missing".to_owned()));
    }
    let tables =
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('_sqlx_migrations', 'users', 'rooms')";
    if sqlx::query_scalar::<_, i64>(tables).fetch_one(&mut *connection).await? != 3 {
        return Ok(Look::Broken("it is no database of Hubbub's".to_owned()));
    }
    let schema = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(Look::Whole(Contents {
        schema: sqlx::query_scalar(schema).fetch_one(&mut *connection).await?,
        users: count(sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&mut *connection).await?),
        rooms: count(sqlx::query_scalar("SELECT count(*) FROM rooms").fetch_one(&mut *connection).await?),
    }))
}
