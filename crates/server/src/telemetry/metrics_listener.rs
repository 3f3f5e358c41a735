//! `/metrics` and `/metrics/rooms` on a listener of their own, so that they are not public by accident; and how the server is,
//! for probes that speak no TLS.
//!
//! However often somebody asks, answers are made a few times a second at most and one at a time, away from the threads that
//! serve people.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hubbub_sfu::Sfu;
use prometheus::proto::MetricFamily;
use prometheus::{Encoder, Registry, TEXT_FORMAT, TextEncoder};
use serde::Deserialize;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::rooms::{self, Limits};

/// How old an answer may be. The workers' numbers are up to a quarter of a second old in any case.
const FRESH: Duration = Duration::from_millis(100);
/// The same for rooms, for which workers are asked.
const ROOMS_FRESH: Duration = Duration::from_secs(1);

/// The whole of that listener; rooms are told when `limits` lets some be.
pub(crate) fn router(registry: Registry, health: Router, sfu: Sfu, limits: Limits) -> Router {
    let metrics = everything(registry).merge(health);
    if limits.rooms == 0 {
        return metrics;
    }
    let rooms = Rooms { sfu, limits, cached: Cached::new(ROOMS_FRESH) };
    metrics.merge(Router::new().route("/metrics/rooms", get(scrape_rooms)).with_state(Arc::new(rooms)))
}

fn everything(registry: Registry) -> Router {
    let everything = Everything { registry, cached: Cached::new(FRESH) };
    Router::new().route("/metrics", get(scrape)).with_state(Arc::new(everything))
}

struct Everything {
    registry: Registry,
    cached: Cached<()>,
}

struct Rooms {
    sfu: Sfu,
    limits: Limits,
    cached: Cached<Option<Uuid>>,
}

/// What to ask `/metrics/rooms` for.
#[derive(Debug, Deserialize)]
struct Wanted {
    /// One room only.
    room: Option<Uuid>,
}

async fn scrape(State(everything): State<Arc<Everything>>) -> Response {
    let registry = everything.registry.clone();
    everything
        .cached
        .get((), async {
            // Counting file descriptors alone may take milliseconds.
            tokio::task::spawn_blocking(move || encode(&registry.gather())).await.ok().flatten()
        })
        .await
}

async fn scrape_rooms(State(rooms): State<Arc<Rooms>>, Query(wanted): Query<Wanted>) -> Response {
    let families = rooms::families(&rooms.sfu, rooms.limits, wanted.room);
    rooms.cached.get(wanted.room, async { encode(&families.await) }).await
}

fn encode(families: &[MetricFamily]) -> Option<Bytes> {
    // A family without samples is none: the encoder refuses it.
    let families: Vec<_> = families.iter().filter(|family| !family.get_metric().is_empty()).cloned().collect();
    let mut text = Vec::new();
    match TextEncoder::new().encode(&families, &mut text) {
        Ok(()) => Some(text.into()),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            None
        }
    }
}

/// The last answer, and to what.
struct Cached<K> {
    fresh: Duration,
    last: Mutex<Option<(K, Instant, Bytes)>>,
}

impl<K: PartialEq> Cached<K> {
    fn new(fresh: Duration) -> Self {
        Self { fresh, last: Mutex::new(None) }
    }

    /// The last answer to `key` while it is fresh, else what `make` makes. Others wait meanwhile.
    async fn get(&self, key: K, make: impl Future<Output = Option<Bytes>>) -> Response {
        let mut last = self.last.lock().await;
        if let Some((_, _, text)) = last.as_ref().filter(|(of, at, _)| *of == key && at.elapsed() < self.fresh) {
            return answer(text.clone());
        }
        let Some(text) = make.await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
        *last = Some((key, Instant::now(), text.clone()));
        answer(text)
    }
}

fn answer(text: Bytes) -> Response {
    ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::body::Body;
    use axum::http::Request;
    use prometheus::core::{Collector, Desc};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_hundred_who_ask_at_once_get_one_answer() {
        let cached = Arc::new(Cached::new(Duration::from_secs(3600)));
        let made = Arc::new(AtomicU32::new(0));
        let asking: Vec<_> = (0..100)
            .map(|_| {
                let (cached, made) = (cached.clone(), made.clone());
                tokio::spawn(async move {
                    let make = async {
                        made.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                        Some(Bytes::from_static(b"text"))
                    };
                    cached.get(1, make).await.status()
                })
            })
            .collect();
        for asked in asking {
            assert_eq!(asked.await.unwrap(), StatusCode::OK);
        }
        assert_eq!(made.load(Ordering::Relaxed), 1);
        let failed = cached.get(2, async { None }).await;
        assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR, "another question, and no answer to it");
    }

    /// Counts how often it is asked.
    struct Asked(Desc, Arc<AtomicU32>);

    impl Collector for Asked {
        fn desc(&self) -> Vec<&Desc> {
            vec![&self.0]
        }

        fn collect(&self) -> Vec<MetricFamily> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Vec::new()
        }
    }

    #[tokio::test]
    async fn a_prometheus_that_scrapes_without_a_pause_gets_ten_answers_made_a_second() {
        let asked = Arc::new(AtomicU32::new(0));
        let desc = Desc::new("asked".to_owned(), "Asked.".to_owned(), Vec::new(), HashMap::new()).unwrap();
        let registry = Registry::new();
        registry.register(Box::new(Asked(desc, asked.clone()))).unwrap();
        let router = everything(registry);
        let started = Instant::now();
        for _ in 0..500 {
            let request = Request::get("/metrics").body(Body::empty()).unwrap();
            assert_eq!(router.clone().oneshot(request).await.unwrap().status(), StatusCode::OK);
        }
        let most = started.elapsed().as_millis() / FRESH.as_millis() + 1;
        assert!(u128::from(asked.load(Ordering::Relaxed)) <= most, "{asked:?} of 500, at most {most}");
    }

    #[tokio::test]
    async fn an_old_answer_is_not_given() {
        let cached = Cached::new(Duration::ZERO);
        for text in ["one", "two"] {
            let response = cached.get((), async { Some(Bytes::from_static(text.as_bytes())) }).await;
            let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
            assert_eq!(body, text);
        }
    }
}
