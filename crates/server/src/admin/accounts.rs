//! The accounts file: users with tokens, for programs such as `hubbub-loadtest`. Whoever reads it can be these users, so it
//! is its owner's only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hubbub_auth::Minted;
use hubbub_domain::Timestamp;
use hubbub_domain::user::Email;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Failure;

/// One user in the file. Other members that a person added are kept.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account {
    pub(super) email: String,
    access_token: Option<String>,
    expires_at: Option<String>,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

impl Account {
    pub(super) fn new(email: &Email, token: &Minted) -> Self {
        let mut account = Self {
            email: email.as_str().to_owned(),
            access_token: None,
            expires_at: None,
            others: serde_json::Map::new(),
        };
        account.set_token(token);
        account
    }

    pub(super) fn set_token(&mut self, token: &Minted) {
        self.access_token = Some(token.access.expose().to_owned());
        self.expires_at = Some(rfc3339(token.expires_at));
    }
}

/// A file that is there, empty, and goes again unless it is finished.
pub(super) struct NewFile {
    path: PathBuf,
    file: File,
    finished: bool,
}

impl NewFile {
    /// Makes it, for its owner only.
    ///
    /// # Errors
    /// That it exists, or why it cannot be made.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => Ok(Self { path: path.to_owned(), file, finished: false }),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                Err(Failure::Input(format!("{} exists and is not overwritten; give another name", path.display())))
            }
            Err(e) => Err(Failure::Input(format!("{} cannot be made: {e}", path.display()))),
        }
    }

    /// Writes the accounts, one a line.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn finish(mut self, accounts: &[Account]) -> Result<(), Failure> {
        self.write(accounts)
            .map_err(|e| Failure::Failed(anyhow::anyhow!("{} cannot be written: {e}", self.path.display())))?;
        self.finished = true;
        Ok(())
    }

    fn write(&mut self, accounts: &[Account]) -> io::Result<()> {
        let lines: Result<Vec<String>, _> = accounts.iter().map(serde_json::to_string).collect();
        let text = format!("[\n{}\n]\n", lines.map_err(io::Error::other)?.join(",\n"));
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.finished {
            // It is empty or half written: of no use to anybody.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Reads a file that was written here, or by hand in the same form.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(path: &Path) -> Result<Vec<Account>, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|e| Failure::Input(format!("{shown} cannot be read: {e}")))?;
    serde_json::from_str(&text)
        .map_err(|e| Failure::Input(format!("{shown} is no accounts file, [{{\"email\": \"…\"}}, …]: {e}")))
}

/// Puts new accounts in the place of the old ones, at once: a reader sees all of the old file or all of the new one.
///
/// # Errors
/// What the system says.
pub(super) fn replace(path: &Path, accounts: &[Account]) -> Result<(), Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let beside = PathBuf::from(name);
    NewFile::create(&beside)?.finish(accounts)?;
    fs::rename(&beside, path).map_err(|e| {
        let _ = fs::remove_file(&beside);
        Failure::Failed(anyhow::anyhow!("{} cannot be replaced: {e}", path.display()))
    })
}

/// A moment as RFC 3339 has it, in UTC.
pub(super) fn rfc3339(at: Timestamp) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at.unix_seconds()).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}
