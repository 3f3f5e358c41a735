//! The whole body, bounded by the route's `DefaultBodyLimit`.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;

use crate::error::{Code, Problem};
use crate::state::App;

/// A body of bytes. 413 when it is larger than the route allows.
pub(crate) struct Body(pub(crate) Bytes);

impl FromRequest<App> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        Bytes::from_request(request, app).await.map(Self).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::PayloadTooLarge, "the body is too large"),
            _ => Problem::new(Code::BadJson, "the body ended before it was complete"),
        })
    }
}
