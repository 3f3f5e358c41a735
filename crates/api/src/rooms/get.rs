//! `GET /api/rooms/{id}`

use axum::Json;
use axum::extract::State;
use hubbub_domain::{Action, LiveParticipant, RoomId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Room, permitted};
use crate::error::Problem;
use crate::extract::{CurrentUser, Path};
use crate::state::App;
use crate::{avatar, wire};

/// The most people that are listed: what a page shows before one enters. Whoever enters hears of everybody.
const LISTED: usize = 100;

/// Somebody who is in a room.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Participant {
    /// The seat: new for every join.
    id: Uuid,
    /// Who sits on it.
    user_id: Uuid,
    /// Their unique name.
    #[schema(example = "ada")]
    username: String,
    /// The name to show.
    #[schema(example = "Ada Lovelace")]
    display_name: String,
    /// Path of their picture.
    #[schema(example = "/api/users/0192f0c1-2b3c-7d4e-8f50-617283940a1b/avatar")]
    avatar_url: String,
    /// Whether nothing of them is heard, by their own choice or a moderator's.
    muted: bool,
    /// Whether a moderator muted them.
    muted_by_moderator: bool,
    /// When they joined.
    #[schema(example = "2026-11-21T10:00:00.000000Z", format = "date-time")]
    joined_at: String,
}

impl From<&LiveParticipant> for Participant {
    fn from(live: &LiveParticipant) -> Self {
        Self {
            id: live.id.0,
            user_id: live.user.0,
            avatar_url: avatar::url_of(live.user, &live.display_name, live.avatar_version),
            username: live.username.clone(),
            display_name: live.display_name.clone(),
            muted: live.muted,
            muted_by_moderator: live.muted_by_moderator,
            joined_at: wire::rfc3339(live.joined_at),
        }
    }
}

/// A room and who is in it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomWithParticipants {
    /// The room.
    #[serde(flatten)]
    room: Room,
    /// Who is in it, in order of joining: the first 100 of `participantCount`.
    participants: Vec<Participant>,
}

/// Look into a room
///
/// With who is in it and who is muted; of more than 100 people the first 100. Of a private room nothing is told to those who were not invited.
#[utoipa::path(
    get, path = "/api/rooms/{id}", tag = "rooms",
    params(("id" = Uuid, Path, description = "Which.")),
    responses(
        (status = 200, description = "The room.", body = RoomWithParticipants),
        (status = 403, description = "`forbidden`: the room is private"),
        (status = 404, description = "`room-not-found`: there is no such room"),
    )
)]
pub(crate) async fn get_room(
    State(app): State<App>,
    current: CurrentUser,
    Path(id): Path<RoomId>,
) -> Result<Json<RoomWithParticipants>, Problem> {
    let room = permitted(&app, id, current.user, Action::View).await?;
    let (first, count) = app.live.first_participants(id, LISTED).await;
    let participants = first.iter().map(Participant::from).collect();
    Ok(Json(RoomWithParticipants { room: Room::new(&app, &room, current.user, count), participants }))
}
