//! The audit log.

use async_trait::async_trait;
use hubbub_domain::search::fold;
use hubbub_domain::storage::{AuditCursor, AuditFilter, AuditLog, StorageResult};
use hubbub_domain::{Actor, AuditAction, AuditEntry, AuditEntryId, AuditRoom, AuditUser, RoomId, Timestamp, UserId};
use sqlx::{Error, FromRow, query, query_as};
use uuid::Uuid;

use crate::database::{Database, Pools, reading, transaction, writing};
use crate::{row, search};

/// The statement that writes one entry down.
macro_rules! insert_audit {
    ($entry:expr) => {
        ::sqlx::query(
            "INSERT INTO audit_log (id, at, actor_kind, actor_id, actor_username, action, target_id, target_username,
                                    room_id, room_name, detail, folded)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind($entry.id.0)
        .bind($entry.at.0)
        .bind($crate::audit::actor_kind(&$entry.actor))
        .bind($crate::audit::actor_user(&$entry.actor).map(|user| user.id.0))
        .bind($crate::audit::actor_user(&$entry.actor).map(|user| user.username.as_str()))
        .bind($entry.action.as_str())
        .bind($entry.target.as_ref().map(|user| user.id.0))
        .bind($entry.target.as_ref().map(|user| user.username.as_str()))
        .bind($entry.room.as_ref().map(|room| room.id.0))
        .bind($entry.room.as_ref().map(|room| room.name.as_str()))
        .bind(&$entry.detail)
        .bind($crate::audit::folded($entry))
    };
}
pub(crate) use insert_audit;

pub(crate) fn actor_kind(actor: &Actor) -> &'static str {
    match actor {
        Actor::User(_) => "user",
        Actor::Operator => "operator",
        Actor::Server => "server",
    }
}

pub(crate) fn actor_user(actor: &Actor) -> Option<&AuditUser> {
    match actor {
        Actor::User(user) => Some(user),
        Actor::Operator | Actor::Server => None,
    }
}

/// What a search looks at.
pub(crate) fn folded(entry: &AuditEntry) -> String {
    let actor = actor_user(&entry.actor).map_or("", |user| user.username.as_str());
    let target = entry.target.as_ref().map_or("", |user| user.username.as_str());
    let room = entry.room.as_ref().map_or("", |room| room.name.as_str());
    fold(&format!("{actor} {target} {room} {}", entry.detail))
}

#[derive(FromRow)]
struct EntryRow {
    id: Uuid,
    at: i64,
    actor_kind: String,
    actor_id: Option<Uuid>,
    actor_username: Option<String>,
    action: String,
    target_id: Option<Uuid>,
    target_username: Option<String>,
    room_id: Option<Uuid>,
    room_name: Option<String>,
    detail: String,
}

impl TryFrom<EntryRow> for AuditEntry {
    type Error = Error;

    fn try_from(row: EntryRow) -> Result<Self, Error> {
        let user = |id: Option<Uuid>, name: Option<String>| {
            id.zip(name).map(|(id, username)| AuditUser { id: UserId(id), username })
        };
        let actor = match (row.actor_kind.as_str(), user(row.actor_id, row.actor_username)) {
            ("user", Some(user)) => Actor::User(user),
            ("operator", None) => Actor::Operator,
            ("server", None) => Actor::Server,
            (kind, _) => return Err(row::damaged("actor_kind", format!("is {kind}"))),
        };
        let action =
            AuditAction::parse(&row.action).ok_or_else(|| row::damaged("action", format!("is {}", row.action)))?;
        Ok(Self {
            id: AuditEntryId(row.id),
            at: Timestamp(row.at),
            actor,
            action,
            target: user(row.target_id, row.target_username),
            room: row.room_id.zip(row.room_name).map(|(id, name)| AuditRoom { id: RoomId(id), name }),
            detail: row.detail,
        })
    }
}

/// `$1` time and `$2` id of the last entry seen, `$3` limit, `$4` the words as a JSON array, `$5` action, `$6` user.
macro_rules! list_audit {
    ($every_word_is_found:literal) => {
        concat!(
            "SELECT id, at, actor_kind, actor_id, actor_username, action, target_id, target_username, room_id, room_name, detail
             FROM audit_log
             WHERE (at, id) < ($1, $2)
               AND ($5 IS NULL OR action = $5)
               AND ($6 IS NULL OR actor_id = $6 OR target_id = $6)
               AND ",
            $every_word_is_found,
            " ORDER BY at DESC, id DESC
              LIMIT $3"
        )
    };
}

const LIST_SQLITE: &str =
    list_audit!("NOT EXISTS (SELECT 1 FROM json_each($4) AS word WHERE instr(folded, word.value) = 0)");
const LIST_POSTGRES: &str =
    list_audit!("NOT EXISTS (SELECT 1 FROM json_array_elements_text($4::json) AS word WHERE strpos(folded, word) = 0)");

#[async_trait]
impl AuditLog for Database {
    async fn write_audit(&self, entries: &[AuditEntry]) -> StorageResult<()> {
        transaction!(self, tx => {
            for entry in entries {
                insert_audit!(entry).execute(&mut *tx).await?;
            }
        })
    }

    async fn audit(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> StorageResult<Vec<AuditEntry>> {
        let after = after.unwrap_or(AuditCursor { at: Timestamp(i64::MAX), id: AuditEntryId(Uuid::max()) });
        let words = search::words_as_json(filter.search.as_deref().unwrap_or_default());
        let sql = match self.pools {
            Pools::Sqlite { .. } => LIST_SQLITE,
            Pools::Postgres(_) => LIST_POSTGRES,
        };
        reading!(self, pool => {
            query_as::<_, EntryRow>(sql)
                .bind(after.at.0)
                .bind(after.id.0)
                .bind(i64::from(limit))
                .bind(&words)
                .bind(filter.action.map(AuditAction::as_str))
                .bind(filter.user.map(|user| user.0))
                .fetch_all(pool)
                .await?
                .into_iter()
                .map(AuditEntry::try_from)
                .collect::<Result<Vec<_>, _>>()?
        })
    }

    async fn delete_audit(&self, before: Timestamp) -> StorageResult<u64> {
        writing!(self, pool => {
            query("DELETE FROM audit_log WHERE at < $1").bind(before.0).execute(pool).await?.rows_affected()
        })
    }
}
