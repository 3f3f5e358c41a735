//! `GET /api/rooms`

use axum::Json;
use axum::extract::State;
use hubbub_domain::storage::RoomCursor;
use hubbub_domain::{RoomId, text};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Room, cursor};
use crate::error::{Check, Problem};
use crate::extract::{CurrentUser, Query};
use crate::state::App;

/// Longest text to search for, in characters.
const MAX_SEARCH: usize = 100;
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
    let search = check.optional("search", query.search.as_deref().map(|words| text::single_line(words, 0, MAX_SEARCH)));
    let limit = match query.limit.as_deref().map(str::parse::<u32>) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit @ 1..=MAX_LIMIT)) => limit,
        Some(_) => {
            check.fail("limit", "range", format!("must be a number from 1 to {MAX_LIMIT}"));
            DEFAULT_LIMIT
        }
    };
    let after = query.cursor.as_deref().and_then(|text| {
        let after = cursor::decode(text);
        if after.is_none() {
            check.fail("cursor", "cursor", "is none; send the nextCursor of the page before, or leave it out");
        }
        after
    });
    check.finish()?;

    let search = search.as_deref().filter(|words| !words.is_empty());
    // One more than asked for tells whether there is a next page.
    let mut rooms = app.storage.rooms(current.user, search, after, limit + 1).await?;
    let more = rooms.len() > limit as usize;
    rooms.truncate(limit as usize);
    let next_cursor = rooms
        .last()
        .filter(|_| more)
        .map(|last| cursor::encode(RoomCursor { created_at: last.created_at, id: last.id }));
    let ids: Vec<RoomId> = rooms.iter().map(|room| room.id).collect();
    let counts = app.live.counts(&ids).await;
    let counts = counts.into_iter().chain(std::iter::repeat(0));
    let rooms = rooms.iter().zip(counts).map(|(room, count)| Room::new(&app, room, current.user, count)).collect();
    Ok(Json(RoomList { rooms, next_cursor }))
}
