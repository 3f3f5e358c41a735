//! Accounts as admins see and change them.

use async_trait::async_trait;
use hubbub_domain::storage::{
    ChangeUser, Directory, ListedUser, StorageResult, UserChange, UserCursor, UserFilter, UserState,
};
use hubbub_domain::{AuditEntry, Role, Timestamp, User, UserId};
use sqlx::{Error, FromRow, query, query_as, query_scalar};
use uuid::Uuid;

use crate::audit::insert_audit;
use crate::database::{Database, Pools, reading, transaction};
use crate::users::{LOCK_ADMINS, UserRow, folded_names, user_columns};
use crate::{row, search};

#[derive(FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    user: UserRow,
    sessions: i64,
    last_login_at: Option<i64>,
    rooms: i64,
}

impl TryFrom<ListedRow> for ListedUser {
    type Error = Error;

    fn try_from(row: ListedRow) -> Result<Self, Error> {
        Ok(Self {
            user: row.user.into(),
            sessions: row::count("sessions", row.sessions)?,
            last_login_at: row.last_login_at.map(Timestamp),
            rooms: row::count("rooms", row.rooms)?,
        })
    }
}

/// `$1` now.
macro_rules! listed_columns {
    () => {
        concat!(
            user_columns!(),
            ", (SELECT COUNT(*) FROM sessions AS s
                WHERE s.user_id = users.id AND s.revoked_at IS NULL AND s.expires_at > $1 AND users.blocked_at IS NULL)
               AS sessions,
               (SELECT MAX(s.created_at) FROM sessions AS s WHERE s.user_id = users.id) AS last_login_at,
               (SELECT COUNT(*) FROM rooms AS r WHERE r.owner_id = users.id) AS rooms"
        )
    };
}

/// `$1` now, `$2` creation time and `$3` id of the last user seen, `$4` limit, `$5` the words as a JSON array, `$6` state.
macro_rules! list_users {
    ($every_word_is_found:literal) => {
        concat!(
            "SELECT ",
            listed_columns!(),
            " FROM users
              WHERE (users.created_at, users.id) < ($2, $3)
                AND CASE $6 WHEN 'admin' THEN users.role = 'admin'
                            WHEN 'blocked' THEN users.blocked_at IS NOT NULL
                            WHEN 'unverified' THEN NOT users.email_verified
                            ELSE users.id = users.id END
                AND ",
            $every_word_is_found,
            " ORDER BY users.created_at DESC, users.id DESC
              LIMIT $4"
        )
    };
}

const LIST_SQLITE: &str = list_users!(
    "NOT EXISTS (SELECT 1 FROM json_each($5) AS word WHERE instr(COALESCE(users.folded_names, ''), word.value) = 0)"
);
const LIST_POSTGRES: &str = list_users!(
    "NOT EXISTS (SELECT 1 FROM json_array_elements_text($5::json) AS word
                 WHERE strpos(COALESCE(users.folded_names, ''), word) = 0)"
);

/// Rows whose names are folded in one transaction.
const FOLD_BATCH: i64 = 500;

impl Database {
    /// Fills in what searches look at, in accounts of before there was any.
    pub(crate) async fn fold_names(&self) -> StorageResult<()> {
        loop {
            let folded = transaction!(self, tx => {
                let rows: Vec<(Uuid, String, String, String)> = query_as(
                    "SELECT id, email, username, display_name FROM users WHERE folded_names IS NULL LIMIT $1",
                )
                .bind(FOLD_BATCH)
                .fetch_all(&mut *tx)
                .await?;
                for (id, email, username, display_name) in &rows {
                    query("UPDATE users SET folded_names = $2 WHERE id = $1")
                        .bind(id)
                        .bind(folded_names(email, username, display_name))
                        .execute(&mut *tx)
                        .await?;
                }
                rows.len()
            })?;
            if folded == 0 {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Directory for Database {
    async fn list_users(
        &self,
        filter: &UserFilter,
        after: Option<UserCursor>,
        limit: u32,
        now: Timestamp,
    ) -> StorageResult<Vec<ListedUser>> {
        let after = after.unwrap_or(UserCursor { created_at: Timestamp(i64::MAX), id: UserId(Uuid::max()) });
        let words = search::words_as_json(filter.search.as_deref().unwrap_or_default());
        let state = match filter.state {
            None => "all",
            Some(UserState::Admin) => "admin",
            Some(UserState::Blocked) => "blocked",
            Some(UserState::Unverified) => "unverified",
        };
        let sql = match self.pools {
            Pools::Sqlite { .. } => LIST_SQLITE,
            Pools::Postgres(_) => LIST_POSTGRES,
        };
        reading!(self, pool => {
            query_as::<_, ListedRow>(sql)
                .bind(now.0)
                .bind(after.created_at.0)
                .bind(after.id.0)
                .bind(i64::from(limit))
                .bind(&words)
                .bind(state)
                .fetch_all(pool)
                .await?
                .into_iter()
                .map(ListedUser::try_from)
                .collect::<Result<Vec<_>, _>>()?
        })
    }

    async fn listed_user(&self, id: UserId, now: Timestamp) -> StorageResult<Option<ListedUser>> {
        reading!(self, pool => {
            query_as::<_, ListedRow>(concat!("SELECT ", listed_columns!(), " FROM users WHERE users.id = $2"))
                .bind(now.0)
                .bind(id.0)
                .fetch_optional(pool)
                .await?
                .map(ListedUser::try_from)
                .transpose()?
        })
    }

    async fn change_user(&self, id: UserId, change: UserChange, entry: AuditEntry) -> StorageResult<ChangeUser> {
        let now = entry.at;
        transaction!(self, tx => {
            query(LOCK_ADMINS).execute(&mut *tx).await?;
            let found = query_as::<_, UserRow>(concat!("SELECT ", user_columns!(), " FROM users WHERE id = $1"))
                .bind(id.0)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(user) = found.map(User::from) else { return Ok(ChangeUser::NotFound) };
            let Some(changed) = change.applied(&user, now) else {
                return Ok(ChangeUser::Unchanged(Box::new(user)));
            };
            if change == UserChange::SetRole(Role::Admin) && !user.email_verified {
                return Ok(ChangeUser::Unverified);
            }
            if user.acts_as_admin() && !changed.acts_as_admin() {
                let others = query_scalar::<_, i64>(
                    "SELECT COUNT(*) FROM users
                     WHERE role = 'admin' AND blocked_at IS NULL AND email_verified AND id <> $1",
                )
                .bind(id.0)
                .fetch_one(&mut *tx)
                .await?;
                if others == 0 {
                    return Ok(ChangeUser::LastAdmin);
                }
            }
            query("UPDATE users SET email_verified = $2, blocked_at = $3, role = $4 WHERE id = $1")
                .bind(id.0)
                .bind(changed.email_verified)
                .bind(changed.blocked_at.map(|at| at.0))
                .bind(changed.role.as_str())
                .execute(&mut *tx)
                .await?;
            if change.ends_sessions() {
                query("UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL")
                    .bind(id.0)
                    .bind(now.0)
                    .execute(&mut *tx)
                    .await?;
            }
            insert_audit!(&entry).execute(&mut *tx).await?;
            ChangeUser::Changed(Box::new(changed))
        })
    }
}
