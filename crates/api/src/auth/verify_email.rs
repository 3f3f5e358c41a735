//! `POST /api/auth/email/verify`

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use hubbub_auth::VerifyError;
use hubbub_domain::user::Email;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::client_address::ClientAddress;
use crate::cookies::{self, TokenCookie};
use crate::error::{Code, Problem, parse_field};
use crate::extract::Json;
use crate::state::App;

/// The proof of an address.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VerifyEmail {
    /// The address that was registered.
    #[schema(example = "ada@example.org", format = "email", min_length = 3, max_length = 254)]
    email: String,
    /// The six digits from the mail.
    #[schema(example = "271828")]
    code: String,
    /// The `registrationToken` that registering gave, for clients that keep no cookies; the cookie counts without it.
    #[schema(example = "q1Qm0C0mYd3mJ8oYbS3n6hVn…")]
    registration_token: Option<String>,
}

/// Prove an address
///
/// With the code that was mailed to it. A code serves once, expires, and is dead after five wrong tries. An address without
/// an account is answered as one with another code. With the registration's token (cookie or body) only the registration
/// that gave it is proved; no try is taken for a later one.
#[utoipa::path(
    post, path = "/api/auth/email/verify", tag = "auth", security(()),
    request_body = VerifyEmail,
    responses(
        (status = 204, description = "The address is proved; now log in."),
        (status = 409, description = "`registered-again`: this address was registered again since; register once more to be safe"),
        (status = 422, description = "`invalid-code`: the code is wrong or has expired"),
        (status = 429, description = "`too-many-attempts`: the code is dead; ask for a new one"),
    )
)]
pub(crate) async fn verify_email(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
    Json(body): Json<VerifyEmail>,
) -> Result<impl IntoResponse, Problem> {
    app.limits.verify.by_address(client)?;
    let email = parse_field("email", Email::parse(&body.email))?;
    app.limits.verify_account.by_account(&email)?;
    // A cookie that is left from registering another address says nothing about this one.
    let cookie = || {
        TokenCookie::Registration.read(&headers, &app.config).filter(|token| app.auth.is_registration_of(&email, token))
    };
    let registration = body.registration_token.or_else(cookie);
    app.auth.verify_email(&email, &body.code, registration.as_deref()).await.map_err(|error| match error {
        VerifyError::InvalidCode => Problem::new(Code::InvalidCode, error.to_string()),
        VerifyError::TooManyAttempts => {
            Problem::new(Code::TooManyAttempts, error.to_string()).retry_after(app.auth.resend_cooldown())
        }
        VerifyError::RegisteredAgain => Problem::new(Code::RegisteredAgain, error.to_string()),
        VerifyError::Storage(error) => error.into(),
    })?;
    let served = registration.map(|_| cookies::clear_registration(&app.config)).unwrap_or_default();
    Ok((StatusCode::NO_CONTENT, served))
}
