//! `PATCH /api/admin/participants/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use hubbub_domain::{AdminAction, AuditAction, ParticipantId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::moderated;
use crate::error::Problem;
use crate::extract::{AdminUser, Json, Path};
use crate::state::App;

/// What to change.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MuteParticipant {
    /// Whether nothing of them is to be heard.
    muted: bool,
}

/// Mute somebody in a room
///
/// As the room's owner does it: it stays when they leave and come back, until an admin or the owner lifts it.
#[utoipa::path(
    patch, path = "/api/admin/participants/{id}", tag = "admin",
    params(("id" = Uuid, Path, description = "The seat.")),
    request_body = MuteParticipant,
    responses(
        (status = 204, description = "Done."),
        (status = 403, description = "`forbidden`: only admins of this server may"),
        (status = 404, description = "`participant-not-found`: nobody has this seat"),
    )
)]
pub(crate) async fn admin_mute_participant(
    State(app): State<App>,
    admin: AdminUser,
    Path(id): Path<ParticipantId>,
    Json(MuteParticipant { muted }): Json<MuteParticipant>,
) -> Result<StatusCode, Problem> {
    admin.may(AdminAction::Moderate)?;
    let action = if muted { AuditAction::ParticipantMuted } else { AuditAction::ParticipantUnmuted };
    let seated = moderated(&app, &admin, id, action).await?;
    if !app.supervision.set_muted(id, muted).await {
        return Err(Problem::participant_not_found());
    }
    app.storage.set_room_mute(seated.room.id, seated.user.id, muted).await?;
    Ok(StatusCode::NO_CONTENT)
}
