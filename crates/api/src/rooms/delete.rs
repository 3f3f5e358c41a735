//! `DELETE /api/rooms/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use hubbub_domain::{Action, DomainEvent, RoomId};

use super::permitted;
use crate::error::Problem;
use crate::extract::{CurrentUser, Path};
use crate::state::App;

/// Delete a room
///
/// Its owner may. Everybody in it is sent out, and its invitations are void.
#[utoipa::path(
    delete, path = "/api/rooms/{id}", tag = "rooms",
    params(("id" = Uuid, Path, description = "Which.")),
    responses(
        (status = 204, description = "The room is gone."),
        (status = 403, description = "`forbidden`: only the room's owner may, or it is private"),
        (status = 404, description = "`room-not-found`: there is no such room"),
    )
)]
pub(crate) async fn delete_room(
    State(app): State<App>,
    current: CurrentUser,
    Path(id): Path<RoomId>,
) -> Result<StatusCode, Problem> {
    permitted(&app, id, current.user, Action::Delete).await?;
    if !app.storage.delete_room(id).await? {
        return Err(Problem::room_not_found());
    }
    app.events.publish(DomainEvent::RoomDeleted(id));
    Ok(StatusCode::NO_CONTENT)
}
