//! Putting a backup in the place of what is there, while no server runs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use time::OffsetDateTime;

use super::{DATABASE, archive, sqlite_file};
use crate::config::Config;
use crate::{data_lock, secrets};

/// Checks the backup `source` from end to end, then puts it where the configuration says. With `force` what is there is moved
/// aside, else it is refused. What was done, in one line.
///
/// # Errors
/// One line: `source` is damaged or newer than this program, a server runs on the data folder, or there is data.
pub(crate) async fn restore(config: &Config, source: &Path, force: bool) -> anyhow::Result<String> {
    let database = sqlite_file(config)?;
    let folder = config.data_dir();
    secrets::prepare_folder(folder)?;
    let _lock = data_lock::take(folder)?;

    let secret = folder.join(secrets::FILE);
    let there: Vec<PathBuf> = with_logs(&database).into_iter().chain([secret.clone()]).filter(|p| p.exists()).collect();
    if let (Some(path), false) = (there.first(), force) {
        bail!(
            "{} exists: restore into an empty data folder, or use --force, which moves what is there aside",
            path.display()
        );
    }

    let (new_secret, new_database) = (secret.with_extension("restored"), database.with_extension("restored"));
    let (manifest, taken) = archive::extract(source, &[(secrets::FILE, &new_secret), (DATABASE, &new_database)])?;
    secrets::check_length(&new_secret)?;
    let contents = hubbub_storage::inspect_sqlite(&new_database).await?;

    let aside = move_aside(folder, &there)?;
    fs::rename(&new_database, &database).with_context(|| format!("{} cannot be put in place", database.display()))?;
    fs::rename(&new_secret, &secret).with_context(|| format!("{} cannot be put in place", secret.display()))?;
    for new in taken {
        new.keep();
    }
    for path in [&database, &secret] {
        sync_folder_of(path)?;
    }
    let before = aside.map_or_else(String::new, |aside| format!(" What was there is in {}.", aside.display()));
    Ok(format!(
        "{} users and {} rooms of {} are back.{before} Start the server.",
        contents.users, contents.rooms, manifest.created_at
    ))
}

/// An SQLite database and the files beside it that belong to it.
fn with_logs(database: &Path) -> [PathBuf; 3] {
    let beside = |suffix: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    [database.to_owned(), beside("-wal"), beside("-shm")]
}

/// Moves `files` into a new folder; where that is.
fn move_aside(folder: &Path, files: &[PathBuf]) -> anyhow::Result<Option<PathBuf>> {
    if files.is_empty() {
        return Ok(None);
    }
    let aside = folder.join(format!("before-restore-{}", OffsetDateTime::now_utc().unix_timestamp()));
    secrets::prepare_folder(&aside)?;
    for file in files {
        let name = file.file_name().context("a file has a name")?;
        fs::rename(file, aside.join(name))
            .with_context(|| format!("{} cannot be moved to {}", file.display(), aside.display()))?;
    }
    Ok(Some(aside))
}

/// The new name must survive power loss too.
fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}
