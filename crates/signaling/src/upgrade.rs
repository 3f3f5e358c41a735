//! The handshake: from a request for `/ws` to a socket that belongs to somebody.
//!
//! Checked in this order: is it a handshake (400, 405, 426), is the server staying (503), does it come from our own page (403), who
//! is it (401), has the user opened too many of late (429), have user
//! and network a socket left (429). An unknown version is told on the socket, where scripts can see it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{
    ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_VERSION, USER_AGENT, WWW_AUTHENTICATE,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use hubbub_auth::{Identity, SessionError};
use hubbub_protocol::PROTOCOL_VERSION;
use serde_json::json;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tracing::{debug, warn};
use url::form_urlencoded;
use uuid::Uuid;

use crate::client;
use crate::connection;
use crate::connections::{Bounds, TooMany};
use crate::origin;
use crate::service::Inner;
use crate::session::Origin;
use crate::trace::Trace;

/// The cookie an access token comes in under https: no subdomain and no plain-text page can set one of this name (RFC
/// 6265bis, section 4.1.3.2), so that none of another name counts there.
const SECURE_COOKIE: &str = "__Host-hubbub_access";
/// The cookie an access token comes in without TLS.
const PLAIN_COOKIE: &str = "hubbub_access";

/// Where whoever serves us says under which id a request is logged.
const REQUEST_ID: &str = "x-request-id";

/// Where a request comes from: an address, or what counts as one. Whoever serves the route knows, and adds it to the request as
/// an extension; sockets of requests without are not counted by network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientNetwork(pub IpAddr);

/// `GET /ws`.
pub(crate) async fn handle(
    State(inner): State<Arc<Inner>>,
    network: Option<Extension<ClientNetwork>>,
    trace: Option<Extension<Trace>>,
    mut request: Request,
) -> Response {
    let refused = |refusal: Refused| {
        inner.metrics().handshakes_refused.increment();
        debug!(code = refusal.code(), "handshake refused");
        refusal.into_response()
    };
    let switching = match create_response_with_body(&request, Body::empty) {
        Ok(response) => response,
        Err(error) => return refused(error.into()),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let (uri, headers) = (request.uri(), request.headers());
    if inner.ending.is_cancelled() {
        return refused(Refused::ShuttingDown);
    }
    if !comes_from_own_page(&inner, uri, headers) {
        return refused(Refused::Origin);
    }
    let query = Query::parse(uri.query().unwrap_or_default());
    let identity = match authenticate(&inner, headers, query.ticket.as_deref()).await {
        Ok(identity) => identity,
        Err(refusal) => return refused(refusal),
    };
    if let Err(seconds) = inner.handshakes.take(identity.user) {
        return refused(Refused::TooOften(seconds));
    }
    let bounds = Bounds { user: inner.config.max_sockets_per_user, network: inner.config.max_sockets_per_network };
    let network = network.map(|Extension(ClientNetwork(network))| network);
    let place = match inner.connections.reserve(identity.user, network, bounds) {
        Ok(place) => place,
        Err(too_many) => return refused(Refused::TooManySockets(too_many)),
    };
    let origin = Box::new(Origin {
        socket: Uuid::now_v7(),
        request: headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned),
        client: client::of(headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()),
        trace: trace.map(|Extension(trace)| trace),
    });
    let spoken = query.version == Some(PROTOCOL_VERSION);
    let tracked = inner.tasks.token();
    tokio::spawn(async move {
        match upgrade.await {
            Ok(connection) if spoken => connection::run(inner, connection, identity, origin).await,
            Ok(connection) => Box::pin(connection::refuse_version(&inner, connection)).await,
            Err(error) => debug!(%error, "a handshake was not finished"),
        }
        drop((place, tracked));
    });
    switching
}

struct Query {
    version: Option<u32>,
    ticket: Option<String>,
}

impl Query {
    fn parse(query: &str) -> Self {
        let find =
            |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value);
        Self {
            version: find("version").and_then(|version| version.parse().ok()),
            ticket: find("ticket").map(std::borrow::Cow::into_owned),
        }
    }
}

fn comes_from_own_page(inner: &Inner, uri: &Uri, headers: &HeaderMap) -> bool {
    let asked: Option<Authority> =
        headers.get(HOST).and_then(|host| host.to_str().ok()?.parse().ok()).or_else(|| uri.authority().cloned());
    headers.get_all(ORIGIN).iter().all(|origin| {
        origin.to_str().is_ok_and(|origin| origin::is_own(origin, &inner.config.public_url, asked.as_ref()))
    })
}

/// By ticket, else by bearer token, else by cookie: what was given on purpose counts alone. An `Authorization` of another
/// scheme is for a proxy in front of the server and counts as none.
async fn authenticate(inner: &Inner, headers: &HeaderMap, ticket: Option<&str>) -> Result<Identity, Refused> {
    if let Some(ticket) = ticket {
        return inner.auth.redeem_ws_ticket(ticket).await.map_err(Refused::from);
    }
    let name = if inner.config.public_url.scheme() == "https" { SECURE_COOKIE } else { PLAIN_COOKIE };
    let cookie = || CookieJar::from_headers(headers).get(name).map(|cookie| cookie.value().to_owned());
    let token = bearer(headers).map(str::to_owned).or_else(cookie).ok_or(Refused::Unauthorized)?;
    inner.auth.authenticate_live(&token).await.map_err(Refused::from)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Why there is no socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    NoHandshake(&'static str),
    Method,
    WebSocketVersion,
    ShuttingDown,
    Origin,
    Unauthorized,
    TooManySockets(TooMany),
    /// For how many seconds.
    TooOften(u64),
    Unavailable,
}

impl From<Error> for Refused {
    /// What a request lacks to be a handshake (RFC 6455, section 4.2.1).
    fn from(error: Error) -> Self {
        match error {
            Error::Protocol(ProtocolError::WrongHttpMethod) => Self::Method,
            Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => Self::WebSocketVersion,
            Error::Protocol(ProtocolError::InvalidSecWebSocketKey | ProtocolError::MissingSecWebSocketKey) => {
                Self::NoHandshake("a handshake needs a Sec-WebSocket-Key of 16 bytes in base64")
            }
            _ => Self::NoHandshake(
                "this is a WebSocket; open it with Connection: Upgrade and Upgrade: websocket, over HTTP/1.1 (a proxy in between \
                 must pass both on)",
            ),
        }
    }
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Invalid | SessionError::Expired => Self::Unauthorized,
            SessionError::Storage(error) => {
                warn!(error = %error, "a handshake could not be checked");
                Self::Unavailable
            }
        }
    }
}

impl Refused {
    fn code(self) -> &'static str {
        match self {
            Self::NoHandshake(_) => "no-handshake",
            Self::Method => "method-not-allowed",
            Self::WebSocketVersion => "websocket-version",
            Self::ShuttingDown => "shutting-down",
            Self::Origin => "cross-site-request",
            Self::Unauthorized => "unauthorized",
            Self::TooManySockets(_) => "too-many-sockets",
            Self::TooOften(_) => "rate-limited",
            Self::Unavailable => "database-unavailable",
        }
    }
}

impl IntoResponse for Refused {
    /// problem+json (RFC 9457), as the REST API answers.
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Self::NoHandshake(detail) => (StatusCode::BAD_REQUEST, detail.to_owned()),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "a WebSocket is opened with GET".to_owned()),
            Self::WebSocketVersion => {
                (StatusCode::UPGRADE_REQUIRED, "Sec-WebSocket-Version must be 13 (RFC 6455)".to_owned())
            }
            Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "the server shuts down; connect again".to_owned()),
            Self::Origin => (
                StatusCode::FORBIDDEN,
                "the Origin is not this server; open its own page, or set http.public_url".into(),
            ),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "the login, ticket or cookie is missing, wrong, used or expired; log in or get a new ticket".into(),
            ),
            Self::TooManySockets(TooMany::User(limit)) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!("you have {limit} sockets open, which is the limit; close one and try again"),
            ),
            Self::TooManySockets(TooMany::Network(limit)) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "your network has {limit} sockets open, which is the limit; try again later, or ask the operator"
                ),
            ),
            Self::TooOften(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "you opened too many sockets of late; wait as long as Retry-After says".into(),
            ),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "the database is away; connect again in a moment".into())
            }
        };
        let title = status.canonical_reason().unwrap_or_default();
        let body = json!({"title": title, "status": status.as_u16(), "detail": detail, "code": self.code()});
        let mut response = (status, [(CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Unauthorized => drop(headers.insert(WWW_AUTHENTICATE, "Bearer".parse().expect("a plain word"))),
            Self::ShuttingDown | Self::TooManySockets(_) | Self::Unavailable => {
                headers.insert(RETRY_AFTER, 2.into());
            }
            Self::TooOften(seconds) => drop(headers.insert(RETRY_AFTER, seconds.into())),
            Self::Method => drop(headers.insert(ALLOW, HeaderValue::from_static("GET"))),
            Self::WebSocketVersion => drop(headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))),
            Self::NoHandshake(_) | Self::Origin => {}
        }
        response
    }
}
