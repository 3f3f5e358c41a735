//! `GET /api/admin/users/{id}`

use axum::Json;
use axum::extract::State;
use hubbub_domain::{AdminAction, UserId};

use super::{AdminUserRow, listed};
use crate::error::Problem;
use crate::extract::{AdminUser, Path};
use crate::state::App;

/// Look at a user
///
/// As the list has them.
#[utoipa::path(
    get, path = "/api/admin/users/{id}", tag = "admin",
    params(("id" = Uuid, Path, description = "Who.")),
    responses(
        (status = 200, description = "The account.", body = AdminUserRow),
        (status = 403, description = "`forbidden`: only admins of this server may"),
        (status = 404, description = "`not-found`: there is no such user"),
    )
)]
pub(crate) async fn admin_get_user(
    State(app): State<App>,
    admin: AdminUser,
    Path(id): Path<UserId>,
) -> Result<Json<AdminUserRow>, Problem> {
    admin.may(AdminAction::ViewUsers)?;
    listed(&app, id).await.map(Json)
}
