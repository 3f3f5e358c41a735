//! Which database to open, and why opening it may fail.

use std::path::PathBuf;
use std::time::Duration;

use hubbub_domain::StorageError;
use thiserror::Error;

/// Which database to use, and how.
#[derive(Clone)]
pub struct Config {
    /// `sqlite:<path>` (the path is taken as it stands, relative to the working directory; the folder must exist, the
    /// file is made if it is missing, readable by its owner only) or `postgres://user:password@host:port/database`.
    pub url: String,
    /// Most connections at once, at least 1. With SQLite this many read, and one more writes. More let more queries run
    /// side by side and cost memory in the database server; fewer make requests wait for each other.
    pub max_connections: u32,
    /// How long a query may wait for a connection, and then for its answer, before it fails as unavailable. Longer
    /// rides out a slow disk; shorter tells users sooner that something is wrong.
    pub timeout: Duration,
}

impl Config {
    /// `url` with 10 connections and a timeout of 5 seconds.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), max_connections: 10, timeout: Duration::from_secs(5) }
    }
}

/// Without the URL, which may hold a password.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("max_connections", &self.max_connections)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Why a database could not be opened: one line each, without the password of the URL.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The URL names no database.
    #[error("the database URL is not usable: {0}; expected sqlite:<path> or postgres://user:password@host/database")]
    BadUrl(String),
    /// `max_connections` is 0.
    #[error("the database pool must have at least 1 connection, has 0")]
    NoConnections,
    /// The file cannot be opened, made or written, or its folder cannot.
    #[error("the database file {} cannot be opened for writing: {reason}", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the operating system or SQLite says.
        reason: String,
    },
    /// No answer from the server.
    #[error("the database server at {place} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port, or socket, and database.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// The server or the file answers, but does not let us work with it: wrong password, no such database, not a
    /// database.
    #[error("the database at {place} refused: {reason}")]
    Refused {
        /// Which.
        place: String,
        /// What it says.
        reason: String,
    },
    /// A newer version of Hubbub has changed the schema.
    #[error(
        "the database at {place} has schema version {version}, which is newer than this program: use the newer \
         version of Hubbub, or restore a backup made before the upgrade"
    )]
    NewerSchema {
        /// Which.
        place: String,
        /// The version that this program does not know.
        version: i64,
    },
    /// Bringing the schema up to date failed.
    #[error("the schema of the database at {place} could not be brought up to date: {reason}")]
    Migration {
        /// Which.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// Filling in what the new schema needs failed.
    #[error("the names in the database could not be made ready for searching: {0}")]
    Names(#[source] StorageError),
}
