//! `POST /api/admin/rooms/{id}/close`

use axum::Json;
use axum::extract::State;
use hubbub_domain::{AdminAction, AuditAction, AuditEntry, AuditRoom, RoomId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Problem;
use crate::extract::{AdminUser, Path};
use crate::state::App;

/// How many people were sent out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomClosed {
    /// That many.
    #[schema(example = 3)]
    sent_out: u32,
}

/// End a call
///
/// Sends everybody out of the room. The room stays, and people may come back.
#[utoipa::path(
    post, path = "/api/admin/rooms/{id}/close", tag = "admin",
    params(("id" = Uuid, Path, description = "Which.")),
    responses(
        (status = 200, description = "Everybody is out.", body = RoomClosed),
        (status = 403, description = "`forbidden`: only admins of this server may"),
        (status = 404, description = "`room-not-found`: nobody is in a room of this id"),
    )
)]
pub(crate) async fn admin_close_room(
    State(app): State<App>,
    admin: AdminUser,
    Path(id): Path<RoomId>,
) -> Result<Json<RoomClosed>, Problem> {
    admin.may(AdminAction::CloseRoom)?;
    let room = app.supervision.room(id).await.ok_or_else(Problem::room_not_found)?;
    let people = if room.participants == 1 { "1 person".to_owned() } else { format!("{} people", room.participants) };
    let entry = AuditEntry::new(admin.actor(), AuditAction::RoomClosed, app.clock.now())
        .in_room(AuditRoom { id, name: room.name })
        .with_detail(people);
    app.storage.write_audit(&[entry]).await?;
    Ok(Json(RoomClosed { sent_out: app.supervision.close(id).await }))
}
