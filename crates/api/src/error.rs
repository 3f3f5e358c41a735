//! Every answer that is no success: problem details (RFC 9457) with a stable `code`.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hubbub_domain::text::TextError;
use hubbub_domain::{Denied, StorageError};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, for programs. Stable; what each means stands at the answers that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "a code says what it means; the status beside it too")]
pub enum Code {
    BadJson,
    Unauthorized,
    TokenExpired,
    InvalidCredentials,
    EmailNotVerified,
    AccountBlocked,
    Forbidden,
    CrossSiteRequest,
    NotFound,
    RoomNotFound,
    ParticipantNotFound,
    InviteInvalid,
    MethodNotAllowed,
    UsernameTaken,
    RegisteredAgain,
    RoomLimitReached,
    LastAdmin,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    InvalidCode,
    TooManyAttempts,
    RateLimited,
    Internal,
    DatabaseUnavailable,
    ServerBusy,
    ServerDraining,
    Timeout,
    StorageFull,
}

impl Code {
    /// The HTTP status it always comes with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadJson => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::TokenExpired | Self::InvalidCredentials => StatusCode::UNAUTHORIZED,
            Self::EmailNotVerified | Self::AccountBlocked | Self::Forbidden | Self::CrossSiteRequest => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound | Self::RoomNotFound | Self::ParticipantNotFound | Self::InviteInvalid => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UsernameTaken | Self::RegisteredAgain | Self::RoomLimitReached | Self::LastAdmin => {
                StatusCode::CONFLICT
            }
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ValidationFailed | Self::InvalidCode => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyAttempts | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::DatabaseUnavailable | Self::ServerBusy | Self::ServerDraining | Self::Timeout => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        }
    }
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as a path into the body (`name`) or the name of a query parameter.
    #[schema(example = "name")]
    pub field: String,
    /// What kind of mistake, for programs.
    #[schema(example = "length")]
    pub code: &'static str,
    /// What was wrong and what would be right, for people.
    #[schema(example = "must have 1 to 80 characters, has 0")]
    pub detail: String,
}

/// An error answer. Whatever is in it is sent to the client: nothing internal belongs here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What went wrong.
    pub code: Code,
    /// For people: what was wrong and what would be right.
    pub detail: Cow<'static, str>,
    /// The fields that are wrong, with [`Code::ValidationFailed`].
    pub errors: Vec<FieldError>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

/// The body of every error answer: problem details (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`: the status and `code` say it all.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 422, minimum = 400, maximum = 599)]
    status: u16,
    /// What was wrong and what would be right, for people; may change.
    #[schema(example = "one field is wrong: name must have 1 to 80 characters, has 0")]
    detail: &'a str,
    /// What went wrong, for programs; stable.
    #[schema(example = "validation-failed")]
    code: Code,
    /// The fields that are wrong, with the code `validation-failed`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem with a text for people.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    /// Asks the client to wait; rounded up to whole seconds, at least one.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// 422 for one field or several.
    #[must_use]
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let list: Vec<String> = errors.iter().map(|e| format!("{} {}", e.field, e.detail)).collect();
        let intro = if errors.len() == 1 { "one field is wrong" } else { "several fields are wrong" };
        Self { errors, ..Self::new(Code::ValidationFailed, format!("{intro}: {}", list.join("; "))) }
    }

    /// 401: nobody is logged in.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "this needs a login: send the cookie or an 'Authorization: Bearer' header")
    }

    /// 404: nothing has this address.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "there is nothing here")
    }

    /// 404: no room has this id.
    #[must_use]
    pub fn room_not_found() -> Self {
        Self::new(Code::RoomNotFound, "there is no such room; it may have been deleted")
    }

    /// 404: nobody in any room has this seat.
    #[must_use]
    pub fn participant_not_found() -> Self {
        Self::new(Code::ParticipantNotFound, "nobody has this seat; they may have left or joined anew")
    }

    /// 404: no user has this id.
    #[must_use]
    pub fn user_not_found() -> Self {
        Self::new(Code::NotFound, "there is no such user")
    }

    /// 404: an invitation is unknown, expired or used up; which of these is not told.
    #[must_use]
    pub fn invite_invalid() -> Self {
        Self::new(Code::InviteInvalid, "this invitation is unknown, expired or used up; ask for a new one")
    }

    /// 409: somebody has the username, or one that looks like it.
    #[must_use]
    pub fn username_taken() -> Self {
        Self::new(Code::UsernameTaken, "this username is taken, or looks like one that is; choose another")
    }

    /// 503: more work waits than may wait.
    #[must_use]
    pub fn server_busy() -> Self {
        Self::new(Code::ServerBusy, "the server is busy; try again in a few seconds")
            .retry_after(Duration::from_secs(3))
    }

    /// 503: the server is about to end.
    #[must_use]
    pub fn server_draining() -> Self {
        Self::new(Code::ServerDraining, "the server is about to restart; try again in a moment")
            .retry_after(Duration::from_secs(5))
    }

    /// 500. Logs `error` here and nowhere else; the client is told nothing of it.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(error.message = %error, "request failed");
        Self::new(Code::Internal, "the server made a mistake; it has been logged")
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(reason) => {
                tracing::warn!(error.message = %reason, "database unavailable");
                Self::new(Code::DatabaseUnavailable, "the database is unavailable; try again in a moment")
                    .retry_after(Duration::from_secs(2))
            }
            StorageError::Full(reason) => {
                tracing::error!(error.message = %reason, "database full");
                Self::new(Code::StorageFull, "the server has no room left to store this; reading still works")
            }
            StorageError::Failed(reason) => Self::internal(&reason),
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Self::new(Code::Forbidden, denied.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = ProblemBody {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Collects what is wrong with a request, so that everything is told at once.
#[derive(Debug, Default)]
pub(crate) struct Check(Vec<FieldError>);

/// An error of parsing one field that knows its code.
pub(crate) trait FieldFault: std::fmt::Display {
    /// The kind of mistake.
    fn code(&self) -> &'static str;
}

impl FieldFault for TextError {
    fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "length",
            Self::Invisible(_) => "invisible-character",
            Self::Character(..) => "character",
            Self::MixedScripts => "mixed-scripts",
            Self::Email => "email",
        }
    }
}

impl FieldFault for hubbub_domain::room::MaxParticipantsError {
    fn code(&self) -> &'static str {
        "range"
    }
}

impl FieldFault for hubbub_domain::room::MaxForwardedSpeakersError {
    fn code(&self) -> &'static str {
        "range"
    }
}

/// Parses the one field that may be wrong.
pub(crate) fn parse_field<T, E: FieldFault>(field: &str, result: Result<T, E>) -> Result<T, Problem> {
    result.map_err(|e| {
        Problem::validation(vec![FieldError { field: field.to_owned(), code: e.code(), detail: e.to_string() }])
    })
}

impl Check {
    /// Keeps the error under the field's name; `None` then.
    pub(crate) fn field<T, E: FieldFault>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|e| self.fail(field, e.code(), e.to_string())).ok()
    }

    /// As [`Self::field`] for a field that may be absent.
    pub(crate) fn optional<T, E: FieldFault>(&mut self, field: &str, result: Option<Result<T, E>>) -> Option<T> {
        result.and_then(|result| self.field(field, result))
    }

    /// Adds an error.
    pub(crate) fn fail(&mut self, field: &str, code: &'static str, detail: impl Into<String>) {
        self.0.push(FieldError { field: field.to_owned(), code, detail: detail.into() });
    }

    /// The problem, when there was any.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_problem()) }
    }

    /// The problem, when there is known to be one.
    pub(crate) fn into_problem(self) -> Problem {
        Problem::validation(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_and_never_zero() {
        for (wait, expected) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2")] {
            let problem = Problem::new(Code::RateLimited, "slow").retry_after(Duration::from_millis(wait));
            assert_eq!(problem.into_response().headers()["retry-after"], expected);
        }
    }

    #[test]
    fn storage_failures_tell_the_client_nothing_internal() {
        for (error, status) in [
            (StorageError::Unavailable("host db.internal".into()), 503),
            (StorageError::Full("/var/db.internal".into()), 507),
            (StorageError::Failed("syntax near db.internal".into()), 500),
        ] {
            let problem = Problem::from(error);
            assert_eq!(problem.code.status().as_u16(), status);
            assert!(!problem.detail.contains("db.internal"));
        }
    }
}
