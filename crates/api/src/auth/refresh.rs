//! `POST /api/auth/refresh`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use hubbub_auth::RefreshError;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Login;
use crate::cookies::{self, TokenCookie};
use crate::error::{Code, Problem};
use crate::extract::JsonOrEmpty;
use crate::state::App;

/// What to refresh with; without a token the cookie counts.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Refresh {
    /// The newest refresh token, for clients that keep no cookies.
    #[schema(example = "AZLwwSs8fU6PUGFyg5QKG2f…")]
    refresh_token: Option<String>,
}

/// Refresh a login
///
/// Exchanges the refresh token (cookie or body) for a new pair. A token serves once; using an old one again ends the login,
/// except within 10 seconds, so that two tabs may refresh at once.
#[utoipa::path(
    post, path = "/api/auth/refresh", tag = "auth", security(()),
    request_body(content = Option<Refresh>),
    responses(
        (status = 200, description = "The new pair, also as cookies.", body = Login),
        (status = 401, description = "`unauthorized`: no refresh token, or none that is good; the cookies are cleared"),
        (status = 403, description = "`account-blocked`: an admin has blocked the account; the cookies are cleared"),
    )
)]
pub(crate) async fn refresh(
    State(app): State<App>,
    headers: HeaderMap,
    JsonOrEmpty(body): JsonOrEmpty<Refresh>,
) -> Result<Response, Problem> {
    let token = body.refresh_token.or_else(|| TokenCookie::Refresh.read(&headers, &app.config));
    let result = match token {
        Some(token) => app.auth.refresh(&token).await,
        None => Err(RefreshError::Invalid),
    };
    match result {
        Ok(logged_in) => Ok(Login::respond(&app, &logged_in)),
        Err(RefreshError::Storage(error)) => Err(error.into()),
        Err(error @ RefreshError::Blocked) => {
            let problem = Problem::new(Code::AccountBlocked, error.to_string());
            Ok((cookies::clear(&app.config), problem).into_response())
        }
        Err(error @ (RefreshError::Invalid | RefreshError::Expired | RefreshError::Replayed)) => {
            let problem = Problem::new(Code::Unauthorized, error.to_string());
            Ok((cookies::clear(&app.config), problem).into_response())
        }
    }
}
