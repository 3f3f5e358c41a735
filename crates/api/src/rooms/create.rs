//! `POST /api/rooms`

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use hubbub_domain::NewRoom;
use hubbub_domain::room::{MaxForwardedSpeakers, MaxParticipants, RoomDescription, RoomName};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Room;
use crate::client_address::ClientAddress;
use crate::error::{Check, Code, Problem};
use crate::extract::{CurrentUser, Json};
use crate::state::App;

/// A room to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateRoom {
    /// Its name: 1 to 80 characters on one line.
    #[schema(example = "Tea at five", min_length = 1)]
    name: String,
    /// What it is about: up to 500 characters; empty by default.
    #[schema(example = "Everybody is welcome.")]
    description: Option<String>,
    /// Whether only invited people may see and enter it; `false` by default.
    #[schema(example = false)]
    is_private: Option<bool>,
    /// How many people may be in it at once: 2 to 10 000, or what the server allows; 100 by default.
    #[schema(example = 100, minimum = 2, maximum = 10_000)]
    max_participants: Option<i64>,
    /// How many speakers are forwarded at the same time: 1 to `maxForwardedSpeakers` of `GET /api/server`, which is also
    /// the default.
    #[schema(example = 8, minimum = 1, maximum = 32)]
    max_forwarded_speakers: Option<i64>,
}

/// Make a room
///
/// Whoever makes it owns it.
#[utoipa::path(
    post, path = "/api/rooms", tag = "rooms",
    request_body = CreateRoom,
    responses(
        (
            status = 201, description = "The room.", body = Room,
            headers(("Location" = String, description = "Path of the room."))
        ),
        (status = 409, description = "`room-limit-reached`: this user owns as many rooms as one may, or the server has as many as it may"),
        (status = 503, description = "`server-draining`: the server is about to restart"),
    )
)]
pub(crate) async fn create_room(
    State(app): State<App>,
    client: ClientAddress,
    current: CurrentUser,
    Json(body): Json<CreateRoom>,
) -> Result<impl IntoResponse, Problem> {
    app.limits.rooms.by_address(client)?;
    if app.live.is_draining() {
        return Err(Problem::server_draining());
    }
    let mut check = Check::default();
    let name = check.field("name", RoomName::parse(&body.name));
    let description =
        check.field("description", RoomDescription::parse(body.description.as_deref().unwrap_or_default()));
    let people = app.config.people_per_room;
    let max_participants = match body.max_participants {
        Some(wanted) => check.field("maxParticipants", MaxParticipants::within(wanted, people)),
        None => Some(MaxParticipants::DEFAULT.at_most(people)),
    };
    let most = app.config.max_forwarded_speakers;
    let wanted = body.max_forwarded_speakers.map(|wanted| MaxForwardedSpeakers::new(wanted, most)).transpose();
    let max_forwarded_speakers = check.field("maxForwardedSpeakers", wanted);
    let (Some(name), Some(description), Some(max_participants), Some(max_forwarded_speakers)) =
        (name, description, max_participants, max_forwarded_speakers)
    else {
        return Err(check.into_problem());
    };

    let stored = app.config.rooms_stored;
    if app.storage.room_count().await? >= stored {
        let detail =
            format!("this server has {stored} rooms, which is its limit; delete one, or ask its operator for more");
        return Err(Problem::new(Code::RoomLimitReached, detail));
    }
    let limit = app.config.rooms_per_user;
    let is_private = body.is_private.unwrap_or(false);
    let room = NewRoom { name, description, is_private, max_participants, max_forwarded_speakers };
    let Some(room) = app.storage.create_room(current.user, room, limit, app.clock.now()).await? else {
        let detail = format!("one user may own {limit} rooms; delete one first");
        return Err(Problem::new(Code::RoomLimitReached, detail));
    };
    let location = format!("/api/rooms/{}", room.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], axum::Json(Room::new(&app, &room, current.user, 0))))
}
