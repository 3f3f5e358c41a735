//! `POST /api/auth/login`

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use hubbub_auth::LoginError;
use hubbub_domain::user::Email;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Login;
use crate::client_address::ClientAddress;
use crate::error::{Code, Problem, parse_field};
use crate::extract::Json;
use crate::state::App;

/// Who wants to log in.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The address.
    #[schema(example = "ada@example.org", format = "email", min_length = 3, max_length = 254)]
    email: String,
    /// The password.
    #[schema(example = "correct horse battery staple", format = "password")]
    password: String,
}

/// Log in
///
/// Gives an access token for 15 minutes and a refresh token that serves once, in the body and as `HttpOnly` cookies.
#[utoipa::path(
    post, path = "/api/auth/login", tag = "auth", security(()),
    request_body = Credentials,
    responses(
        (status = 200, description = "Logged in.", body = Login),
        (status = 401, description = "`invalid-credentials`: no such account, or another password; which is not told"),
        (
            status = 403, description = "`email-not-verified`: the password is right, the address is still to be proved\n\n\
                `account-blocked`: the password is right, and an admin has blocked the account"
        ),
        (status = 503, description = "`server-busy`: too many passwords are being hashed"),
    )
)]
pub(crate) async fn login(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
    Json(body): Json<Credentials>,
) -> Result<Response, Problem> {
    app.limits.login.by_address(client)?;
    let email = parse_field("email", Email::parse(&body.email))?;
    app.limits.login_account.by_account(&email)?;
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let logged_in = app.auth.login(&email, &body.password, user_agent).await.map_err(|error| match error {
        LoginError::InvalidCredentials => Problem::new(Code::InvalidCredentials, error.to_string()),
        LoginError::EmailNotVerified => Problem::new(Code::EmailNotVerified, error.to_string()),
        LoginError::Blocked => Problem::new(Code::AccountBlocked, error.to_string()),
        LoginError::Busy => Problem::server_busy(),
        LoginError::Storage(error) => error.into(),
    })?;
    Ok(Login::respond(&app, &logged_in))
}
