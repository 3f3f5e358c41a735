//! `PATCH /api/users/me`

use axum::extract::State;
use hubbub_domain::storage::UpdateProfile;
use hubbub_domain::user::{Bio, DisplayName, Username};
use hubbub_domain::{DomainEvent, ProfilePatch};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Me, load_me};
use crate::error::{Check, Problem};
use crate::extract::{CurrentUser, Json};
use crate::state::App;

/// What to change; absent fields stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateMe {
    /// The name others see: 1 to 64 characters on one line.
    #[schema(example = "Ada Lovelace", min_length = 1)]
    display_name: Option<String>,
    /// The unique name: 3 to 32 letters, digits, `_`, `-` and `.`, all of one script.
    #[schema(example = "ada", min_length = 3)]
    username: Option<String>,
    /// A few lines about oneself: up to 500 characters.
    #[schema(example = "First programmer.")]
    bio: Option<String>,
}

/// Change the own profile
///
/// Others in the same room see a new name when they next hear of it.
#[utoipa::path(
    patch, path = "/api/users/me", tag = "users",
    request_body = UpdateMe,
    responses(
        (status = 200, description = "The profile as it is now.", body = Me),
        (status = 409, description = "`username-taken`: somebody has this username, or one that looks like it"),
    )
)]
pub(crate) async fn update_me(
    State(app): State<App>,
    current: CurrentUser,
    Json(body): Json<UpdateMe>,
) -> Result<axum::Json<Me>, Problem> {
    let mut check = Check::default();
    let patch = ProfilePatch {
        username: check.optional("username", body.username.as_deref().map(Username::parse)),
        display_name: check.optional("displayName", body.display_name.as_deref().map(DisplayName::parse)),
        bio: check.optional("bio", body.bio.as_deref().map(Bio::parse)),
    };
    check.finish()?;
    if patch == ProfilePatch::default() {
        return Ok(axum::Json(Me::from(&load_me(&app, current.user).await?)));
    }
    match app.storage.update_profile(current.user, patch).await? {
        UpdateProfile::Updated(user) => {
            app.events.publish(DomainEvent::ProfileChanged(user.id));
            Ok(axum::Json(Me::from(&*user)))
        }
        UpdateProfile::UsernameTaken => Err(Problem::username_taken()),
        UpdateProfile::NotFound => Err(Problem::unauthorized()),
    }
}
