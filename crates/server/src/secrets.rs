//! The data folder and the secret all keys are derived from: made on first start, readable by the owner only.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rand::TryRng;
use thiserror::Error;

/// The name of the file inside the data folder.
pub(crate) const FILE: &str = "secret.key";

/// The size of the secret in bytes.
const LENGTH: usize = 32;

/// Why the data folder cannot be used: one line that names the path.
#[derive(Debug, Error)]
pub(crate) enum DataError {
    /// The folder cannot be made or written to.
    #[error("the data folder {path} cannot be used: {source}; set data.dir to a folder that this user may write to")]
    Folder {
        /// Which.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The secret cannot be read or made.
    #[error("the secret {path} cannot be used: {source}")]
    Secret {
        /// Which.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// No server has ever started on this folder.
    #[error(
        "the data folder {path} has no {FILE}: start the server once, or name its folder by data.dir (--config FILE or HUBBUB__DATA__DIR)"
    )]
    NoServer {
        /// Which.
        path: String,
    },
    /// The secret has another size than it was made with.
    #[error(
        "the secret {path} is damaged: it has {length} bytes, not {LENGTH}; restore it from a backup, or delete it and everybody has to log in again"
    )]
    Damaged {
        /// Which.
        path: String,
        /// Bytes found.
        length: usize,
    },
}

/// Makes the folder if it is not there, closes it to other users, and proves that it can be written to.
///
/// A folder that belongs to somebody else cannot be closed, as a volume that a group may write to (Kubernetes: `fsGroup`). The log
/// says so; what is written into it is for its owner only all the same.
///
/// # Errors
/// [`DataError::Folder`].
pub(crate) fn prepare_folder(folder: &Path) -> Result<(), DataError> {
    let failed = |source| DataError::Folder { path: folder.display().to_string(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let closed = close(folder, 0o700);
    unless_not_ours(folder, closed).map_err(failed)?;
    let probe = folder.join(format!(".write-test-{}", std::process::id()));
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&probe).map_err(failed)?;
    fs::remove_file(&probe).map_err(failed)
}

/// The secret of an installation that a server has made.
///
/// # Errors
/// [`DataError::NoServer`] when there is none, else as [`load_or_create`].
pub(crate) fn load(folder: &Path) -> Result<[u8; LENGTH], DataError> {
    match folder.join(FILE).try_exists() {
        Ok(false) => Err(DataError::NoServer { path: folder.display().to_string() }),
        _ => load_or_create(folder),
    }
}

/// The secret of this installation; made from the system's random numbers on first start.
///
/// # Errors
/// [`DataError::Secret`] or [`DataError::Damaged`].
pub(crate) fn load_or_create(folder: &Path) -> Result<[u8; LENGTH], DataError> {
    let path = folder.join(FILE);
    let shown = || path.display().to_string();
    let failed = |source| DataError::Secret { path: shown(), source };
    match OpenOptions::new().read(true).open(&path) {
        Ok(mut file) => {
            close(&path, 0o600).map_err(failed)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(failed)?;
            let length = bytes.len();
            bytes.try_into().map_err(|_| DataError::Damaged { path: shown(), length })
        }
        Err(e) if e.kind() == ErrorKind::NotFound => create(folder, &path).map_err(failed),
        Err(e) => Err(failed(e)),
    }
}

/// Looks whether a file can be an installation's secret.
///
/// # Errors
/// [`DataError::Secret`] or [`DataError::Damaged`].
pub(crate) fn check_length(path: &Path) -> Result<(), DataError> {
    let shown = || path.display().to_string();
    let length = fs::metadata(path).map_err(|source| DataError::Secret { path: shown(), source })?.len();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length == LENGTH { Ok(()) } else { Err(DataError::Damaged { path: shown(), length }) }
}

fn create(folder: &Path, path: &Path) -> io::Result<[u8; LENGTH]> {
    let mut secret = [0; LENGTH];
    rand::rngs::SysRng.try_fill_bytes(&mut secret).map_err(io::Error::other)?;
    write_private(folder, path, &secret)?;
    Ok(secret)
}

/// Writes a file in `folder` that its owner alone may read, all of it or nothing: beside its place first.
///
/// # Errors
/// What the system says.
pub(crate) fn write_private(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    fs::File::open(folder)?.sync_all()
}

/// Goes on with a folder that only its owner could have closed, with a warning.
fn unless_not_ours(folder: &Path, closed: io::Result<()>) -> io::Result<()> {
    match closed {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            tracing::warn!(
                path = %folder.display(),
                "the data folder belongs to another user and is open to more than this server's; expected is a folder of the server's user with mode 0700"
            );
            Ok(())
        }
        other => other,
    }
}

/// Takes away what group and others may do, if anything.
fn close(path: &Path, mode: u32) -> io::Result<()> {
    let found = fs::metadata(path)?.permissions().mode() & 0o777;
    if found & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(found & mode))?;
        tracing::warn!(path = %path.display(), "other users could read this; permissions were tightened");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_first_start_makes_folder_and_secret_for_the_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b");
        prepare_folder(&folder).unwrap();
        let secret = load_or_create(&folder).unwrap();
        assert_eq!((mode(&folder), mode(&folder.join(FILE))), (0o700, 0o600));
        assert_ne!(secret, [0; LENGTH]);
        assert_eq!(load_or_create(&folder).unwrap(), secret, "the second start finds the same secret");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no probe or temporary file is left");
    }

    #[test]
    fn open_permissions_are_tightened() {
        let folder = tempfile::tempdir().unwrap();
        load_or_create(folder.path()).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(folder.path().join(FILE), Permissions::from_mode(0o644)).unwrap();
        prepare_folder(folder.path()).unwrap();
        load_or_create(folder.path()).unwrap();
        assert_eq!((mode(folder.path()), mode(&folder.path().join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn a_folder_of_somebody_else_stays_open_and_is_used() {
        let folder = Path::new("/data");
        unless_not_ours(folder, Err(rustix::io::Errno::PERM.into())).unwrap();
        let error = unless_not_ours(folder, Err(ErrorKind::ReadOnlyFilesystem.into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem);
    }

    #[test]
    fn a_damaged_secret_is_named_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), b"short").unwrap();
        let error = load_or_create(folder.path()).unwrap_err().to_string();
        assert!(error.contains("secret.key is damaged: it has 5 bytes, not 32"), "{error}");
        assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), b"short");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = prepare_folder(&file.path().join("data")).unwrap_err().to_string();
        assert!(error.contains(&file.path().display().to_string()), "{error}");
    }
}
