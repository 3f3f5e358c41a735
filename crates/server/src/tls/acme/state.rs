//! What outlives a restart: the account, and the certificate with its key. In files that their owner alone may read.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use instant_acme::AccountCredentials;
use serde_json::Value;

use crate::secrets;
use crate::tls::certificate::Certificate;
use crate::tls::shown;

/// Key and chain, in this order, under a line that says from which server they are. PEM readers skip the line.
const CERTIFICATE: &str = "certificate.pem";
const ACCOUNT: &str = "account.json";

/// The folder.
pub(super) struct State {
    folder: PathBuf,
    /// Accounts and certificates of other servers are none.
    directory: String,
}

impl State {
    /// Makes the folder if it is not there, and closes it to other users.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn open(folder: PathBuf, directory: String) -> Result<Self, secrets::DataError> {
        secrets::prepare_folder(&folder)?;
        Ok(Self { folder, directory })
    }

    /// The same without making anything, for a look.
    pub(super) const fn at(folder: PathBuf, directory: String) -> Self {
        Self { folder, directory }
    }

    /// The certificate from this server, as [`Self::certificate`].
    ///
    /// # Errors
    /// What the system says, but for a file that is not there.
    pub(super) fn look(&self) -> io::Result<Option<Certificate>> {
        match fs::File::open(self.folder.join(CERTIFICATE)) {
            Ok(_) => Ok(self.certificate()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The account with this server, if there is one. A damaged one is none: a new one costs nothing.
    pub(super) fn account(&self) -> Option<AccountCredentials> {
        let text = self.read(ACCOUNT)?;
        let account: Value = serde_json::from_str(&text).unwrap_or_default();
        if account["directory"] != self.directory.as_str() {
            return None;
        }
        serde_json::from_value(account).ok()
    }

    /// # Errors
    /// What the system says.
    pub(super) fn keep_account(&self, account: &AccountCredentials) -> io::Result<()> {
        self.write(ACCOUNT, &serde_json::to_string(account)?)
    }

    /// For an account that the server does not know any more.
    pub(super) fn forget_account(&self) {
        if let Err(error) = fs::remove_file(self.folder.join(ACCOUNT)) {
            tracing::warn!(%error, "the ACME account could not be removed");
        }
    }

    /// The certificate from this server, if there is one that can be used.
    pub(super) fn certificate(&self) -> Option<Certificate> {
        let text = self.read(CERTIFICATE)?;
        if text.lines().next() != Some(&self.head()) {
            return None;
        }
        let certificate = Certificate::from_pem(text.as_bytes(), text.as_bytes());
        certificate
            .inspect_err(
                |error| tracing::warn!(%error, path = self.shown(CERTIFICATE), "a kept certificate is damaged"),
            )
            .ok()
    }

    /// # Errors
    /// What the system says.
    pub(super) fn keep_certificate(&self, chain: &str, key: &str) -> io::Result<()> {
        self.write(CERTIFICATE, &format!("{}\n{}\n{}\n", self.head(), key.trim_end(), chain.trim_end()))
    }

    fn head(&self) -> String {
        format!("From {}", self.directory)
    }

    fn read(&self, name: &str) -> Option<String> {
        match fs::read_to_string(self.folder.join(name)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, path = self.shown(name), "what was kept cannot be read");
                None
            }
        }
    }

    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        secrets::write_private(&self.folder, &self.folder.join(name), text.as_bytes())
    }

    fn shown(&self, name: &str) -> String {
        shown(&self.folder.join(name))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ACCOUNT_TEXT: &str = r#"{"id":"https://ca.example/account/1","key_pkcs8":"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJVWC_QzOTCS5vtsJp2IG-UDc8cdDfeoKtxSZxaznM-mhRANCAAQenCPoGgPFTdPJ7VLLKt56RxPlYT1wNXnHc54PEyBg3LxKaH0-sJkX0mL8LyPEdsfL_Oz4TxHkWLJGrXVtNhfH","directory":"https://ca.example/directory"}"#;

    fn state(folder: &tempfile::TempDir, server: &str) -> State {
        State::open(folder.path().join("acme"), format!("https://{server}/directory")).unwrap()
    }

    #[test]
    fn what_is_kept_is_for_the_owner_and_for_one_server() {
        let folder = tempfile::tempdir().unwrap();
        let kept = state(&folder, "ca.example");
        assert!(kept.account().is_none() && kept.certificate().is_none());
        kept.keep_account(&serde_json::from_str(ACCOUNT_TEXT).unwrap()).unwrap();
        let made = rcgen::generate_simple_self_signed(["talk.example.org".to_owned()]).unwrap();
        kept.keep_certificate(&made.cert.pem(), &made.signing_key.serialize_pem()).unwrap();

        assert!(kept.account().is_some() && kept.certificate().unwrap().is_for("talk.example.org"));
        let other = state(&folder, "other.example");
        assert!(other.account().is_none() && other.certificate().is_none());
        for name in [ACCOUNT, CERTIFICATE] {
            let mode = fs::metadata(kept.folder.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        kept.forget_account();
        assert!(kept.account().is_none());
    }

    #[test]
    fn what_is_damaged_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let kept = state(&folder, "ca.example");
        kept.write(ACCOUNT, r#"{"directory":"https://ca.example/directory"}"#).unwrap();
        kept.write(CERTIFICATE, "From https://ca.example/directory\nhalf").unwrap();
        assert!(kept.account().is_none() && kept.certificate().is_none());
    }
}
