//! The accounts file: who the peers are. `hubbub admin users create --json FILE` writes one.

use std::path::Path;

use serde::Deserialize;

use crate::error::LoadTestError;
use crate::session::{RestClient, Session};

/// What an accounts file looks like, for messages about one that does not.
const FORMAT: &str = r#"[{"email": "...", "accessToken": "..."}, ...] as hubbub admin writes it, or "password" in place of "accessToken""#;

/// Somebody to be.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Account {
    /// Its address.
    pub email: String,
    /// A token minted for it. It wins over a password.
    pub access_token: Option<String>,
    /// When the token ends (RFC 3339), as `hubbub admin` notes it; the server decides.
    pub expires_at: Option<String>,
    /// Its password, to log in with where there is no token.
    pub password: Option<String>,
}

impl Account {
    /// Reads an accounts file.
    ///
    /// # Errors
    /// [`LoadTestError::Accounts`] naming the file and what is wrong with it.
    pub fn read_all(path: &Path) -> Result<Vec<Self>, LoadTestError> {
        let failed = |reason: String| LoadTestError::Accounts { path: path.display().to_string(), reason };
        let text = std::fs::read_to_string(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
        let accounts: Vec<Self> =
            serde_json::from_str(&text).map_err(|e| failed(format!("must hold {FORMAT}: {e}")))?;
        match accounts.iter().find(|a| a.access_token.is_none() && a.password.is_none()) {
            Some(account) => Err(failed(format!("has neither accessToken nor password for {}", account.email))),
            None => Ok(accounts),
        }
    }

    /// The account's login: its token as it is, else a new one by its password.
    ///
    /// # Errors
    /// [`LoadTestError::Refused`] for a wrong password or an unverified address.
    pub async fn session(&self, client: &RestClient) -> Result<Session, LoadTestError> {
        match (&self.access_token, &self.password) {
            (Some(token), _) => Ok(Session::with_token(client, token)),
            (None, password) => Session::login(client, &self.email, password.as_deref().unwrap_or_default()).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Account>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Account::read_all(file.path()).map_err(|e| e.to_string())
    }

    #[test]
    fn tokens_and_passwords_are_both_accounts() {
        let text = r#"[{"email": "a@b.c", "accessToken": "x", "expiresAt": "2026-01-01T00:00:00Z"},
                       {"email": "d@e.f", "password": "y"}]"#;
        let accounts = read(text).unwrap();
        assert_eq!((accounts[0].access_token.as_deref(), accounts[0].password.as_deref()), (Some("x"), None));
        assert_eq!((accounts[1].access_token.as_deref(), accounts[1].password.as_deref()), (None, Some("y")));
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_shown() {
        for (bad, expected) in [
            ("", "must hold"),
            (r#"{"email": "a@b.c"}"#, "must hold"),
            (r#"[{"email": "a@b.c", "pasword": "hush"}]"#, "unknown field `pasword`"),
            (r#"[{"email": "a@b.c"}]"#, "neither accessToken nor password for a@b.c"),
        ] {
            let error = read(bad).map(|_| ()).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hush"), "{error}");
        }
    }
}
