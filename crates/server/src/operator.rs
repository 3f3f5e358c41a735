//! The operator's way into a running server: a Unix socket in the data folder, which only the user that runs the server can
//! open. It speaks HTTP: the REST API, in which whoever comes this way may do what admins may (docs/adr/0011-the-operators-socket.md), and
//! [`EVENTS`], by which `hubbub admin` tells what it changed in the database, and [`LOG`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use hubbub_domain::{DomainEvent, EventBus, LoginsEnd, RoomId, UserId};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::telemetry::logging::Filter;

/// The name of the socket inside the data folder.
const FILE: &str = "admin.sock";

/// Where events are told.
const EVENTS: &str = "/operator/events";

/// What is logged: read with GET, changed with PUT.
const LOG: &str = "/operator/log";

/// Events told at once: far below the largest body that is read.
const BATCH: usize = 500;

/// The largest answer that is read: a page of 200 people has about 200 KB.
const MAX_ANSWER: usize = 4 << 20;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(35);

/// The socket of a server that runs; its file goes with it.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    listener: UnixListener,
}

impl Socket {
    /// Opens it, for the owner only, in place of one that a server left behind.
    ///
    /// # Errors
    /// What the system says; that another server listens there.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another server runs on this data folder"));
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Nobody else gets into the folder while the file has not got its own permissions yet.
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { path, listener })
    }

    /// Serves until `stop`.
    pub(crate) async fn serve(self, router: Router, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => drop(tokio::spawn(connection(stream, router.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "a connection of the operator could not be accepted");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn connection(stream: UnixStream, router: Router) {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(local));
        request.map(Body::new)
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the operator ended badly");
    }
}

/// What the socket serves: `api`, whose every request is the operator's, [`EVENTS`] and [`LOG`].
pub(crate) fn router(api: Router, events: Arc<dyn EventBus>, filter: Filter) -> Router {
    let told = Router::new().route(EVENTS, post(take_events)).with_state(events);
    let log = Router::new().route(LOG, get(show_log).put(set_log)).with_state(filter);
    api.merge(told).merge(log).layer(Extension(hubbub_api::Operator))
}

/// Passes on what happened in the database.
async fn take_events(State(bus): State<Arc<dyn EventBus>>, Json(told): Json<Vec<Told>>) -> StatusCode {
    for event in told {
        bus.publish(event.into());
    }
    StatusCode::NO_CONTENT
}

/// What is logged, as `log.filter` has it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Logged {
    filter: String,
}

async fn show_log(State(filter): State<Filter>) -> Json<Logged> {
    Json(Logged { filter: filter.directives() })
}

async fn set_log(State(filter): State<Filter>, Json(wanted): Json<Logged>) -> Response {
    match filter.set(&wanted.filter) {
        Ok(()) => {
            tracing::info!(log.filter = wanted.filter, "hubbub admin: this is logged from now on");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(problem) => (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "detail": problem }))).into_response(),
    }
}

/// An event on the way from `hubbub admin` to the server.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Told {
    LoginsEnded { user: UserId, why: Why },
    RoomDeleted(RoomId),
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Why {
    Ended,
    Blocked,
    Deleted,
}

impl Told {
    /// `None` for what a server need not hear at once: it asks the database anyway.
    fn of(event: &DomainEvent) -> Option<Self> {
        match *event {
            DomainEvent::LoginsEnded { user, why } => {
                let why = match why {
                    LoginsEnd::Ended => Why::Ended,
                    LoginsEnd::Blocked => Why::Blocked,
                    LoginsEnd::Deleted => Why::Deleted,
                };
                Some(Self::LoginsEnded { user, why })
            }
            DomainEvent::RoomDeleted(room) => Some(Self::RoomDeleted(room)),
            DomainEvent::RoomUpdated(_) | DomainEvent::SessionEnded(_) | DomainEvent::ProfileChanged(_) => None,
        }
    }
}

impl From<Told> for DomainEvent {
    fn from(told: Told) -> Self {
        match told {
            Told::LoginsEnded { user, why } => {
                let why = match why {
                    Why::Ended => LoginsEnd::Ended,
                    Why::Blocked => LoginsEnd::Blocked,
                    Why::Deleted => LoginsEnd::Deleted,
                };
                Self::LoginsEnded { user, why }
            }
            Told::RoomDeleted(room) => Self::RoomDeleted(room),
        }
    }
}

/// Why the running server did not do what it was asked for.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// Nobody listens.
    #[error(
        "no server runs on the data folder {folder}: start it, or name its folder by data.dir (--config FILE or HUBBUB__DATA__DIR)"
    )]
    NoServer {
        /// Which.
        folder: String,
    },
    /// The socket is there and cannot be used.
    #[error("the socket {path} cannot be used: {reason}")]
    Socket {
        /// Which.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// It said no.
    #[error("{detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What was wrong.
        detail: String,
    },
}

/// Tells the server that runs on `folder` what happened in the database. Where none runs nobody need be told.
///
/// # Errors
/// [`AskError`], but never [`AskError::NoServer`].
pub(crate) async fn tell(folder: &Path, events: &[DomainEvent]) -> Result<(), AskError> {
    let told: Vec<Told> = events.iter().filter_map(Told::of).collect();
    for batch in told.chunks(BATCH) {
        let body = serde_json::to_value(batch).expect("ids and words are plain data");
        match ask(folder, "POST", EVENTS, Some(body)).await {
            Ok(_) => {}
            Err(AskError::NoServer { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What the server that runs on `folder` logs.
///
/// # Errors
/// [`AskError`].
pub(crate) async fn logged(folder: &Path) -> Result<String, AskError> {
    let answer = ask(folder, "GET", LOG, None).await?;
    Ok(answer["filter"].as_str().unwrap_or_default().to_owned())
}

/// Makes it log by `directives` from now on.
///
/// # Errors
/// [`AskError`]; refused are directives that are none.
pub(crate) async fn log(folder: &Path, directives: &str) -> Result<(), AskError> {
    ask(folder, "PUT", LOG, Some(json!({ "filter": directives }))).await.map(drop)
}

/// Asks the server that runs on `folder`. An answer without a body is `null`.
///
/// # Errors
/// [`AskError`].
pub(crate) async fn ask(folder: &Path, method: &str, path: &str, body: Option<Value>) -> Result<Value, AskError> {
    let socket = folder.join(FILE);
    let stream = UnixStream::connect(&socket).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            AskError::NoServer { folder: folder.display().to_string() }
        }
        _ => AskError::Socket { path: socket.display().to_string(), reason: error.to_string() },
    })?;
    let failed = |reason: String| AskError::Socket { path: socket.display().to_string(), reason };
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = request.body(body).map_err(|error| failed(error.to_string()))?;
    let answered = tokio::time::timeout(PATIENCE, exchange(stream, request)).await;
    let (status, bytes) = match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Err(_) => return Err(failed(format!("no answer within {PATIENCE:?}"))),
    };
    let value: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(value);
    }
    let detail = value["detail"].as_str().map_or_else(|| format!("the server answered {status}"), str::to_owned);
    Err(AskError::Refused { status: status.as_u16(), detail })
}

async fn exchange(stream: UnixStream, request: Request<Body>) -> anyhow::Result<(StatusCode, axum::body::Bytes)> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let bytes = to_bytes(Body::new(response.into_body()), MAX_ANSWER).await?;
    connection.abort();
    Ok((status, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_does_not_tell_by_itself_survives_the_way() {
        let (user, room) = (UserId::new(), RoomId::new());
        for event in [
            DomainEvent::LoginsEnded { user, why: LoginsEnd::Ended },
            DomainEvent::LoginsEnded { user, why: LoginsEnd::Blocked },
            DomainEvent::LoginsEnded { user, why: LoginsEnd::Deleted },
            DomainEvent::RoomDeleted(room),
        ] {
            let text = serde_json::to_string(&Told::of(&event).unwrap()).unwrap();
            assert_eq!(DomainEvent::from(serde_json::from_str::<Told>(&text).unwrap()), event, "{text}");
        }
        assert!(Told::of(&DomainEvent::ProfileChanged(user)).is_none());
    }

    #[tokio::test]
    async fn the_socket_is_the_owners_alone_replaces_a_dead_one_and_goes_with_its_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a dead one is left behind");
        assert!(matches!(ask(folder.path(), "GET", "/", None).await, Err(AskError::NoServer { .. })));

        let socket = Socket::open(folder.path()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Socket::open(folder.path()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(socket);
        assert!(!path.exists());
        tell(folder.path(), &[DomainEvent::RoomDeleted(RoomId::new())]).await.unwrap();
    }
}
