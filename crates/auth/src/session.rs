//! What happens to a login after it was made: refreshing, ending, and proving it to REST and the WebSocket.

use hubbub_domain::storage::Session;
use hubbub_domain::{DomainEvent, SessionId, StorageError, Timestamp};
use thiserror::Error;

use crate::auth::Auth;
use crate::keys::same;
use crate::login::LoggedIn;
use crate::refresh_token::RefreshToken;
use crate::ticket::Ticket;
use crate::token::{Identity, TokenError};

/// Why nothing was refreshed. To a client all but the last are one: log in again.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// Not a refresh token of ours, or of a login that has ended.
    #[error("the refresh token is not valid here; log in again")]
    Invalid,
    /// The account is blocked.
    #[error("this account is blocked; ask whoever runs this server")]
    Blocked,
    /// The login's absolute end has come.
    #[error("the login has expired; log in again")]
    Expired,
    /// The token was used before: somebody has a copy. The login was ended.
    #[error("the refresh token was used before; log in again")]
    Replayed,
    /// Storage does not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a token or ticket, checked against storage, proves nothing.
#[derive(Debug, Error)]
pub enum SessionError {
    /// Not one of ours, used before, or of a login that has ended.
    #[error("not valid here; log in again")]
    Invalid,
    /// Its time is over.
    #[error("expired; get a new one")]
    Expired,
    /// Storage does not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<TokenError> for SessionError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::Invalid,
            TokenError::Expired => Self::Expired,
        }
    }
}

/// What a genuine refresh token is to its login.
enum Standing {
    /// The newest.
    Current,
    /// The one before, within the grace: another tab was a little faster.
    JustRotated,
    /// An older one.
    Replayed,
}

impl Auth {
    /// Exchanges a refresh token for a new pair. Each token serves once; for a short grace the same token gets the same
    /// successor again, so that two tabs may refresh at once. Any later reuse ends the login (RFC 9700, section 4.14.2).
    ///
    /// # Errors
    /// [`RefreshError`].
    pub async fn refresh(&self, refresh_token: &str) -> Result<LoggedIn, RefreshError> {
        let storage = &self.inner.storage;
        let token = RefreshToken::parse(&self.inner.keys, refresh_token).ok_or(RefreshError::Invalid)?;
        let next = token.next(&self.inner.keys);
        // Once more when another request rotates in between; then this one's token is the one before.
        for _ in 0..2 {
            let now = self.now();
            let session = storage.session(token.session).await?.ok_or(RefreshError::Invalid)?;
            if session.revoked_at.is_some() {
                // Who has a genuine token of an account may hear that it is blocked.
                let user = storage.user(session.user).await?;
                let blocked = user.is_some_and(|user| user.blocked_at.is_some());
                return Err(if blocked { RefreshError::Blocked } else { RefreshError::Invalid });
            }
            if now >= session.expires_at {
                return Err(RefreshError::Expired);
            }
            match self.standing(&token, &next, &session, now) {
                Standing::Current => {
                    if !storage.rotate_session(session.id, token.hash(), next.hash(), now).await? {
                        continue;
                    }
                }
                Standing::JustRotated => {}
                Standing::Replayed => {
                    tracing::warn!(
                        session.id = %session.id, user.id = %session.user,
                        "a refresh token was used twice; its login is ended"
                    );
                    self.end(&session, now).await?;
                    return Err(RefreshError::Replayed);
                }
            }
            let user = storage.user(session.user).await?.ok_or(RefreshError::Invalid)?;
            return Ok(LoggedIn { user, tokens: self.tokens(&session, &next) });
        }
        Err(RefreshError::Invalid)
    }

    fn standing(&self, token: &RefreshToken, next: &RefreshToken, session: &Session, now: Timestamp) -> Standing {
        let hash = token.hash();
        if same(&hash, &session.token_hash) {
            return Standing::Current;
        }
        let grace = self.inner.config.refresh_grace;
        match &session.previous {
            Some((previous, rotated_at))
                if same(&hash, previous)
                    && same(&next.hash(), &session.token_hash)
                    && now <= rotated_at.plus(grace) =>
            {
                Standing::JustRotated
            }
            _ => Standing::Replayed,
        }
    }

    /// Ends the login of either token, and does nothing when both are missing or worthless. An expired access token and a
    /// rotated refresh token are good enough for this.
    ///
    /// # Errors
    /// [`StorageError`] when storage does not answer.
    pub async fn logout(&self, access: Option<&str>, refresh: Option<&str>) -> Result<(), StorageError> {
        let by_access = access.and_then(|token| self.inner.access_tokens.open(token).ok()).map(|id| id.session);
        let by_refresh = refresh.and_then(|token| RefreshToken::parse(&self.inner.keys, token)).map(|t| t.session);
        let by_refresh = by_refresh.filter(|session| by_access != Some(*session));
        for id in by_access.into_iter().chain(by_refresh) {
            if let Some(session) = self.inner.storage.session(id).await?.filter(|s| s.revoked_at.is_none()) {
                self.end(&session, self.now()).await?;
                tracing::info!(session.id = %session.id, user.id = %session.user, "logged out");
            }
        }
        Ok(())
    }

    async fn end(&self, session: &Session, now: Timestamp) -> Result<(), StorageError> {
        self.inner.storage.revoke_session(session.id, now).await?;
        self.inner.events.publish(DomainEvent::SessionEnded(session.id));
        Ok(())
    }

    /// Whom an access token proves, by its signature and times alone. A login that ended a moment ago still passes: where
    /// that matters use [`Auth::authenticate_live`].
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn authenticate(&self, access_token: &str) -> Result<Identity, TokenError> {
        self.inner.access_tokens.check(access_token, self.now())
    }

    /// As [`Auth::authenticate`], and the login must live.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn authenticate_live(&self, access_token: &str) -> Result<Identity, SessionError> {
        let identity = self.authenticate(access_token)?;
        if self.session_active(identity.session).await? { Ok(identity) } else { Err(SessionError::Invalid) }
    }

    /// Whether a login exists, was not ended and has not expired.
    ///
    /// # Errors
    /// [`StorageError`] when storage does not answer.
    pub async fn session_active(&self, session: SessionId) -> Result<bool, StorageError> {
        let session = self.inner.storage.session(session).await?;
        Ok(session.is_some_and(|s| s.revoked_at.is_none() && self.now() < s.expires_at))
    }

    /// A ticket with which `identity` can open one WebSocket within the next seconds.
    #[must_use]
    pub fn issue_ws_ticket(&self, identity: &Identity) -> Ticket {
        let (now, expires_in) = (self.now(), self.inner.config.ticket_lifetime);
        Ticket { ticket: self.inner.tickets.issue(identity, now, now.plus(expires_in)), expires_in }
    }

    /// Whom a ticket proves. It serves once, and not after its login ended.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn redeem_ws_ticket(&self, ticket: &str) -> Result<Identity, SessionError> {
        let now = self.now();
        let open = self.inner.tickets.check(ticket, now)?;
        let key = self.attempt_key("ticket", open.number.as_bytes());
        let first = self.inner.attempts.use_once(key, now, open.expires_at).await?;
        if first && self.session_active(open.identity.session).await? {
            Ok(open.identity)
        } else {
            Err(SessionError::Invalid)
        }
    }
}
