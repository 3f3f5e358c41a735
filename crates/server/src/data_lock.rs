//! One server a data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};

/// Whoever works with the folder alone holds this file locked; the system lets go of it when the process ends, however.
const FILE: &str = "server.lock";

/// Keeps everybody else off the folder until it is dropped.
#[derive(Debug)]
pub(crate) struct DataLock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

/// Takes the folder.
///
/// # Errors
/// One line: that a server runs on it, or what the system says.
pub(crate) fn take(folder: &Path) -> anyhow::Result<DataLock> {
    let path = folder.join(FILE);
    let failed = || format!("{} cannot be locked", path.display());
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).with_context(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(DataLock(file)),
        Err(TryLockError::WouldBlock) => {
            bail!("a server runs on the data folder {}: end it, or set data.dir to another folder", folder.display())
        }
        Err(TryLockError::Error(e)) => Err(e).with_context(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_free_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let lock = take(folder.path()).unwrap();
        let error = take(folder.path()).unwrap_err().to_string();
        assert!(error.contains("a server runs on") && error.contains(&folder.path().display().to_string()), "{error}");
        drop(lock);
        take(folder.path()).unwrap();
    }
}
