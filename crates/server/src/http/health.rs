//! `/healthz`: the process runs. `/readyz`: it can do its work.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hubbub_domain::Storage;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::problem::problem;

/// How long the database may take to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Health {
    storage: Arc<dyn Storage>,
    draining: CancellationToken,
}

/// Both routes; from `draining` on the server is not ready.
pub(crate) fn router(storage: Arc<dyn Storage>, draining: CancellationToken) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/readyz", get(ready))
        .with_state(Health { storage, draining })
}

async fn ready(State(health): State<Health>) -> Response {
    if health.draining.is_cancelled() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "shutting-down", "The server is shutting down.");
    }
    match tokio::time::timeout(PING_TIMEOUT, health.storage.ping()).await {
        Ok(Ok(())) => Json(json!({ "status": "ready" })).into_response(),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            unavailable()
        }
        Err(_) => {
            tracing::warn!("not ready: the database did not answer in time");
            unavailable()
        }
    }
}

fn unavailable() -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "database-unavailable", "The database does not answer.")
}
