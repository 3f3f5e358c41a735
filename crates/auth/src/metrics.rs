//! Logins and mails, counted by how they ended.

use hubbub_domain::measure::{Counter, Histogram};

use crate::login::{LoggedIn, LoginError};

/// The numbers of [`Auth`](crate::Auth) at one moment. Counters count from the start of the process.
/// The default has everything, at 0.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsSnapshot {
    /// Logins, by outcome.
    pub logins: Vec<(&'static str, u64)>,
    /// How long passwords took to be checked or hashed, with waiting for a thread.
    pub passwords: Histogram,
    /// Mails.
    pub mail: MailSnapshot,
}

impl Default for MetricsSnapshot {
    fn default() -> Self {
        Metrics::default().snapshot(Histogram::default(), MailCounts::default().snapshot(0))
    }
}

/// A mailer's numbers at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailSnapshot {
    /// Mails, by outcome.
    pub outcomes: Vec<(&'static str, u64)>,
    /// Tries that failed and are followed by another one.
    pub retries: u64,
    /// Mails that wait to leave.
    pub waiting: u64,
}

const LOGINS: [&str; 6] = ["success", "wrong_credentials", "not_verified", "busy", "unavailable", "blocked"];

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    logins: [Counter; LOGINS.len()],
}

impl Metrics {
    pub(crate) fn on_login(&self, result: &Result<LoggedIn, LoginError>) {
        let outcome = match result {
            Ok(_) => 0,
            Err(LoginError::InvalidCredentials) => 1,
            Err(LoginError::EmailNotVerified) => 2,
            Err(LoginError::Busy) => 3,
            Err(LoginError::Storage(_)) => 4,
            Err(LoginError::Blocked) => 5,
        };
        self.logins[outcome].increment();
    }

    pub(crate) fn snapshot(&self, passwords: Histogram, mail: MailSnapshot) -> MetricsSnapshot {
        MetricsSnapshot {
            logins: LOGINS.into_iter().zip(self.logins.each_ref().map(Counter::get)).collect(),
            passwords,
            mail,
        }
    }
}

const MAILS: [&str; 3] = ["sent", "dropped", "refused"];

/// How mails ended. A mailer has one and counts in it.
#[derive(Debug, Default)]
pub struct MailCounts {
    /// Handed to the mail server, or put into the built-in outbox.
    pub sent: Counter,
    /// Given up: the mail server does not want it, or could not be reached for as long as it is of use.
    pub dropped: Counter,
    /// Not taken: too many wait, or the outbox could not keep it.
    pub refused: Counter,
    /// Tries that failed and are followed by another one.
    pub retries: Counter,
}

impl MailCounts {
    /// The counts, and how many mails wait.
    #[must_use]
    pub fn snapshot(&self, waiting: u64) -> MailSnapshot {
        let counts = [&self.sent, &self.dropped, &self.refused].map(Counter::get);
        MailSnapshot { outcomes: MAILS.into_iter().zip(counts).collect(), retries: self.retries.get(), waiting }
    }
}

#[cfg(test)]
mod tests {
    use hubbub_domain::StorageError;

    use super::*;

    #[test]
    fn logins_are_counted_by_outcome() {
        let metrics = Metrics::default();
        for error in [
            LoginError::InvalidCredentials,
            LoginError::InvalidCredentials,
            LoginError::EmailNotVerified,
            LoginError::Busy,
            LoginError::Storage(StorageError::Failed(String::new())),
            LoginError::Blocked,
        ] {
            metrics.on_login(&Err(error));
        }
        let snapshot = metrics.snapshot(Histogram::default(), MailCounts::default().snapshot(0));
        let counts: Vec<u64> = snapshot.logins.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [0, 2, 1, 1, 1, 1]);
        assert_eq!(snapshot.mail.outcomes, [("sent", 0), ("dropped", 0), ("refused", 0)]);
    }
}
