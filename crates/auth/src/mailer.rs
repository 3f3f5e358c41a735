//! How mail leaves: a message, and the trait behind which SMTP and the built-in outbox stand.

use std::fmt;

use async_trait::async_trait;
use hubbub_domain::StorageError;
use hubbub_domain::user::Email;
use thiserror::Error;

use crate::metrics::MailSnapshot;

/// A message to one person. The recipient is a parsed address and the subject one of ours, so neither can carry a line
/// break into a header.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Email,
    /// Its subject; never holds a code.
    pub subject: &'static str,
    /// Its plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Why a message was not taken.
#[derive(Debug, Error)]
pub enum MailError {
    /// More messages wait than may wait.
    #[error("the mail queue is full")]
    QueueFull,
    /// The outbox could not keep it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Takes messages and sees to it that they leave.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Takes a message. Never waits for another machine.
    ///
    /// # Errors
    /// [`MailError`] when it was not taken; nothing is sent then.
    async fn send(&self, mail: Mail) -> Result<(), MailError>;

    /// Waits until everything taken so far was delivered or given up; for the end of the process.
    async fn flush(&self) {}

    /// How mails ended so far, and how many wait; nothing where that is not counted.
    fn metrics(&self) -> MailSnapshot {
        MailSnapshot::default()
    }
}
