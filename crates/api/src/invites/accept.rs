//! `POST /api/invites/{token}/accept`

use axum::Json;
use axum::extract::State;
use hubbub_domain::storage::AcceptInvite;

use super::InviteToken;
use crate::client_address::ClientAddress;
use crate::error::Problem;
use crate::extract::{CurrentUser, Path};
use crate::rooms::Room;
use crate::state::App;

/// Accept an invitation
///
/// From then on the room can be seen and entered. Accepting twice is harmless and takes no second use.
#[utoipa::path(
    post, path = "/api/invites/{token}/accept", tag = "invites",
    params(("token" = String, Path, description = "From the invitation's link.")),
    responses(
        (status = 200, description = "The room.", body = Room),
        (status = 404, description = "`invite-invalid`: unknown, expired or used up; which is not told"),
    )
)]
pub(crate) async fn accept_invite(
    State(app): State<App>,
    client: ClientAddress,
    current: CurrentUser,
    Path(token): Path<InviteToken>,
) -> Result<Json<Room>, Problem> {
    app.limits.invites.by_address(client)?;
    match app.storage.accept_invite(token.hash(), current.user, app.clock.now()).await? {
        AcceptInvite::Accepted(room) => Ok(Json(Room::counted(&app, &room, current.user).await)),
        AcceptInvite::Invalid => Err(Problem::invite_invalid()),
    }
}
