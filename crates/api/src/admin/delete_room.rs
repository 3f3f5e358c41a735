//! `DELETE /api/admin/rooms/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use hubbub_domain::{AdminAction, RoomId};

use crate::error::Problem;
use crate::extract::{AdminUser, Path};
use crate::rooms::delete::delete_and_tell;
use crate::state::App;

/// Delete anybody's room
///
/// Everybody in it is sent out, and its invitations are void.
#[utoipa::path(
    delete, path = "/api/admin/rooms/{id}", tag = "admin",
    params(("id" = Uuid, Path, description = "Which.")),
    responses(
        (status = 204, description = "The room is gone."),
        (status = 403, description = "`forbidden`: only admins of this server may"),
        (status = 404, description = "`room-not-found`: there is no such room"),
    )
)]
pub(crate) async fn admin_delete_room(
    State(app): State<App>,
    admin: AdminUser,
    Path(id): Path<RoomId>,
) -> Result<StatusCode, Problem> {
    admin.may(AdminAction::CloseRoom)?;
    // Of a room one sees the same whoever asks; membership does not matter here.
    let nobody = hubbub_domain::UserId(uuid::Uuid::nil());
    let access = app.storage.room(id, nobody).await?.ok_or_else(Problem::room_not_found)?;
    delete_and_tell(&app, &access.room, admin.actor()).await
}
