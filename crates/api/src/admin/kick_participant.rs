//! `DELETE /api/admin/participants/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use hubbub_domain::{AdminAction, AuditAction, ParticipantId};

use super::moderated;
use crate::error::Problem;
use crate::extract::{AdminUser, Path};
use crate::state::App;

/// Send somebody out of a room
///
/// They are told so, and may come back; whom to keep out for good is blocked.
#[utoipa::path(
    delete, path = "/api/admin/participants/{id}", tag = "admin",
    params(("id" = Uuid, Path, description = "The seat.")),
    responses(
        (status = 204, description = "The seat is free."),
        (status = 403, description = "`forbidden`: only admins of this server may"),
        (status = 404, description = "`participant-not-found`: nobody has this seat"),
    )
)]
pub(crate) async fn admin_kick_participant(
    State(app): State<App>,
    admin: AdminUser,
    Path(id): Path<ParticipantId>,
) -> Result<StatusCode, Problem> {
    admin.may(AdminAction::Moderate)?;
    moderated(&app, &admin, id, AuditAction::ParticipantKicked).await?;
    if app.supervision.kick(id).await { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::participant_not_found()) }
}
