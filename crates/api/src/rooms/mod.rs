//! Rooms and who is in them.

pub(crate) mod create;
pub(crate) mod create_invite;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod update;

use hubbub_domain::{Action, RoomId, UserId, may};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Problem;
use crate::state::App;
use crate::wire;

/// A room.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Room {
    /// Which.
    pub(crate) id: Uuid,
    /// Its name.
    #[schema(example = "Tea at five")]
    name: String,
    /// What it is about; may be empty.
    #[schema(example = "Everybody is welcome.")]
    description: String,
    /// Whether only its owner and those who accepted an invitation may see and enter it.
    is_private: bool,
    /// How many people may be in it at once.
    #[schema(example = 100, minimum = 2, maximum = 10_000)]
    max_participants: u32,
    /// How many speakers are forwarded at the same time.
    #[schema(example = 8, minimum = 1, maximum = 32)]
    max_forwarded_speakers: u32,
    /// Who made it.
    owner_id: Uuid,
    /// Whether that is the one who asks.
    is_owner: bool,
    /// How many people are in it right now.
    #[schema(example = 3)]
    participant_count: u32,
    /// When it was made.
    #[schema(example = "2026-11-21T10:00:00.000000Z", format = "date-time")]
    created_at: String,
    /// When name, description, privacy or limits last changed.
    #[schema(example = "2026-11-21T10:00:00.000000Z", format = "date-time")]
    updated_at: String,
}

impl Room {
    /// `room` as `viewer` sees it with `participants` people in it.
    pub(crate) fn new(app: &App, room: &hubbub_domain::Room, viewer: UserId, participants: u32) -> Self {
        Self {
            id: room.id.0,
            name: room.name.to_string(),
            description: room.description.to_string(),
            is_private: room.is_private,
            max_participants: room.max_participants.get(),
            max_forwarded_speakers: room.forwarded_speakers(app.config.max_forwarded_speakers),
            owner_id: room.owner.0,
            is_owner: room.owner == viewer,
            participant_count: participants,
            created_at: wire::rfc3339(room.created_at),
            updated_at: wire::rfc3339(room.updated_at),
        }
    }

    /// As [`Self::new`], counting who is in it now.
    pub(crate) async fn counted(app: &App, room: &hubbub_domain::Room, viewer: UserId) -> Self {
        let counts = app.live.counts(&[room.id]).await;
        Self::new(app, room, viewer, counts.first().copied().unwrap_or(0))
    }
}

/// The room, if there is one and `user` may do `action` to it.
async fn permitted(app: &App, id: RoomId, user: UserId, action: Action) -> Result<hubbub_domain::Room, Problem> {
    let access = app.storage.room(id, user).await?.ok_or_else(Problem::room_not_found)?;
    may(user, action, &access)?;
    Ok(access.room)
}
