//! `DELETE /api/users/me/avatar`

use axum::Json;
use axum::extract::State;
use hubbub_domain::DomainEvent;

use super::{Me, load_me};
use crate::error::Problem;
use crate::extract::CurrentUser;
use crate::state::App;

/// Remove the picture
///
/// The one drawn from the name takes its place. Harmless when there was none.
#[utoipa::path(
    delete, path = "/api/users/me/avatar", tag = "users",
    responses((status = 200, description = "The profile with the new `avatarUrl`.", body = Me))
)]
pub(crate) async fn delete_avatar(State(app): State<App>, current: CurrentUser) -> Result<Json<Me>, Problem> {
    app.storage.delete_avatar(current.user).await?;
    app.events.publish(DomainEvent::ProfileChanged(current.user));
    Ok(Json(Me::from(&load_me(&app, current.user).await?)))
}
