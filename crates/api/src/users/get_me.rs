//! `GET /api/users/me`

use axum::Json;
use axum::extract::State;

use super::{Me, load_me};
use crate::error::Problem;
use crate::extract::CurrentUser;
use crate::state::App;

/// The own profile
///
/// Includes the address, which nobody else sees.
#[utoipa::path(
    get, path = "/api/users/me", tag = "users",
    responses((status = 200, description = "The own profile.", body = Me))
)]
pub(crate) async fn get_me(State(app): State<App>, current: CurrentUser) -> Result<Json<Me>, Problem> {
    let user = load_me(&app, current.user).await?;
    Ok(Json(Me::from(&user)))
}
