//! Password in, tokens out.

use std::time::Duration;

use hubbub_domain::storage::Session;
use hubbub_domain::user::{Email, User};
use hubbub_domain::{SessionId, StorageError};
use thiserror::Error;

use crate::auth::Auth;
use crate::password::Busy;
use crate::refresh_token::RefreshToken;
use crate::secret::Secret;

/// Longest user agent kept, in characters.
const USER_AGENT_CHARS: usize = 200;

/// Somebody who just proved who they are.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The account.
    pub user: User,
    /// What to prove it with from now on.
    pub tokens: TokenPair,
}

/// An access token and the refresh token that gets the next one.
#[derive(Clone, Debug)]
pub struct TokenPair {
    /// JWT for `Authorization: Bearer`.
    pub access: Secret,
    /// From now.
    pub access_expires_in: Duration,
    /// Opaque; serves once.
    pub refresh: Secret,
    /// From now to the login's absolute end, which refreshing does not move.
    pub refresh_expires_in: Duration,
}

/// Why nobody was logged in.
#[derive(Debug, Error)]
pub enum LoginError {
    /// No such account, or another password.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// The right password of an account whose address is still to be proved.
    #[error("the e-mail address is not verified yet; enter the code that was mailed to it")]
    EmailNotVerified,
    /// The right password of an account that an admin has blocked.
    #[error("this account is blocked; ask whoever runs this server")]
    Blocked,
    /// Too many passwords are being hashed.
    #[error("the server is busy; try again in a few seconds")]
    Busy,
    /// Storage does not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Busy> for LoginError {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl Auth {
    /// Starts a login. An unknown address costs the same hash as a known one with a wrong password. `user_agent` is what
    /// the client says it is, for the list of logins.
    ///
    /// # Errors
    /// [`LoginError`]; that the address is not proved or the account blocked is said only to who has the password.
    pub async fn login(&self, email: &Email, password: &str, user_agent: &str) -> Result<LoggedIn, LoginError> {
        let result = self.log_in(email, password, user_agent).await;
        self.inner.metrics.on_login(&result);
        result
    }

    async fn log_in(&self, email: &Email, password: &str, user_agent: &str) -> Result<LoggedIn, LoginError> {
        let (user, stored) = self.inner.storage.user_by_email(email).await?.unzip();
        let right = self.inner.passwords.verify(password, stored).await?;
        let Some(user) = user.filter(|_| right) else { return Err(LoginError::InvalidCredentials) };
        if !user.email_verified {
            return Err(LoginError::EmailNotVerified);
        }
        if user.blocked_at.is_some() {
            return Err(LoginError::Blocked);
        }

        let now = self.now();
        let token = RefreshToken::generate(&self.inner.keys, SessionId::new());
        let session = Session {
            id: token.session,
            user: user.id,
            token_hash: token.hash(),
            previous: None,
            created_at: now,
            expires_at: now.plus(self.inner.config.refresh_lifetime),
            revoked_at: None,
            user_agent: user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS).collect(),
        };
        self.inner.storage.create_session(session.clone()).await?;
        tracing::info!(user.id = %user.id, session.id = %session.id, "logged in");
        let tokens = self.tokens(&session, &token);
        Ok(LoggedIn { user, tokens })
    }

    /// A fresh access token beside `refresh`; it does not outlive the login.
    pub(crate) fn tokens(&self, session: &Session, refresh: &RefreshToken) -> TokenPair {
        let now = self.now();
        let access_expires_at = now.plus(self.inner.config.access_lifetime).min(session.expires_at);
        TokenPair {
            access: self.inner.access_tokens.issue(session.user, session.id, now, access_expires_at),
            access_expires_in: access_expires_at.since(now),
            refresh: refresh.reveal(),
            refresh_expires_in: session.expires_at.since(now),
        }
    }
}
