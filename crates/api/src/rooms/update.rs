//! `PATCH /api/rooms/{id}`

use axum::extract::State;
use hubbub_domain::room::{MaxForwardedSpeakers, MaxParticipants, RoomDescription, RoomName};
use hubbub_domain::{Action, DomainEvent, RoomId, RoomPatch};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Room, permitted};
use crate::error::{Check, Problem};
use crate::extract::{CurrentUser, Json, Path};
use crate::state::App;

/// What to change; absent fields stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateRoom {
    /// Its name: 1 to 80 characters on one line.
    #[schema(example = "Tea at six", min_length = 1)]
    name: Option<String>,
    /// What it is about: up to 500 characters.
    #[schema(example = "Bring biscuits.")]
    description: Option<String>,
    /// Whether only invited people may see and enter it. People already inside a room that becomes private must be invited.
    #[schema(example = true)]
    is_private: Option<bool>,
    /// How many people may be in it at once: 2 to 10 000, or what the server allows; those already inside stay.
    #[schema(example = 50, minimum = 2, maximum = 10_000)]
    max_participants: Option<i64>,
    /// How many speakers are forwarded at the same time: 1 to `maxForwardedSpeakers` of `GET /api/server`. Counts at once.
    #[schema(example = 3, minimum = 1, maximum = 32)]
    max_forwarded_speakers: Option<i64>,
}

/// Change a room
///
/// Its owner may; everybody in it is told.
#[utoipa::path(
    patch, path = "/api/rooms/{id}", tag = "rooms",
    params(("id" = Uuid, Path, description = "Which.")),
    request_body = UpdateRoom,
    responses(
        (status = 200, description = "The room as it is now.", body = Room),
        (status = 403, description = "`forbidden`: only the room's owner may, or it is private"),
        (status = 404, description = "`room-not-found`: there is no such room"),
    )
)]
pub(crate) async fn update_room(
    State(app): State<App>,
    current: CurrentUser,
    Path(id): Path<RoomId>,
    Json(body): Json<UpdateRoom>,
) -> Result<axum::Json<Room>, Problem> {
    let room = permitted(&app, id, current.user, Action::Update).await?;
    let (mut check, most) = (Check::default(), app.config.max_forwarded_speakers);
    let people = app.config.people_per_room;
    let patch = RoomPatch {
        name: check.optional("name", body.name.as_deref().map(RoomName::parse)),
        description: check.optional("description", body.description.as_deref().map(RoomDescription::parse)),
        is_private: body.is_private,
        max_participants: check
            .optional("maxParticipants", body.max_participants.map(|wanted| MaxParticipants::within(wanted, people))),
        max_forwarded_speakers: check.optional(
            "maxForwardedSpeakers",
            body.max_forwarded_speakers.map(|wanted| MaxForwardedSpeakers::new(wanted, most)),
        ),
    };
    check.finish()?;
    if patch == RoomPatch::default() {
        return Ok(axum::Json(Room::counted(&app, &room, current.user).await));
    }
    let room = app.storage.update_room(id, patch, app.clock.now()).await?.ok_or_else(Problem::room_not_found)?;
    app.events.publish(DomainEvent::RoomUpdated(id));
    Ok(axum::Json(Room::counted(&app, &room, current.user).await))
}
