//! `POST /api/auth/register`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hubbub_auth::{RegisterError, Registration};
use hubbub_domain::user::{Email, Username};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Registered;
use crate::client_address::ClientAddress;
use crate::cookies;
use crate::error::{Check, Code, Problem, parse_field};
use crate::extract::Json;
use crate::state::App;

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Register {
    /// Where the code goes.
    #[schema(example = "ada@example.org", format = "email", min_length = 3, max_length = 254)]
    email: String,
    /// The unique name: 3 to 32 letters, digits, `_`, `-` and `.`, all of one script.
    #[schema(example = "ada", min_length = 3)]
    username: String,
    /// 8 to 128 characters of any kind, and none of the most common passwords.
    #[schema(example = "correct horse battery staple", format = "password", min_length = 8)]
    password: String,
}

/// Make an account
///
/// A code of six digits is mailed to the address; the account can log in once it was sent to
/// `POST /api/auth/email/verify`. The answer is the same for an address that has an account already; its owner is mailed
/// that somebody tried. `registrationToken`, in the body and as a cookie, belongs to this registration alone: sent with the
/// code it sees to it that nobody else's password is proved.
#[utoipa::path(
    post, path = "/api/auth/register", tag = "auth", security(()),
    request_body = Register,
    responses(
        (status = 202, description = "A mail is on its way.", body = Registered),
        (status = 403, description = "`forbidden`: registration is closed on this server"),
        (status = 409, description = "`username-taken`: somebody has this username, or one that looks like it"),
        (status = 503, description = "`server-busy`: too many passwords are being hashed"),
    )
)]
pub(crate) async fn register(
    State(app): State<App>,
    client: ClientAddress,
    Json(body): Json<Register>,
) -> Result<impl IntoResponse, Problem> {
    app.limits.register.by_address(client)?;
    if !app.config.registration_open {
        return Err(Problem::new(Code::Forbidden, "registration is closed on this server; ask whoever runs it"));
    }
    let mut check = Check::default();
    let email = check.field("email", Email::parse(&body.email));
    let username = check.field("username", Username::parse(&body.username));
    let (Some(email), Some(username)) = (email, username) else { return Err(check.into_problem()) };

    let registration = Registration { email: email.clone(), username, password: body.password };
    match app.auth.register(registration).await {
        Ok(token) => {
            let cookie = cookies::set_registration(token.expose(), &app.config);
            Ok((StatusCode::ACCEPTED, cookie, axum::Json(Registered::new(&app, &email, &token))))
        }
        Err(RegisterError::UsernameTaken) => Err(Problem::username_taken()),
        Err(RegisterError::Password(error)) => parse_field("password", Err(error)),
        Err(RegisterError::Busy) => Err(Problem::server_busy()),
        Err(RegisterError::Storage(error)) => Err(error.into()),
    }
}
