//! Invitations to private rooms, and becoming a member by one.

use async_trait::async_trait;
use hubbub_domain::storage::{AcceptInvite, Invites, StorageResult};
use hubbub_domain::{Invite, Room, Timestamp, UserId};
use sqlx::{FromRow, query, query_as};
use uuid::Uuid;

use crate::database::{Database, transaction, writing};
use crate::error::is_foreign_key_violation;
use crate::rooms::{RoomRow, room_columns};

#[derive(FromRow)]
struct InvitedRow {
    #[sqlx(flatten)]
    room: RoomRow,
    invite_id: Uuid,
    invite_expires_at: i64,
    is_inside: bool,
}

#[async_trait]
impl Invites for Database {
    async fn create_invite(&self, invite: Invite) -> StorageResult<()> {
        writing!(self, pool => {
            query(
                "INSERT INTO invites (id, room_id, created_by, token_hash, expires_at, uses_left, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(invite.id.0)
            .bind(invite.room.0)
            .bind(invite.created_by.0)
            .bind(invite.token_hash.as_slice())
            .bind(invite.expires_at.0)
            .bind(invite.uses_left.map(i64::from))
            .bind(invite.created_at.0)
            .execute(pool)
            .await?;
        })
    }

    async fn accept_invite(&self, token_hash: [u8; 32], user: UserId, now: Timestamp) -> StorageResult<AcceptInvite> {
        transaction!(self, tx => {
            let found = query_as::<_, InvitedRow>(concat!(
                "SELECT ", room_columns!(), ", i.id AS invite_id, i.expires_at AS invite_expires_at,
                        rooms.owner_id = $2
                        OR EXISTS (SELECT 1 FROM room_members AS m WHERE m.room_id = rooms.id AND m.user_id = $2) AS is_inside
                 FROM invites AS i JOIN rooms ON rooms.id = i.room_id
                 WHERE i.token_hash = $1"
            ))
            .bind(token_hash.as_slice())
            .bind(user.0)
            .fetch_optional(&mut *tx)
            .await?;
            let Some(InvitedRow { room, invite_id, invite_expires_at, is_inside }) = found else {
                return Ok(AcceptInvite::Invalid);
            };
            let room = Room::try_from(room)?;
            // Whoever is inside already may follow an old link again.
            if is_inside {
                return Ok(AcceptInvite::Accepted(Box::new(room)));
            }
            if invite_expires_at <= now.0 {
                return Ok(AcceptInvite::Invalid);
            }

            let joined = query(
                "INSERT INTO room_members (room_id, user_id, joined_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(room.id.0)
            .bind(user.0)
            .bind(now.0)
            .execute(&mut *tx)
            .await;
            match joined {
                Ok(done) if done.rows_affected() == 1 => {}
                // The same user accepted in this very moment, in another tab.
                Ok(_) => return Ok(AcceptInvite::Accepted(Box::new(room))),
                // The room was deleted in this very moment.
                Err(e) if is_foreign_key_violation(&e) => return Ok(AcceptInvite::Invalid),
                Err(e) => return Err(e),
            }
            let used = query(
                "UPDATE invites SET uses_left = uses_left - 1 WHERE id = $1 AND (uses_left IS NULL OR uses_left > 0)",
            )
            .bind(invite_id)
            .execute(&mut *tx)
            .await?;
            if used.rows_affected() == 0 {
                return Ok(AcceptInvite::Invalid);
            }
            AcceptInvite::Accepted(Box::new(room))
        })
    }
}
