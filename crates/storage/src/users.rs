//! Accounts.

use async_trait::async_trait;
use hubbub_domain::storage::{CreateUser, NewUser, StorageResult, UpdateProfile, Users};
use hubbub_domain::user::{Bio, DisplayName, Email, Username};
use hubbub_domain::{ProfilePatch, Timestamp, User, UserId};
use sqlx::{FromRow, query, query_as, query_scalar};
use uuid::Uuid;

use crate::database::{Database, reading, transaction, writing};
use crate::error::is_unique_violation;

macro_rules! user_columns {
    () => {
        "id, email, email_verified, username, display_name, bio, avatar_version, created_at"
    };
}
pub(crate) use user_columns;

/// Whether an address has an account.
pub(crate) const EMAIL_TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM users WHERE email = $1)";

#[derive(FromRow)]
pub(crate) struct UserRow {
    id: Uuid,
    email: String,
    email_verified: bool,
    username: String,
    display_name: String,
    bio: String,
    avatar_version: Option<i64>,
    created_at: i64,
}

#[derive(FromRow)]
struct UserWithPassword {
    #[sqlx(flatten)]
    user: UserRow,
    password_hash: String,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: UserId(row.id),
            email: Email::from_stored(row.email),
            email_verified: row.email_verified,
            username: Username::from_stored(row.username),
            display_name: DisplayName::from_stored(row.display_name),
            bio: Bio::from_stored(row.bio),
            avatar_version: row.avatar_version.map(Timestamp),
            created_at: Timestamp(row.created_at),
        }
    }
}

#[async_trait]
impl Users for Database {
    async fn create_user(&self, user: NewUser) -> StorageResult<CreateUser> {
        transaction!(self, tx => {
            let email = user.email.as_str();
            if query_scalar::<_, bool>(EMAIL_TAKEN).bind(email).fetch_one(&mut *tx).await? {
                return Ok(CreateUser::EmailTaken);
            }
            let inserted = query(
                "INSERT INTO users (id, email, username, username_skeleton, display_name, password_hash, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT DO NOTHING",
            )
            .bind(user.id.0)
            .bind(email)
            .bind(user.username.as_str())
            .bind(user.username.skeleton())
            .bind(DisplayName::from(&user.username).as_str())
            .bind(&user.password_hash)
            .bind(user.created_at.0)
            .execute(&mut *tx)
            .await?;
            if inserted.rows_affected() == 1 {
                CreateUser::Created
            } else if query_scalar::<_, bool>(EMAIL_TAKEN).bind(email).fetch_one(&mut *tx).await? {
                // Somebody registered the same address in this very moment.
                CreateUser::EmailTaken
            } else {
                CreateUser::UsernameTaken
            }
        })
    }

    async fn user(&self, id: UserId) -> StorageResult<Option<User>> {
        reading!(self, pool => {
            query_as::<_, UserRow>(concat!("SELECT ", user_columns!(), " FROM users WHERE id = $1"))
                .bind(id.0)
                .fetch_optional(pool)
                .await?
                .map(User::from)
        })
    }

    async fn user_by_email(&self, email: &Email) -> StorageResult<Option<(User, String)>> {
        reading!(self, pool => {
            query_as::<_, UserWithPassword>(concat!(
                "SELECT ", user_columns!(), ", password_hash FROM users WHERE email = $1"
            ))
            .bind(email.as_str())
            .fetch_optional(pool)
            .await?
            .map(|row| (row.user.into(), row.password_hash))
        })
    }

    async fn username_taken(&self, username: &Username) -> StorageResult<bool> {
        reading!(self, pool => {
            query_scalar::<_, bool>("SELECT EXISTS (SELECT 1 FROM users WHERE username_skeleton = $1)")
                .bind(username.skeleton())
                .fetch_one(pool)
                .await?
        })
    }

    async fn mark_email_verified(&self, id: UserId, password_hash: &str) -> StorageResult<bool> {
        writing!(self, pool => {
            query("UPDATE users SET email_verified = $3 WHERE id = $1 AND password_hash = $2")
                .bind(id.0)
                .bind(password_hash)
                .bind(true)
                .execute(pool)
                .await?
                .rows_affected()
                == 1
        })
    }

    async fn replace_unverified(&self, user: NewUser) -> StorageResult<CreateUser> {
        writing!(self, pool => {
            let replaced = query(
                "UPDATE users
                 SET username = $2, username_skeleton = $3, display_name = $4, password_hash = $5, created_at = $6
                 WHERE email = $1 AND NOT email_verified",
            )
            .bind(user.email.as_str())
            .bind(user.username.as_str())
            .bind(user.username.skeleton())
            .bind(DisplayName::from(&user.username).as_str())
            .bind(&user.password_hash)
            .bind(user.created_at.0)
            .execute(pool)
            .await;
            match replaced {
                Ok(done) if done.rows_affected() == 1 => CreateUser::Created,
                Ok(_) => CreateUser::EmailTaken,
                Err(e) if is_unique_violation(&e) => CreateUser::UsernameTaken,
                Err(e) => return Err(e),
            }
        })
    }

    async fn update_profile(&self, id: UserId, patch: ProfilePatch) -> StorageResult<UpdateProfile> {
        writing!(self, pool => {
            let updated = query_as::<_, UserRow>(concat!(
                "UPDATE users
                 SET username = COALESCE($2, username), username_skeleton = COALESCE($3, username_skeleton),
                     display_name = COALESCE($4, display_name), bio = COALESCE($5, bio)
                 WHERE id = $1
                 RETURNING ", user_columns!()
            ))
            .bind(id.0)
            .bind(patch.username.as_ref().map(Username::as_str))
            .bind(patch.username.as_ref().map(Username::skeleton))
            .bind(patch.display_name.as_ref().map(DisplayName::as_str))
            .bind(patch.bio.as_ref().map(Bio::as_str))
            .fetch_optional(pool)
            .await;
            match updated {
                Ok(Some(row)) => UpdateProfile::Updated(Box::new(row.into())),
                Ok(None) => UpdateProfile::NotFound,
                Err(e) if is_unique_violation(&e) => UpdateProfile::UsernameTaken,
                Err(e) => return Err(e),
            }
        })
    }
}
