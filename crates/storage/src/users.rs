//! Accounts.

use async_trait::async_trait;
use hubbub_domain::search::fold;
use hubbub_domain::storage::{CreateUser, MarkVerified, NO_PASSWORD, NewUser, StorageResult, UpdateProfile, Users};
use hubbub_domain::user::{Bio, DisplayName, Email, Username};
use hubbub_domain::{AuditEntry, ProfilePatch, Role, Timestamp, User, UserId};
use sqlx::{FromRow, query, query_as, query_scalar};
use uuid::Uuid;

use crate::audit::insert_audit;
use crate::database::{Database, reading, transaction, writing};
use crate::error::is_unique_violation;

macro_rules! user_columns {
    () => {
        "id, email, email_verified, username, display_name, bio, avatar_version, role = 'admin' AS is_admin, blocked_at, created_at"
    };
}
pub(crate) use user_columns;

/// Makes transactions that decide by who is an admin wait for each other.
pub(crate) const LOCK_ADMINS: &str = "UPDATE locks SET name = name WHERE name = 'admins'";

/// What a search for a user looks at.
pub(crate) fn folded_names(email: &str, username: &str, display_name: &str) -> String {
    fold(&format!("{username} {display_name} {email}"))
}

/// The same for an account that was just made, whose shown name is its username.
pub(crate) fn folded_names_of(user: &NewUser) -> String {
    folded_names(user.email.as_str(), user.username.as_str(), DisplayName::from(&user.username).as_str())
}

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
    is_admin: bool,
    blocked_at: Option<i64>,
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
            role: if row.is_admin { Role::Admin } else { Role::Member },
            blocked_at: row.blocked_at.map(Timestamp),
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
                "INSERT INTO users (id, email, username, username_skeleton, display_name, password_hash, created_at,
                                    folded_names)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT DO NOTHING",
            )
            .bind(user.id.0)
            .bind(email)
            .bind(user.username.as_str())
            .bind(user.username.skeleton())
            .bind(DisplayName::from(&user.username).as_str())
            .bind(&user.password_hash)
            .bind(user.created_at.0)
            .bind(folded_names_of(&user))
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

    async fn mark_email_verified(
        &self,
        id: UserId,
        password_hash: &str,
        first_is_admin: Option<AuditEntry>,
    ) -> StorageResult<MarkVerified> {
        transaction!(self, tx => {
            if first_is_admin.is_some() {
                query(LOCK_ADMINS).execute(&mut *tx).await?;
            }
            let verified = query("UPDATE users SET email_verified = $3 WHERE id = $1 AND password_hash = $2")
                .bind(id.0)
                .bind(password_hash)
                .bind(true)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if verified == 0 {
                return Ok(MarkVerified::Replaced);
            }
            let mut became_admin = false;
            if let Some(entry) = &first_is_admin {
                let promoted = query(
                    "UPDATE users SET role = 'admin'
                     WHERE id = $1 AND NOT EXISTS (
                         SELECT 1 FROM users AS other
                         WHERE other.role = 'admin'
                            OR (other.id <> $1 AND other.email_verified AND other.password_hash <> $2))",
                )
                .bind(id.0)
                .bind(NO_PASSWORD)
                .execute(&mut *tx)
                .await?
                .rows_affected();
                became_admin = promoted == 1;
                if became_admin {
                    insert_audit!(entry).execute(&mut *tx).await?;
                }
            }
            MarkVerified::Verified { became_admin }
        })
    }

    async fn replace_unverified(&self, user: NewUser) -> StorageResult<CreateUser> {
        writing!(self, pool => {
            let replaced = query(
                "UPDATE users
                 SET username = $2, username_skeleton = $3, display_name = $4, password_hash = $5, created_at = $6,
                     folded_names = $7
                 WHERE email = $1 AND NOT email_verified",
            )
            .bind(user.email.as_str())
            .bind(user.username.as_str())
            .bind(user.username.skeleton())
            .bind(DisplayName::from(&user.username).as_str())
            .bind(&user.password_hash)
            .bind(user.created_at.0)
            .bind(folded_names_of(&user))
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
        transaction!(self, tx => {
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
            .fetch_optional(&mut *tx)
            .await;
            let row = match updated {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(UpdateProfile::NotFound),
                Err(e) if is_unique_violation(&e) => return Ok(UpdateProfile::UsernameTaken),
                Err(e) => return Err(e),
            };
            query("UPDATE users SET folded_names = $2 WHERE id = $1")
                .bind(id.0)
                .bind(folded_names(&row.email, &row.username, &row.display_name))
                .execute(&mut *tx)
                .await?;
            UpdateProfile::Updated(Box::new(row.into()))
        })
    }
}
