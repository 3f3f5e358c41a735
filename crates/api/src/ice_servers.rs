//! `GET /api/ice-servers`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::IceServerConfig;
use crate::extract::CurrentUser;
use crate::state::App;

/// An ICE server, in the shape of `RTCIceServer`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IceServer {
    /// `stun:`, `turn:` or `turns:` URLs.
    #[schema(example = json!(["turn:turn.example.org:3478?transport=udp"]))]
    urls: Vec<String>,
    /// For TURN.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// For TURN.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

impl From<IceServerConfig> for IceServer {
    fn from(IceServerConfig { urls, username, credential }: IceServerConfig) -> Self {
        Self { urls, username, credential }
    }
}

/// The ICE servers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IceServers {
    /// For the configuration of an `RTCPeerConnection`; mostly none, as the server is reached directly.
    ice_servers: Vec<IceServer>,
    /// How long the list is good for.
    #[schema(example = 3600)]
    ttl_seconds: u64,
}

/// List ICE servers
///
/// Clients put them into the configuration of their `RTCPeerConnection`.
#[utoipa::path(
    get, path = "/api/ice-servers", tag = "server",
    responses((status = 200, description = "The ICE servers.", body = IceServers))
)]
pub(crate) async fn ice_servers(State(app): State<App>, current: CurrentUser) -> Json<IceServers> {
    let ice_servers = app.config.ice_servers.for_user(current.user, app.clock.now());
    let ice_servers = ice_servers.into_iter().map(IceServer::from).collect();
    Json(IceServers { ice_servers, ttl_seconds: app.config.ice_servers_ttl.as_secs() })
}
