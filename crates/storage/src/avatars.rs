//! Pictures of users. The picture and the version in the user's row change together.

use async_trait::async_trait;
use hubbub_domain::storage::{Avatars, StorageResult};
use hubbub_domain::{Timestamp, UserId};
use sqlx::{query, query_as};

use crate::database::{Database, reading, transaction};

#[async_trait]
impl Avatars for Database {
    async fn put_avatar(&self, user: UserId, media_type: &str, bytes: &[u8], now: Timestamp) -> StorageResult<()> {
        transaction!(self, tx => {
            // A version never repeats, even when the clock stands still or goes back: it is part of a cached URL.
            query(
                "UPDATE users
                 SET avatar_version = CASE WHEN avatar_version >= $2 THEN avatar_version + 1 ELSE $2 END
                 WHERE id = $1",
            )
            .bind(user.0)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
            query(
                "INSERT INTO avatars (user_id, media_type, bytes) VALUES ($1, $2, $3)
                 ON CONFLICT (user_id) DO UPDATE SET media_type = excluded.media_type, bytes = excluded.bytes",
            )
            .bind(user.0)
            .bind(media_type)
            .bind(bytes)
            .execute(&mut *tx)
            .await?;
        })
    }

    async fn avatar(&self, user: UserId) -> StorageResult<Option<(String, Vec<u8>, Timestamp)>> {
        reading!(self, pool => {
            query_as::<_, (String, Vec<u8>, i64)>(
                "SELECT a.media_type, a.bytes, u.avatar_version
                 FROM avatars AS a JOIN users AS u ON u.id = a.user_id
                 WHERE a.user_id = $1 AND u.avatar_version IS NOT NULL",
            )
            .bind(user.0)
            .fetch_optional(pool)
            .await?
            .map(|(media_type, bytes, version)| (media_type, bytes, Timestamp(version)))
        })
    }

    async fn delete_avatar(&self, user: UserId) -> StorageResult<()> {
        transaction!(self, tx => {
            query("UPDATE users SET avatar_version = NULL WHERE id = $1").bind(user.0).execute(&mut *tx).await?;
            query("DELETE FROM avatars WHERE user_id = $1").bind(user.0).execute(&mut *tx).await?;
        })
    }
}
