//! `GET /api/server`

use axum::Json;
use axum::extract::State;
use hubbub_auth::{MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS};
use serde::Serialize;
use utoipa::ToSchema;

use crate::dev::OutboxVisible;
use crate::error::Problem;
use crate::state::App;

/// What clients should know before anybody logs in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerInfo {
    /// The instance's name.
    #[schema(example = "Hubbub")]
    name: String,
    /// The server's version.
    #[schema(example = "0.1.0")]
    version: String,
    /// Whether new accounts can be made.
    registration_open: bool,
    /// Whether this client may read the built-in outbox at `/dev/outbox`.
    dev_outbox: bool,
    /// Fewest characters of a password.
    #[schema(example = 8)]
    password_min: usize,
    /// Most characters of a password.
    #[schema(example = 128)]
    password_max: usize,
    /// The largest `maxForwardedSpeakers` of a room, and what it is where its owner does not say.
    #[schema(example = 8)]
    max_forwarded_speakers: u32,
}

/// About this server
#[utoipa::path(
    get, path = "/api/server", tag = "server", security(()),
    responses((status = 200, description = "About this server.", body = ServerInfo))
)]
pub(crate) async fn server_info(State(app): State<App>, outbox: Result<OutboxVisible, Problem>) -> Json<ServerInfo> {
    Json(ServerInfo {
        name: app.config.server_name.clone(),
        version: app.config.version.clone(),
        registration_open: app.config.registration_open,
        dev_outbox: outbox.is_ok(),
        password_min: MIN_PASSWORD_CHARS,
        password_max: MAX_PASSWORD_CHARS,
        max_forwarded_speakers: app.config.max_forwarded_speakers,
    })
}
