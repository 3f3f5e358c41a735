//! Who somebody is: registering, proving an address, login, tokens, passwords, and the mail all of that sends.
//!
//! Everything goes through [`Auth`], which is cheap to clone. The crate promises (tests hold each of these):
//! - with a known and an unknown address every operation gives the same answer and does the same work;
//! - codes and refresh tokens are stored only as hashes, passwords only as argon2id;
//! - hashing passwords never runs on the async threads, and no more of it at once than [`PasswordConfig`] allows;
//! - time is read from the injected [`Clock`](hubbub_domain::Clock) alone;
//! - no secret is printed by `Debug` or written to the log.
//!
//! Architecture invariant: no HTTP and no SQL in here. Cookies, status codes and rate limits by client address belong to
//! `api`; queries belong to `storage`. What several nodes must agree on for a short while stands behind [`Attempts`].

mod administration;
mod attempts;
mod auth;
mod changes;
mod code;
mod config;
mod email_verification;
mod keys;
mod login;
mod mail_text;
mod mailer;
mod metrics;
mod outbox;
mod password;
mod password_policy;
mod refresh_token;
mod registration;
mod registration_token;
mod secret;
mod session;
mod smtp;
mod smtp_trial;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod ticket;
mod token;

#[cfg(test)]
mod tests;

pub use administration::{CreateError, MintError, Minted, VerifiedUser};
pub use attempts::{AttemptKey, Attempts, LocalAttempts};
pub use auth::Auth;
pub use config::{Config, ConfigError, PasswordConfig};
pub use email_verification::VerifyError;
pub use login::{LoggedIn, LoginError, TokenPair};
pub use mailer::{Mail, MailError, Mailer};
pub use metrics::{MailCounts, MailSnapshot, MetricsSnapshot};
pub use outbox::OutboxMailer;
pub use password_policy::{MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, PasswordError};
pub use registration::{RegisterError, Registration};
pub use secret::{Secret, ServerSecret};
pub use session::{RefreshError, SessionError};
pub use smtp::{Encryption, SmtpConfig, SmtpConfigError, SmtpMailer};
pub use smtp_trial::{SmtpFault, SmtpTrial};
pub use ticket::Ticket;
pub use token::{Identity, TokenError};
