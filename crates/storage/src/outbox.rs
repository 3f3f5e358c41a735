//! The built-in outbox.

use async_trait::async_trait;
use hubbub_domain::storage::{Outbox, OutboxMail, StorageResult};
use hubbub_domain::{OutboxMailId, Timestamp};
use sqlx::{FromRow, query, query_as};
use uuid::Uuid;

use crate::database::{Database, reading, transaction};

#[derive(FromRow)]
struct OutboxMailRow {
    id: Uuid,
    recipient: String,
    subject: String,
    body: String,
    created_at: i64,
}

impl From<OutboxMailRow> for OutboxMail {
    fn from(row: OutboxMailRow) -> Self {
        Self {
            id: OutboxMailId(row.id),
            to: row.recipient,
            subject: row.subject,
            text: row.body,
            created_at: Timestamp(row.created_at),
        }
    }
}

#[async_trait]
impl Outbox for Database {
    async fn put_outbox_mail(&self, mail: OutboxMail) -> StorageResult<()> {
        transaction!(self, tx => {
            query("INSERT INTO outbox_mails (id, recipient, subject, body, created_at) VALUES ($1, $2, $3, $4, $5)")
                .bind(mail.id.0)
                .bind(&mail.to)
                .bind(&mail.subject)
                .bind(&mail.text)
                .bind(mail.created_at.0)
                .execute(&mut *tx)
                .await?;
            query(
                "DELETE FROM outbox_mails WHERE id IN
                 (SELECT id FROM outbox_mails ORDER BY created_at DESC, id DESC LIMIT 1000 OFFSET 1000)",
            )
            .execute(&mut *tx)
            .await?;
        })
    }

    async fn outbox_mails(&self, limit: u32) -> StorageResult<Vec<OutboxMail>> {
        reading!(self, pool => {
            query_as::<_, OutboxMailRow>(
                "SELECT id, recipient, subject, body, created_at
                 FROM outbox_mails ORDER BY created_at DESC, id DESC LIMIT $1",
            )
            .bind(i64::from(limit))
            .fetch_all(pool)
            .await?
            .into_iter()
            .map(OutboxMail::from)
            .collect()
        })
    }
}
