//! `GET /api/users/{id}`

use axum::Json;
use axum::extract::State;
use hubbub_domain::UserId;

use super::PublicUser;
use crate::error::Problem;
use crate::extract::{CurrentUser, Path};
use crate::state::App;

/// Somebody's profile
///
/// As others see it: without the address.
#[utoipa::path(
    get, path = "/api/users/{id}", tag = "users",
    params(("id" = Uuid, Path, description = "Whose.")),
    responses(
        (status = 200, description = "The profile.", body = PublicUser),
        (status = 404, description = "`not-found`: there is no such user"),
    )
)]
pub(crate) async fn get_user(
    State(app): State<App>,
    _: CurrentUser,
    Path(id): Path<UserId>,
) -> Result<Json<PublicUser>, Problem> {
    let user = app.storage.user(id).await?.filter(|user| user.email_verified).ok_or_else(Problem::user_not_found)?;
    Ok(Json(PublicUser::from(&user)))
}
