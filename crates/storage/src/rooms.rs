//! Rooms: made, found, listed, changed, deleted.

use async_trait::async_trait;
use hubbub_domain::room::{MaxForwardedSpeakers, MaxParticipants, RoomDescription, RoomName};
use hubbub_domain::search::fold;
use hubbub_domain::storage::{RoomCursor, Rooms, StorageResult};
use hubbub_domain::{NewRoom, Room, RoomAccess, RoomId, RoomPatch, Timestamp, UserId};
use sqlx::{Error, FromRow, query, query_as, query_scalar};
use uuid::Uuid;

use crate::database::{Database, Pools, reading, transaction, writing};
use crate::{row, search};

macro_rules! room_columns {
    () => {
        "rooms.id, rooms.owner_id, rooms.name, rooms.description, rooms.is_private, rooms.max_participants, rooms.max_forwarded_speakers, rooms.created_at, rooms.updated_at"
    };
}
pub(crate) use room_columns;

#[derive(FromRow)]
pub(crate) struct RoomRow {
    id: Uuid,
    owner_id: Uuid,
    name: String,
    description: String,
    is_private: bool,
    max_participants: i64,
    max_forwarded_speakers: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

#[derive(FromRow)]
struct RoomAccessRow {
    #[sqlx(flatten)]
    room: RoomRow,
    is_member: bool,
}

impl TryFrom<RoomRow> for Room {
    type Error = Error;

    fn try_from(row: RoomRow) -> Result<Self, Error> {
        Ok(Self {
            id: RoomId(row.id),
            owner: UserId(row.owner_id),
            name: RoomName::from_stored(row.name),
            description: RoomDescription::from_stored(row.description),
            is_private: row.is_private,
            max_participants: MaxParticipants::new(row.max_participants)
                .map_err(|e| row::damaged("max_participants", e.to_string()))?,
            max_forwarded_speakers: row
                .max_forwarded_speakers
                .map(|most| MaxForwardedSpeakers::new(most, MaxForwardedSpeakers::MOST))
                .transpose()
                .map_err(|e| row::damaged("max_forwarded_speakers", e.to_string()))?,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

/// `$1` user, or nobody for every room, `$2` creation time and `$3` id of the last room seen, `$4` limit, `$5` the words as a JSON array.
macro_rules! list_rooms {
    ($every_word_is_found:literal) => {
        concat!(
            "SELECT ",
            room_columns!(),
            " FROM rooms
              WHERE ($1 IS NULL OR NOT rooms.is_private OR rooms.owner_id = $1
                     OR EXISTS (SELECT 1 FROM room_members AS m WHERE m.room_id = rooms.id AND m.user_id = $1))
                AND (rooms.created_at, rooms.id) < ($2, $3)
                AND ",
            $every_word_is_found,
            " ORDER BY rooms.created_at DESC, rooms.id DESC
              LIMIT $4"
        )
    };
}

const LIST_SQLITE: &str = list_rooms!(
    "NOT EXISTS (SELECT 1 FROM json_each($5) AS word
                 WHERE instr(rooms.folded_name, word.value) = 0 AND instr(rooms.folded_description, word.value) = 0)"
);
const LIST_POSTGRES: &str = list_rooms!(
    "NOT EXISTS (SELECT 1 FROM json_array_elements_text($5::json) AS word
                 WHERE strpos(rooms.folded_name, word) = 0 AND strpos(rooms.folded_description, word) = 0)"
);

impl Database {
    /// The users whom `sql` finds for a room.
    async fn users_of_room(&self, sql: &'static str, id: RoomId) -> StorageResult<Vec<UserId>> {
        reading!(self, pool => {
            query_scalar::<_, Uuid>(sql).bind(id.0).fetch_all(pool).await?.into_iter().map(UserId).collect()
        })
    }

    /// The rooms that `user` may see; every room for nobody.
    async fn list_rooms(
        &self,
        user: Option<UserId>,
        search: Option<&str>,
        after: Option<RoomCursor>,
        limit: u32,
    ) -> StorageResult<Vec<Room>> {
        // Without a cursor: before the end of time.
        let after = after.unwrap_or(RoomCursor { created_at: Timestamp(i64::MAX), id: RoomId(Uuid::max()) });
        let words = search::words_as_json(search.unwrap_or_default());
        let sql = match self.pools {
            Pools::Sqlite { .. } => LIST_SQLITE,
            Pools::Postgres(_) => LIST_POSTGRES,
        };
        reading!(self, pool => {
            query_as::<_, RoomRow>(sql)
                .bind(user.map(|user| user.0))
                .bind(after.created_at.0)
                .bind(after.id.0)
                .bind(i64::from(limit))
                .bind(&words)
                .fetch_all(pool)
                .await?
                .into_iter()
                .map(Room::try_from)
                .collect::<Result<Vec<_>, _>>()?
        })
    }
}

#[async_trait]
impl Rooms for Database {
    async fn create_room(
        &self,
        owner: UserId,
        room: NewRoom,
        limit: u64,
        now: Timestamp,
    ) -> StorageResult<Option<Room>> {
        let room = room.made(owner, now);
        let made = transaction!(self, tx => {
            // Changes nothing, but makes others who make a room for this owner wait until this one is done.
            query("UPDATE users SET created_at = created_at WHERE id = $1").bind(owner.0).execute(&mut *tx).await?;
            let owned = query_scalar::<_, i64>("SELECT COUNT(*) FROM rooms WHERE owner_id = $1")
                .bind(owner.0)
                .fetch_one(&mut *tx)
                .await?;
            if owned.unsigned_abs() >= limit {
                return Ok(false);
            }
            query(
                "INSERT INTO rooms (id, owner_id, name, description, folded_name, folded_description, is_private,
                                    max_participants, max_forwarded_speakers, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
            )
            .bind(room.id.0)
            .bind(owner.0)
            .bind(room.name.as_str())
            .bind(room.description.as_str())
            .bind(fold(room.name.as_str()))
            .bind(fold(room.description.as_str()))
            .bind(room.is_private)
            .bind(i64::from(room.max_participants.get()))
            .bind(room.max_forwarded_speakers.map(|most| i64::from(most.get())))
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
            true
        })?;
        Ok(made.then_some(room))
    }

    async fn room_count(&self) -> StorageResult<u64> {
        reading!(self, pool => {
            query_scalar::<_, i64>("SELECT COUNT(*) FROM rooms").fetch_one(pool).await?.unsigned_abs()
        })
    }

    async fn room(&self, id: RoomId, user: UserId) -> StorageResult<Option<RoomAccess>> {
        reading!(self, pool => {
            query_as::<_, RoomAccessRow>(concat!(
                "SELECT ", room_columns!(), ",
                        EXISTS (SELECT 1 FROM room_members AS m WHERE m.room_id = rooms.id AND m.user_id = $2) AS is_member
                 FROM rooms WHERE rooms.id = $1"
            ))
            .bind(id.0)
            .bind(user.0)
            .fetch_optional(pool)
            .await?
            .map(|row| row.room.try_into().map(|room| RoomAccess { room, is_member: row.is_member }))
            .transpose()?
        })
    }

    async fn rooms(
        &self,
        user: UserId,
        search: Option<&str>,
        after: Option<RoomCursor>,
        limit: u32,
    ) -> StorageResult<Vec<Room>> {
        self.list_rooms(Some(user), search, after, limit).await
    }

    async fn all_rooms(&self, search: Option<&str>, after: Option<RoomCursor>, limit: u32) -> StorageResult<Vec<Room>> {
        self.list_rooms(None, search, after, limit).await
    }

    async fn update_room(&self, id: RoomId, patch: RoomPatch, now: Timestamp) -> StorageResult<Option<Room>> {
        writing!(self, pool => {
            query_as::<_, RoomRow>(concat!(
                "UPDATE rooms
                 SET name = COALESCE($2, name), folded_name = COALESCE($3, folded_name),
                     description = COALESCE($4, description), folded_description = COALESCE($5, folded_description),
                     is_private = COALESCE($6, is_private), max_participants = COALESCE($7, max_participants),
                     max_forwarded_speakers = COALESCE($8, max_forwarded_speakers), updated_at = $9
                 WHERE id = $1
                 RETURNING ", room_columns!()
            ))
            .bind(id.0)
            .bind(patch.name.as_ref().map(RoomName::as_str))
            .bind(patch.name.as_ref().map(|name| fold(name.as_str())))
            .bind(patch.description.as_ref().map(RoomDescription::as_str))
            .bind(patch.description.as_ref().map(|description| fold(description.as_str())))
            .bind(patch.is_private)
            .bind(patch.max_participants.map(|limit| i64::from(limit.get())))
            .bind(patch.max_forwarded_speakers.map(|most| i64::from(most.get())))
            .bind(now.0)
            .fetch_optional(pool)
            .await?
            .map(Room::try_from)
            .transpose()?
        })
    }

    async fn room_members(&self, id: RoomId) -> StorageResult<Vec<UserId>> {
        self.users_of_room("SELECT user_id FROM room_members WHERE room_id = $1", id).await
    }

    async fn room_mutes(&self, id: RoomId) -> StorageResult<Vec<UserId>> {
        self.users_of_room("SELECT user_id FROM room_mutes WHERE room_id = $1", id).await
    }

    async fn set_room_mute(&self, id: RoomId, user: UserId, muted: bool) -> StorageResult<()> {
        let sql = if muted {
            "INSERT INTO room_mutes (room_id, user_id)
             SELECT rooms.id, users.id FROM rooms, users WHERE rooms.id = $1 AND users.id = $2
             ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM room_mutes WHERE room_id = $1 AND user_id = $2"
        };
        writing!(self, pool => {
            query(sql).bind(id.0).bind(user.0).execute(pool).await?;
        })
    }

    async fn delete_room(&self, id: RoomId) -> StorageResult<bool> {
        writing!(self, pool => {
            query("DELETE FROM rooms WHERE id = $1").bind(id.0).execute(pool).await?.rows_affected() == 1
        })
    }
}
