//! `GET /api/admin/rooms`

use axum::Json;
use axum::extract::State;
use hubbub_domain::{AdminAction, LiveRoom};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Problem;
use crate::extract::AdminUser;
use crate::state::App;
use crate::wire;

/// A room that somebody is in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LiveRoomRow {
    /// Which.
    id: Uuid,
    /// Its name.
    #[schema(example = "Tea at five")]
    name: String,
    /// Whether it is private.
    is_private: bool,
    /// Who owns it.
    owner_id: Uuid,
    /// How many people are in it.
    #[schema(example = 3)]
    participant_count: u32,
    /// How many people may be in it at once.
    #[schema(example = 100)]
    max_participants: u32,
    /// When the one joined who has been in it longest.
    #[schema(example = "2026-11-21T10:00:00.000000Z", format = "date-time")]
    since: String,
}

impl From<&LiveRoom> for LiveRoomRow {
    fn from(room: &LiveRoom) -> Self {
        Self {
            id: room.id.0,
            name: room.name.clone(),
            is_private: room.is_private,
            owner_id: room.owner.0,
            participant_count: room.participants,
            max_participants: room.max_participants,
            since: wire::rfc3339(room.since),
        }
    }
}

/// The rooms that somebody is in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LiveRoomList {
    /// The fullest first.
    rooms: Vec<LiveRoomRow>,
}

/// List live rooms
///
/// Those that somebody is in right now, private ones too.
#[utoipa::path(
    get, path = "/api/admin/rooms", tag = "admin",
    responses(
        (status = 200, description = "All of them.", body = LiveRoomList),
        (status = 403, description = "`forbidden`: only admins of this server may"),
    )
)]
pub(crate) async fn admin_list_live_rooms(
    State(app): State<App>,
    admin: AdminUser,
) -> Result<Json<LiveRoomList>, Problem> {
    admin.may(AdminAction::ViewLive)?;
    Ok(Json(LiveRoomList { rooms: app.supervision.rooms().await.iter().map(LiveRoomRow::from).collect() }))
}
