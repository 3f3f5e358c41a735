//! Making a backup, beside a server that runs or without one.

use std::path::{Path, PathBuf};

use anyhow::Context;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::archive::{self, NewFile};
use super::sqlite_file;
use crate::config::Config;
use crate::secrets;

/// Writes everything the server keeps into the new file `target`; what was done, in one line.
///
/// # Errors
/// One line: `target` exists, the database is Postgres or damaged, there is no room.
pub(crate) async fn create(config: &Config, target: &Path) -> anyhow::Result<String> {
    let database = sqlite_file(config)?;
    // Proves that it is whole, and that a server has ever started here.
    secrets::load(config.data_dir())?;
    let (archive, file) = NewFile::create(target)?;
    let copy = beside(target, "database");
    let contents = copy_and_write(config, &database, &copy, file)
        .await
        .with_context(|| format!("no backup was made in {}", target.display()))?;
    let bytes = std::fs::metadata(archive.path())?.len();
    archive.keep();
    Ok(format!(
        "The backup is in {}: {} users and {} rooms, schema {}, {bytes} bytes. It holds secrets: whoever has it can be anybody.",
        target.display(),
        contents.users,
        contents.rooms,
        contents.schema,
    ))
}

async fn copy_and_write(
    config: &Config,
    database: &Path,
    copy: &Path,
    archive: std::fs::File,
) -> anyhow::Result<hubbub_storage::Contents> {
    // The copy is SQLite's to make, and would be as readable as the user's other files: it finds one that is closed.
    let (placeholder, _) = NewFile::create(copy)?;
    hubbub_storage::copy_sqlite(database, copy).await?;
    let contents = hubbub_storage::inspect_sqlite(copy).await?;
    let created_at = OffsetDateTime::now_utc().format(&Rfc3339)?;
    let secret = config.data_dir().join(secrets::FILE);
    archive::write(archive, created_at, &[(secrets::FILE, &secret), (super::DATABASE, copy)])?;
    drop(placeholder);
    Ok(contents)
}

/// A name for something that is there for a moment.
fn beside(target: &Path, what: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{what}-{}", std::process::id()));
    PathBuf::from(name)
}
