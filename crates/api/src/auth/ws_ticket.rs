//! `POST /api/auth/ws-ticket`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::CurrentUser;
use crate::state::App;

/// A ticket for one WebSocket.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WsTicket {
    /// Goes into `ticket=` of the WebSocket's URL; serves once.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJodWJidWI6d3Mi…")]
    ticket: String,
    /// How long it is good for.
    #[schema(example = 30)]
    expires_in_seconds: u64,
}

/// Get a ticket for the WebSocket
///
/// For clients that send neither cookies nor headers when they open `/ws`.
#[utoipa::path(
    post, path = "/api/auth/ws-ticket", tag = "auth",
    responses((status = 200, description = "A ticket.", body = WsTicket))
)]
pub(crate) async fn ws_ticket(State(app): State<App>, current: CurrentUser) -> Json<WsTicket> {
    let ticket = app.auth.issue_ws_ticket(&current.identity);
    Json(WsTicket { ticket: ticket.ticket.expose().to_owned(), expires_in_seconds: ticket.expires_in.as_secs() })
}
