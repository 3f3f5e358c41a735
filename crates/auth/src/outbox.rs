//! The built-in outbox: mail is kept in the database and read on a page, when no SMTP server is configured.

use std::sync::Arc;

use async_trait::async_trait;
use hubbub_domain::storage::OutboxMail;
use hubbub_domain::{Clock, OutboxMailId, Storage};

use crate::mailer::{Mail, MailError, Mailer};
use crate::metrics::{MailCounts, MailSnapshot};

/// Keeps every message in storage.
pub struct OutboxMailer {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    counts: MailCounts,
}

impl OutboxMailer {
    /// An outbox in `storage`.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>) -> Self {
        Self { storage, clock, counts: MailCounts::default() }
    }
}

#[async_trait]
impl Mailer for OutboxMailer {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let kept = self
            .storage
            .put_outbox_mail(OutboxMail {
                id: OutboxMailId::new(),
                to: mail.to.to_string(),
                subject: mail.subject.to_owned(),
                text: mail.text,
                created_at: self.clock.now(),
            })
            .await;
        let outcome = if kept.is_ok() { &self.counts.sent } else { &self.counts.refused };
        outcome.increment();
        Ok(kept?)
    }

    fn metrics(&self) -> MailSnapshot {
        self.counts.snapshot(0)
    }
}
