//! Registering, proving an address, logging in and out.

pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod resend_verification;
pub(crate) mod verify_email;
pub(crate) mod ws_ticket;

use axum::Json;
use axum::response::{IntoResponse, Response};
use hubbub_auth::{LoggedIn, PasswordError, Secret};
use hubbub_domain::user::Email;
use serde::Serialize;
use utoipa::ToSchema;

use crate::cookies;
use crate::error::FieldFault;
use crate::state::App;
use crate::users::Me;

/// A login. The same tokens are set as `HttpOnly` cookies.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Login {
    /// JWT for `Authorization: Bearer`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTky…")]
    access_token: String,
    /// How long the access token is good for.
    #[schema(example = 900)]
    expires_in_seconds: u64,
    /// Gets the next pair; serves once.
    #[schema(example = "AZLwwSs8fU6PUGFyg5QKG2f…")]
    refresh_token: String,
    /// How long until the login ends for good, however often it is refreshed.
    #[schema(example = 2_592_000)]
    refresh_expires_in_seconds: u64,
    /// Who is logged in.
    user: Me,
}

impl Login {
    /// The answer to a login or a refresh, with both cookies.
    pub(crate) fn respond(app: &App, logged_in: &LoggedIn) -> Response {
        let LoggedIn { user, tokens } = logged_in;
        let (access, refresh) = (tokens.access.expose(), tokens.refresh.expose());
        let jar = cookies::set((access, tokens.access_expires_in), (refresh, tokens.refresh_expires_in), &app.config);
        let body = Self {
            access_token: access.to_owned(),
            expires_in_seconds: tokens.access_expires_in.as_secs(),
            refresh_token: refresh.to_owned(),
            refresh_expires_in_seconds: tokens.refresh_expires_in.as_secs(),
            user: Me::from(user),
        };
        (jar, Json(body)).into_response()
    }
}

/// A code is on its way, or would be if there were an account to prove: the answer is the same.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerificationRequired {
    /// Always `verification-required`.
    #[schema(example = "verification-required")]
    status: &'static str,
    /// The address as it was understood.
    #[schema(example = "ada@example.org", format = "email")]
    email: String,
    /// How long a code is good for.
    #[schema(example = 900)]
    expires_in_seconds: u64,
}

impl VerificationRequired {
    pub(crate) fn new(app: &App, email: &Email) -> Self {
        Self {
            status: "verification-required",
            email: email.to_string(),
            expires_in_seconds: app.auth.code_lifetime().as_secs(),
        }
    }
}

/// A registration that waits for its code; the answer is the same for an address that has an account already.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Registered {
    /// Always `verification-required`.
    #[schema(example = "verification-required")]
    status: &'static str,
    /// The address as it was understood.
    #[schema(example = "ada@example.org", format = "email")]
    email: String,
    /// How long a code is good for.
    #[schema(example = 900)]
    expires_in_seconds: u64,
    /// Send it with the code, so that this registration is proved and no later one of the same address; also set as an
    /// `HttpOnly` cookie.
    #[schema(example = "q1Qm0C0mYd3mJ8oYbS3n6hVn…")]
    registration_token: String,
}

impl Registered {
    pub(crate) fn new(app: &App, email: &Email, token: &Secret) -> Self {
        let VerificationRequired { status, email, expires_in_seconds } = VerificationRequired::new(app, email);
        Self { status, email, expires_in_seconds, registration_token: token.expose().to_owned() }
    }
}

impl FieldFault for PasswordError {
    fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "length",
            Self::Common => "common",
            Self::Repeated => "repeated",
            Self::Sequence => "sequence",
            Self::Personal => "personal",
        }
    }
}
