//! `POST /api/admin/users/{id}/end-sessions`

use axum::Json;
use axum::extract::State;
use hubbub_domain::storage::UserChange;
use hubbub_domain::{AdminAction, UserId};

use super::{AdminUserRow, change_user};
use crate::error::Problem;
use crate::extract::{AdminUser, Path};
use crate::state::App;

/// Log a user out
///
/// Ends all of their logins at once: they are sent out of the rooms they are in, and have to log in again.
#[utoipa::path(
    post, path = "/api/admin/users/{id}/end-sessions", tag = "admin",
    params(("id" = Uuid, Path, description = "Who.")),
    responses(
        (status = 200, description = "The account as it is now.", body = AdminUserRow),
        (status = 403, description = "`forbidden`: only admins of this server may"),
        (status = 404, description = "`not-found`: there is no such user"),
    )
)]
pub(crate) async fn admin_end_sessions(
    State(app): State<App>,
    admin: AdminUser,
    Path(id): Path<UserId>,
) -> Result<Json<AdminUserRow>, Problem> {
    admin.may(AdminAction::EndSessions(id))?;
    change_user(&app, &admin, id, UserChange::EndSessions).await.map(Json)
}
