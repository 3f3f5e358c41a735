//! `GET /api/auth/me`

use axum::Json;
use axum::extract::State;

use crate::error::Problem;
use crate::extract::CurrentUser;
use crate::state::App;
use crate::users::{Me, load_me};

/// Who is logged in
///
/// The own profile, as `GET /api/users/me` has it.
#[utoipa::path(
    get, path = "/api/auth/me", tag = "auth",
    responses((status = 200, description = "Who is logged in.", body = Me))
)]
pub(crate) async fn who_am_i(State(app): State<App>, current: CurrentUser) -> Result<Json<Me>, Problem> {
    let user = load_me(&app, current.user).await?;
    Ok(Json(Me::from(&user)))
}
