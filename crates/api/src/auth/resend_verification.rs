//! `POST /api/auth/email/resend-verification`

use axum::extract::State;
use axum::http::StatusCode;
use hubbub_domain::user::Email;
use serde::Deserialize;
use utoipa::ToSchema;

use super::VerificationRequired;
use crate::client_address::ClientAddress;
use crate::error::{Problem, parse_field};
use crate::extract::Json;
use crate::state::App;

/// Whose code to send again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResendVerification {
    /// The address that was registered.
    #[schema(example = "ada@example.org", format = "email", min_length = 3, max_length = 254)]
    email: String,
}

/// Ask for a new code
///
/// The one before it is dead then. At most one mail in 30 seconds goes out; the answer is the same with and without a mail,
/// and with and without an account.
#[utoipa::path(
    post, path = "/api/auth/email/resend-verification", tag = "auth", security(()),
    request_body = ResendVerification,
    responses((status = 202, description = "A mail is on its way, if there is an account to prove.", body = VerificationRequired))
)]
pub(crate) async fn resend_verification(
    State(app): State<App>,
    client: ClientAddress,
    Json(body): Json<ResendVerification>,
) -> Result<(StatusCode, axum::Json<VerificationRequired>), Problem> {
    app.limits.resend.by_address(client)?;
    let email = parse_field("email", Email::parse(&body.email))?;
    app.limits.resend_account.by_account(&email)?;
    app.auth.resend_verification(&email).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(VerificationRequired::new(&app, &email))))
}
