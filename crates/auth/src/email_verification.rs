//! Proving an address with the mailed code, and asking for another code.

use std::time::Instant;

use hubbub_domain::storage::{EmailCode, MarkVerified};
use hubbub_domain::user::{Email, User};
use hubbub_domain::{Actor, AuditAction, AuditEntry, AuditUser, EmailCodeId, StorageError, UserId};
use thiserror::Error;

use crate::auth::Auth;
use crate::code::Code;
use crate::keys::{random, same};
use crate::mail_text;
use crate::registration_token::RegistrationToken;

/// Why an address was not proved.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// Wrong, expired or used; or there is no account to prove.
    #[error("the code is wrong or has expired; check it or ask for a new one")]
    InvalidCode,
    /// The code is dead.
    #[error("too many wrong codes; ask for a new one")]
    TooManyAttempts,
    /// Not the registration that the person made: it was replaced.
    #[error("this address was registered again since; register once more to be safe")]
    RegisteredAgain,
    /// Storage does not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Auth {
    /// Proves `email` with the code that was mailed to it. The code serves once.
    ///
    /// `registration` is the token that [`Auth::register`] gave, if the person still has it: then that registration is
    /// proved or none, and no try is taken for another.
    ///
    /// An address without an account, or with one that was proved long ago, gets the answers of one with a code that is not
    /// the one tried.
    ///
    /// # Errors
    /// [`VerifyError::RegisteredAgain`] when `registration` is not the newest one of this address.
    /// [`VerifyError::InvalidCode`] for the first wrong tries, [`VerifyError::TooManyAttempts`] from then on until a new
    /// code is asked for.
    pub async fn verify_email(&self, email: &Email, code: &str, registration: Option<&str>) -> Result<(), VerifyError> {
        let started = Instant::now();
        let result = self.try_code(email, code, registration).await;
        if !matches!(result, Ok(()) | Err(VerifyError::Storage(_))) {
            // With an account a try is a write, without one it is not: the floor hides the difference.
            tokio::time::sleep_until((started + self.inner.config.refused_code_floor).into()).await;
        }
        result
    }

    /// Whether a registration's token was given for this address, be it the newest registration or not.
    #[must_use]
    pub fn is_registration_of(&self, email: &Email, token: &str) -> bool {
        RegistrationToken::parse(token).is_some_and(|token| token.is_for(&self.inner.keys.registration, email))
    }

    async fn try_code(&self, email: &Email, typed: &str, registration: Option<&str>) -> Result<(), VerifyError> {
        let storage = &self.inner.storage;
        let known = storage.user_by_email(email).await?;
        let stored = match &known {
            Some((user, _)) => storage.email_code(user.id).await?,
            None => None,
        };
        if let Some(token) = registration {
            // A proved account's newest registration left its mark in the decoy: it gets the answers of a pending one.
            let is_newest = RegistrationToken::parse(token).zip(known.as_ref()).is_some_and(|(token, (_, hash))| {
                token.fits(&self.inner.keys.registration, email, hash)
                    || stored.as_ref().is_some_and(|decoy| same(&decoy.code_hash, &token.registration()))
            });
            if !is_newest {
                return Err(VerifyError::RegisteredAgain);
            }
        }
        let (Some((user, password_hash)), Some(stored)) = (known, stored) else {
            return self.try_without_code(email).await;
        };
        if stored.tries_left == 0 || !storage.take_email_code_try(stored.id).await? {
            return Err(VerifyError::TooManyAttempts);
        }
        let right = Code::parse(typed)
            .is_some_and(|code| code.matches(&self.inner.keys.code, user.id, stored.id, &stored.code_hash));
        if !right || self.now() >= stored.expires_at || !storage.delete_email_code(stored.id).await? {
            return Err(VerifyError::InvalidCode);
        }
        let first_is_admin = self.inner.config.first_user_is_admin.then(|| {
            AuditEntry::new(Actor::Server, AuditAction::AdminGranted, self.now())
                .on(AuditUser::from(&user))
                .with_detail("the first account of this server whose address was proved")
        });
        match storage.mark_email_verified(user.id, &password_hash, first_is_admin).await? {
            MarkVerified::Verified { became_admin } => {
                tracing::info!(user.id = %user.id, "address proved");
                if became_admin {
                    tracing::warn!(user.id = %user.id, "the first account of this server is an admin of it from now on");
                }
                Ok(())
            }
            // Somebody registered the address again in this very moment, and a new code is on its way.
            MarkVerified::Replaced => Err(VerifyError::RegisteredAgain),
        }
    }

    /// Counts as if there were a code, so that an address without one cannot be told by guessing.
    async fn try_without_code(&self, email: &Email) -> Result<(), VerifyError> {
        let key = self.attempt_key("code tries", email.as_str().as_bytes());
        let now = self.now();
        let (limit, until) = (self.inner.config.code_tries, now.plus(self.inner.config.code_lifetime));
        if self.inner.attempts.take_try(key, limit, now, until).await? {
            Err(VerifyError::InvalidCode)
        } else {
            Err(VerifyError::TooManyAttempts)
        }
    }

    /// Mails a new code if there is an account to prove and the last code is older than the cool-down; otherwise does
    /// nothing, and nobody can tell.
    ///
    /// # Errors
    /// [`StorageError`] when storage does not answer.
    pub async fn resend_verification(&self, email: &Email) -> Result<(), StorageError> {
        // The look-up is the same for every address. The rest is not, and happens after the answer.
        let user = self.inner.storage.user_by_email(email).await?.map(|(user, _)| user);
        let (auth, email) = (self.clone(), email.clone());
        let taken = self.in_background(async move {
            let result = match user {
                Some(user) => auth.renew_code(&user).await,
                None => auth.renew_tries(&email).await,
            };
            if let Err(error) = result {
                tracing::error!(error = %error, "a new code could not be made");
            }
        });
        if !taken {
            tracing::warn!("too many codes are being asked for at once; this one is not made");
        }
        Ok(())
    }

    async fn renew_code(&self, user: &User) -> Result<(), StorageError> {
        let last = self.inner.storage.email_code(user.id).await?;
        if last.as_ref().is_some_and(|code| self.now() < code.created_at.plus(self.inner.config.resend_cooldown)) {
            return Ok(());
        }
        if user.email_verified {
            return self.put_decoy_code(user.id, last.map_or_else(random, |decoy| decoy.code_hash)).await;
        }
        let code = self.put_code(user.id).await?;
        self.mail(mail_text::verification(&self.inner.config, &user.email, &user.username, &code)).await;
        Ok(())
    }

    async fn renew_tries(&self, email: &Email) -> Result<(), StorageError> {
        let (now, attempts) = (self.now(), &self.inner.attempts);
        let cooldown = self.attempt_key("code cool-down", email.as_str().as_bytes());
        if attempts.use_once(cooldown, now, now.plus(self.inner.config.resend_cooldown)).await? {
            attempts.reset_tries(self.attempt_key("code tries", email.as_str().as_bytes())).await?;
        }
        Ok(())
    }

    /// Makes a new code for `user`; the one before it is dead.
    pub(crate) async fn put_code(&self, user: UserId) -> Result<Code, StorageError> {
        let (code, id) = (Code::generate(), EmailCodeId::new());
        self.store_code(user, id, code.hash(&self.inner.keys.code, user, id)).await?;
        Ok(code)
    }

    /// Stores what looks like a code and that no code matches: `mark` is 32 bytes that only a registration's token repeats,
    /// or random ones.
    pub(crate) async fn put_decoy_code(&self, user: UserId, mark: [u8; 32]) -> Result<(), StorageError> {
        self.store_code(user, EmailCodeId::new(), mark).await
    }

    async fn store_code(&self, user: UserId, id: EmailCodeId, code_hash: [u8; 32]) -> Result<(), StorageError> {
        let now = self.now();
        let code = EmailCode {
            id,
            user,
            code_hash,
            expires_at: now.plus(self.inner.config.code_lifetime),
            tries_left: self.inner.config.code_tries,
            created_at: now,
        };
        self.inner.storage.put_email_code(code).await
    }
}
