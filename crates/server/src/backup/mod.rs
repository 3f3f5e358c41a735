//! `hubbub backup` and `hubbub restore`: everything a server on SQLite keeps, in one file.
//!
//! The file is a tar archive with three members in this order: `manifest.json`, which says how long the others are and what
//! their SHA-256 is, `secret.key` and `hubbub.db`. Pictures are in the database. Postgres has its own tools for this, which
//! docs/OPERATIONS.md names.

mod archive;
mod create;
mod restore;

use std::path::PathBuf;

use anyhow::bail;

use crate::config::Config;

pub(crate) use create::create;
pub(crate) use restore::restore;

/// What the database is called in the archive.
const DATABASE: &str = "hubbub.db";

/// The SQLite file that the configuration names.
///
/// # Errors
/// That it names Postgres, and what to do then.
fn sqlite_file(config: &Config) -> anyhow::Result<PathBuf> {
    match hubbub_storage::sqlite_file(&config.for_storage().url)? {
        Some(path) => Ok(path),
        None => bail!(
            "this is for SQLite, and storage.url names Postgres: use pg_dump and pg_restore, and keep secret.key of the data \
             folder with the dump; docs/OPERATIONS.md has the commands"
        ),
    }
}
