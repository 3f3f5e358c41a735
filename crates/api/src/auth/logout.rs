//! `POST /api/auth/logout`

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::cookies::{self, TokenCookie};
use crate::error::Problem;
use crate::extract::{JsonOrEmpty, access_token};
use crate::state::App;

/// What to end; without a token the cookies and the `Authorization` header count.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Logout {
    /// A refresh token of the login, for clients that keep no cookies.
    #[schema(example = "AZLwwSs8fU6PUGFyg5QKG2f…")]
    refresh_token: Option<String>,
}

/// Log out
///
/// Ends the login, closes its sockets and clears the cookies. An expired access token is good enough, and doing it twice is
/// harmless.
#[utoipa::path(
    post, path = "/api/auth/logout", tag = "auth", security(()),
    request_body(content = Option<Logout>),
    responses((status = 204, description = "Nobody is logged in any more."))
)]
pub(crate) async fn logout(
    State(app): State<App>,
    headers: HeaderMap,
    JsonOrEmpty(body): JsonOrEmpty<Logout>,
) -> Result<impl IntoResponse, Problem> {
    let access = access_token(&headers, &app.config);
    let refresh = body.refresh_token.or_else(|| TokenCookie::Refresh.read(&headers, &app.config));
    app.auth.logout(access.as_deref(), refresh.as_deref()).await?;
    Ok((StatusCode::NO_CONTENT, cookies::clear(&app.config)))
}
