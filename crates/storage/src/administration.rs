//! What only the operator does: many users and logins at once, and taking them away again.

use async_trait::async_trait;
use hubbub_domain::storage::{Administration, CreateUsers, NO_PASSWORD, NewUser, Session, StorageResult};
use hubbub_domain::user::{DisplayName, Username};
use hubbub_domain::{User, UserId};
use sqlx::{query, query_as, query_scalar};

use crate::database::{Database, reading, transaction};
use crate::sessions::insert_session;
use crate::users::{EMAIL_TAKEN, UserRow, folded_names_of, user_columns};

#[async_trait]
impl Administration for Database {
    async fn create_verified_users(&self, users: &[NewUser]) -> StorageResult<CreateUsers> {
        transaction!(self, tx => {
            for user in users {
                let inserted = query(
                    "INSERT INTO users (id, email, email_verified, username, username_skeleton, display_name, password_hash,
                                        created_at, folded_names)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                     ON CONFLICT DO NOTHING",
                )
                .bind(user.id.0)
                .bind(user.email.as_str())
                .bind(true)
                .bind(user.username.as_str())
                .bind(user.username.skeleton())
                .bind(DisplayName::from(&user.username).as_str())
                .bind(&user.password_hash)
                .bind(user.created_at.0)
                .bind(folded_names_of(user))
                .execute(&mut *tx)
                .await?;
                if inserted.rows_affected() == 0 {
                    let email_taken = query_scalar::<_, bool>(EMAIL_TAKEN)
                        .bind(user.email.as_str())
                        .fetch_one(&mut *tx)
                        .await?;
                    return Ok(if email_taken {
                        CreateUsers::EmailTaken(user.email.clone())
                    } else {
                        CreateUsers::UsernameTaken(user.username.clone())
                    });
                }
            }
            CreateUsers::Created
        })
    }

    async fn create_sessions(&self, sessions: &[Session]) -> StorageResult<()> {
        transaction!(self, tx => {
            for session in sessions {
                insert_session!(session).execute(&mut *tx).await?;
            }
        })
    }

    async fn user_by_username(&self, username: &Username) -> StorageResult<Option<User>> {
        reading!(self, pool => {
            query_as::<_, UserRow>(concat!(
                "SELECT ", user_columns!(), " FROM users WHERE username_skeleton = $1 AND username = $2"
            ))
            .bind(username.skeleton())
            .bind(username.as_str())
            .fetch_optional(pool)
            .await?
            .map(User::from)
        })
    }

    async fn users_without_password(&self, prefix: &str) -> StorageResult<Vec<User>> {
        reading!(self, pool => {
            query_as::<_, UserRow>(concat!(
                "SELECT ", user_columns!(), " FROM users
                 WHERE password_hash = $1 AND substr(username, 1, length($2)) = $2 ORDER BY id"
            ))
            .bind(NO_PASSWORD)
            .bind(prefix)
            .fetch_all(pool)
            .await?
            .into_iter()
            .map(User::from)
            .collect()
        })
    }

    async fn delete_users(&self, users: &[UserId]) -> StorageResult<u64> {
        transaction!(self, tx => {
            let mut deleted = 0;
            for user in users {
                deleted += query("DELETE FROM users WHERE id = $1").bind(user.0).execute(&mut *tx).await?.rows_affected();
            }
            deleted
        })
    }
}
