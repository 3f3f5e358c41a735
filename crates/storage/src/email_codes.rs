//! Codes that were mailed to prove an address: one a user.

use async_trait::async_trait;
use hubbub_domain::storage::{EmailCode, EmailCodes, StorageResult};
use hubbub_domain::{EmailCodeId, Timestamp, UserId};
use sqlx::{Error, FromRow, query, query_as};
use uuid::Uuid;

use crate::database::{Database, reading, writing};
use crate::row;

#[derive(FromRow)]
struct EmailCodeRow {
    id: Uuid,
    user_id: Uuid,
    code_hash: Vec<u8>,
    expires_at: i64,
    tries_left: i64,
    created_at: i64,
}

impl TryFrom<EmailCodeRow> for EmailCode {
    type Error = Error;

    fn try_from(row: EmailCodeRow) -> Result<Self, Error> {
        Ok(Self {
            id: EmailCodeId(row.id),
            user: UserId(row.user_id),
            code_hash: row::hash("code_hash", &row.code_hash)?,
            expires_at: Timestamp(row.expires_at),
            tries_left: row::count("tries_left", row.tries_left)?,
            created_at: Timestamp(row.created_at),
        })
    }
}

#[async_trait]
impl EmailCodes for Database {
    async fn put_email_code(&self, code: EmailCode) -> StorageResult<()> {
        writing!(self, pool => {
            query(
                "INSERT INTO email_codes (id, user_id, code_hash, expires_at, tries_left, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (user_id) DO UPDATE
                 SET id = excluded.id, code_hash = excluded.code_hash, expires_at = excluded.expires_at,
                     tries_left = excluded.tries_left, created_at = excluded.created_at",
            )
            .bind(code.id.0)
            .bind(code.user.0)
            .bind(code.code_hash.as_slice())
            .bind(code.expires_at.0)
            .bind(i64::from(code.tries_left))
            .bind(code.created_at.0)
            .execute(pool)
            .await?;
        })
    }

    async fn email_code(&self, user: UserId) -> StorageResult<Option<EmailCode>> {
        reading!(self, pool => {
            query_as::<_, EmailCodeRow>(
                "SELECT id, user_id, code_hash, expires_at, tries_left, created_at
                 FROM email_codes WHERE user_id = $1",
            )
            .bind(user.0)
            .fetch_optional(pool)
            .await?
            .map(EmailCode::try_from)
            .transpose()?
        })
    }

    async fn take_email_code_try(&self, id: EmailCodeId) -> StorageResult<bool> {
        writing!(self, pool => {
            query("UPDATE email_codes SET tries_left = tries_left - 1 WHERE id = $1 AND tries_left > 0")
                .bind(id.0)
                .execute(pool)
                .await?
                .rows_affected()
                == 1
        })
    }

    async fn delete_email_code(&self, id: EmailCodeId) -> StorageResult<bool> {
        writing!(self, pool => {
            query("DELETE FROM email_codes WHERE id = $1").bind(id.0).execute(pool).await?.rows_affected() == 1
        })
    }
}
