//! What the operator may do without proof: accounts whose addresses count as proved, and tokens for anybody.
//!
//! Nothing here is reachable over the network; `hubbub admin` is the only caller.

use std::time::Duration;

use hubbub_domain::storage::{CreateUsers, NO_PASSWORD, NewUser, Session};
use hubbub_domain::user::{Email, Username};
use hubbub_domain::{SessionId, StorageError, Timestamp, UserId};
use thiserror::Error;

use crate::auth::Auth;
use crate::password::Busy;
use crate::password_policy::{self, PasswordError};
use crate::refresh_token::RefreshToken;
use crate::secret::Secret;

/// How many accounts or logins are stored in one transaction: few enough that a server that writes to the same database
/// waits moments for it, and many enough that syncing the disk costs little.
const BATCH: usize = 500;

/// What logins made here say they are.
const USER_AGENT: &str = "hubbub admin";

/// Somebody whom the operator vouches for.
#[derive(Clone)]
pub struct VerifiedUser {
    /// The address; no mail is sent to it.
    pub email: Email,
    /// The unique name.
    pub username: Username,
    /// The password; without one the account can be used only by tokens that are minted for it.
    pub password: Option<String>,
}

/// Why no account was made.
#[derive(Debug, Error)]
pub enum CreateError {
    /// An account has this address.
    #[error("an account has the address {0} already")]
    EmailTaken(Email),
    /// An account has this username, or one that looks like it.
    #[error("the username {0}, or one that looks like it, is taken")]
    UsernameTaken(Username),
    /// The password was refused.
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    /// Too many passwords are being hashed.
    #[error("too many passwords at once")]
    Busy,
    /// Storage does not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Busy> for CreateError {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

/// Why no token was made.
#[derive(Debug, Error)]
pub enum MintError {
    /// The token would live for no time at all, or for ever.
    #[error("the lifetime {0:?} is not one that a token can have")]
    Lifetime(Duration),
    /// Storage does not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A token that was made for somebody.
#[derive(Clone, Debug)]
pub struct Minted {
    /// JWT for `Authorization: Bearer`.
    pub access: Secret,
    /// When it and its login end.
    pub expires_at: Timestamp,
}

impl Auth {
    /// Makes accounts whose addresses count as proved; when one cannot be made, none is. Gives their ids in the same order.
    ///
    /// # Errors
    /// [`CreateError`].
    pub async fn create_verified(&self, users: Vec<VerifiedUser>) -> Result<Vec<UserId>, CreateError> {
        let mut new = Vec::with_capacity(users.len());
        for VerifiedUser { email, username, password } in users {
            let password_hash = match password {
                Some(password) => {
                    password_policy::check(&password, &username, &email)?;
                    self.inner.passwords.hash(&password).await?
                }
                None => NO_PASSWORD.to_owned(),
            };
            new.push(NewUser { id: UserId::new(), email, username, password_hash, created_at: self.now() });
        }
        let ids: Vec<UserId> = new.iter().map(|user| user.id).collect();
        for (batch, users) in new.chunks(BATCH).enumerate() {
            let error = match self.inner.storage.create_verified_users(users).await {
                Ok(CreateUsers::Created) => continue,
                Ok(CreateUsers::EmailTaken(email)) => CreateError::EmailTaken(email),
                Ok(CreateUsers::UsernameTaken(username)) => CreateError::UsernameTaken(username),
                Err(error) => error.into(),
            };
            for made in ids[..batch * BATCH].chunks(BATCH) {
                self.inner.storage.delete_users(made).await?;
            }
            return Err(error);
        }
        tracing::info!(users = ids.len(), "users were made by the operator");
        Ok(ids)
    }

    /// An access token for each user, in the same order. Each is a login of its own, which ends when the token does, can be
    /// ended before like any other, and has no refresh token.
    ///
    /// # Errors
    /// [`MintError`]; every user must exist.
    pub async fn mint(&self, users: &[UserId], lifetime: Duration) -> Result<Vec<Minted>, MintError> {
        let now = self.now();
        let expires_at = now.plus(lifetime);
        if lifetime < Duration::from_secs(1) || expires_at.since(now) != lifetime {
            return Err(MintError::Lifetime(lifetime));
        }
        let sessions: Vec<Session> = users
            .iter()
            .map(|&user| {
                // Storage wants to know a refresh token; this one is forgotten here and now.
                let refresh = RefreshToken::generate(&self.inner.keys, SessionId::new());
                Session {
                    id: refresh.session,
                    user,
                    token_hash: refresh.hash(),
                    previous: None,
                    created_at: now,
                    expires_at,
                    revoked_at: None,
                    user_agent: USER_AGENT.to_owned(),
                }
            })
            .collect();
        for batch in sessions.chunks(BATCH) {
            self.inner.storage.create_sessions(batch).await?;
        }
        let mint = |session: &Session| Minted {
            access: self.inner.access_tokens.issue(session.user, session.id, now, expires_at),
            expires_at,
        };
        Ok(sessions.iter().map(mint).collect())
    }
}
