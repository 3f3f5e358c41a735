//! Logins and the rotation of their refresh tokens.

use async_trait::async_trait;
use hubbub_domain::storage::{Session, Sessions, StorageResult};
use hubbub_domain::{SessionId, Timestamp, UserId};
use sqlx::{Error, FromRow, query, query_as};
use uuid::Uuid;

use crate::database::{Database, reading, writing};
use crate::row;

#[derive(FromRow)]
struct SessionRow {
    id: Uuid,
    user_id: Uuid,
    token_hash: Vec<u8>,
    previous_token_hash: Option<Vec<u8>>,
    rotated_at: Option<i64>,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    user_agent: String,
}

impl TryFrom<SessionRow> for Session {
    type Error = Error;

    fn try_from(row: SessionRow) -> Result<Self, Error> {
        let previous = match row.previous_token_hash.zip(row.rotated_at) {
            Some((hash, at)) => Some((row::hash("previous_token_hash", &hash)?, Timestamp(at))),
            None => None,
        };
        Ok(Self {
            id: SessionId(row.id),
            user: UserId(row.user_id),
            token_hash: row::hash("token_hash", &row.token_hash)?,
            previous,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            revoked_at: row.revoked_at.map(Timestamp),
            user_agent: row.user_agent,
        })
    }
}

/// The statement that stores one login.
macro_rules! insert_session {
    ($session:expr) => {
        query(
            "INSERT INTO sessions (id, user_id, token_hash, previous_token_hash, rotated_at, created_at, expires_at,
                                   revoked_at, user_agent)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind($session.id.0)
        .bind($session.user.0)
        .bind($session.token_hash.as_slice())
        .bind($session.previous.as_ref().map(|(hash, _)| hash.as_slice()))
        .bind($session.previous.map(|(_, at)| at.0))
        .bind($session.created_at.0)
        .bind($session.expires_at.0)
        .bind($session.revoked_at.map(|at| at.0))
        .bind(&$session.user_agent)
    };
}
pub(crate) use insert_session;

#[async_trait]
impl Sessions for Database {
    async fn create_session(&self, session: Session) -> StorageResult<()> {
        writing!(self, pool => {
            insert_session!(session)
            .execute(pool)
            .await?;
        })
    }

    async fn session(&self, id: SessionId) -> StorageResult<Option<Session>> {
        reading!(self, pool => {
            query_as::<_, SessionRow>(
                "SELECT s.id, s.user_id, s.token_hash, s.previous_token_hash, s.rotated_at, s.created_at, s.expires_at,
                        COALESCE(s.revoked_at, users.blocked_at) AS revoked_at, s.user_agent
                 FROM sessions AS s JOIN users ON users.id = s.user_id WHERE s.id = $1",
            )
            .bind(id.0)
            .fetch_optional(pool)
            .await?
            .map(Session::try_from)
            .transpose()?
        })
    }

    async fn rotate_session(&self, id: SessionId, old: [u8; 32], new: [u8; 32], now: Timestamp) -> StorageResult<bool> {
        writing!(self, pool => {
            // A login that was ended meanwhile has no newest token.
            query(
                "UPDATE sessions SET previous_token_hash = token_hash, rotated_at = $4, token_hash = $3
                 WHERE id = $1 AND token_hash = $2 AND revoked_at IS NULL",
            )
            .bind(id.0)
            .bind(old.as_slice())
            .bind(new.as_slice())
            .bind(now.0)
            .execute(pool)
            .await?
            .rows_affected()
                == 1
        })
    }

    async fn revoke_session(&self, id: SessionId, now: Timestamp) -> StorageResult<()> {
        writing!(self, pool => {
            query("UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
                .bind(id.0)
                .bind(now.0)
                .execute(pool)
                .await?;
        })
    }

    async fn delete_expired_sessions(&self, before: Timestamp) -> StorageResult<u64> {
        writing!(self, pool => {
            query("DELETE FROM sessions WHERE expires_at < $1").bind(before.0).execute(pool).await?.rows_affected()
        })
    }
}
