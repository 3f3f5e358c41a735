//! `GET /api/rooms`

use axum::Json;
use axum::extract::State;
use hubbub_domain::RoomId;
use hubbub_domain::storage::RoomCursor;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Room;
use crate::error::{Check, Problem};
use crate::extract::{CurrentUser, Query};
use crate::page::{self, PageSize, Place};
use crate::state::App;

/// Rooms on a page unless asked otherwise.
const DEFAULT_LIMIT: u32 = 30;
/// Most rooms on a page.
const MAX_LIMIT: u32 = 100;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Words that must be in name or description; case and diacritics do not matter.
    #[param(example = "tea", max_length = 100)]
    search: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many rooms, 1 to 100; 30 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, example = 30)]
    limit: Option<String>,
}

/// One page of rooms.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomList {
    /// Newest first.
    rooms: Vec<Room>,
    /// Gets the next page; `null` on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// List rooms
///
/// Public ones, the own ones, and private ones to which an invitation was accepted; newest first, with how many people are in
/// each right now.
#[utoipa::path(
    get, path = "/api/rooms", tag = "rooms",
    params(ListQuery),
    responses((status = 200, description = "One page.", body = RoomList))
)]
pub(crate) async fn list_rooms(
    State(app): State<App>,
    current: CurrentUser,
    Query(query): Query<ListQuery>,
) -> Result<Json<RoomList>, Problem> {
    let mut check = Check::default();
    let search = page::search(&mut check, query.search.as_deref());
    let size = PageSize::parse(&mut check, query.limit.as_deref(), DEFAULT_LIMIT, MAX_LIMIT);
    let after = page::after(&mut check, query.cursor.as_deref(), Place::decode)
        .map(|Place { time, id }| RoomCursor { created_at: time, id: RoomId(id) });
    check.finish()?;
    if search.is_some() {
        app.limits.search.by_user(current.user)?;
    }

    let mut rooms = app.storage.rooms(current.user, search.as_deref(), after, size.to_read()).await?;
    let next_cursor = size.cut(&mut rooms, |last| Place { time: last.created_at, id: last.id.0 }.encode());
    let ids: Vec<RoomId> = rooms.iter().map(|room| room.id).collect();
    let counts = app.live.counts(&ids).await;
    let counts = counts.into_iter().chain(std::iter::repeat(0));
    let rooms = rooms.iter().zip(counts).map(|(room, count)| Room::new(&app, room, current.user, count)).collect();
    Ok(Json(RoomList { rooms, next_cursor }))
}
