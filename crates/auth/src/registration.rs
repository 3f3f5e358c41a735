//! Making an account. Whether the address has one already must not show: not in the answer, nor in the time it takes.

use hubbub_domain::storage::{CreateUser, NewUser};
use hubbub_domain::user::{Email, Username};
use hubbub_domain::{StorageError, UserId};
use thiserror::Error;

use crate::auth::Auth;
use crate::mail_text;
use crate::password::Busy;
use crate::password_policy::{self, PasswordError};
use crate::registration_token::RegistrationToken;
use crate::secret::Secret;

/// What somebody registers with.
#[derive(Clone)]
pub struct Registration {
    /// Where the code goes.
    pub email: Email,
    /// The wanted unique name.
    pub username: Username,
    /// The chosen password, as typed.
    pub password: String,
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Why nothing was registered.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// An account has this username, or one that looks like it.
    #[error("this username, or one that looks like it, is taken; choose another")]
    UsernameTaken,
    /// The password was refused.
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    /// Too many passwords are being hashed.
    #[error("the server is busy; try again in a few seconds")]
    Busy,
    /// Storage does not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Busy> for RegisterError {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl Auth {
    /// Makes an account that cannot log in yet and mails a code to its address.
    ///
    /// For an address with a proved account the answer is the same, nothing changes, and the mail says that there is an
    /// account already. An account whose address was never proved is replaced, so that nobody keeps an address by
    /// registering it first. Each way costs one hash, two look-ups, two writes and one mail.
    ///
    /// Gives the registration's token: with it [`Auth::verify_email`] proves this registration and no later one.
    ///
    /// # Errors
    /// [`RegisterError`]; the password and the username are judged before the address is looked at.
    pub async fn register(&self, registration: Registration) -> Result<Secret, RegisterError> {
        let Registration { email, username, password } = registration;
        password_policy::check(&password, &username, &email)?;
        let storage = &self.inner.storage;
        let known = storage.user_by_email(&email).await?.map(|(user, _)| user);
        let taken = storage.username_taken(&username).await?;
        // Somebody who registers again because the mail was lost keeps the name that is theirs.
        let own = known.as_ref().is_some_and(|u| !u.email_verified && u.username.skeleton() == username.skeleton());
        if taken && !own {
            return Err(RegisterError::UsernameTaken);
        }
        let password_hash = self.inner.passwords.hash(&password).await?;
        let token = RegistrationToken::new(&self.inner.keys.registration, &email, &password_hash);

        if let Some(known) = known.as_ref().filter(|user| user.email_verified) {
            // As many writes as below. Whoever guesses codes for this address gets the answers of a pending one.
            self.put_decoy_code(known.id, token.registration()).await?;
            self.put_decoy_code(known.id, token.registration()).await?;
            self.mail(mail_text::already_registered(&self.inner.config, &email)).await;
            return Ok(token.to_secret());
        }
        let id = known.as_ref().map_or_else(UserId::new, |user| user.id);
        let user =
            NewUser { id, email: email.clone(), username: username.clone(), password_hash, created_at: self.now() };
        let created = match known {
            None => storage.create_user(user).await?,
            Some(_) => storage.replace_unverified(user).await?,
        };
        match created {
            CreateUser::Created => {
                let code = self.put_code(id).await?;
                self.mail(mail_text::verification(&self.inner.config, &email, &username, &code)).await;
                tracing::info!(user.id = %id, "registered");
                Ok(token.to_secret())
            }
            // Another request registered or proved the address in this very moment, and sends its own mail.
            CreateUser::EmailTaken => Ok(token.to_secret()),
            CreateUser::UsernameTaken => Err(RegisterError::UsernameTaken),
        }
    }
}
