//! Signaling as the rest of the server holds it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use hubbub_auth::Auth;
use hubbub_domain::{Clock, DomainEvent, Storage};
use hubbub_sfu::Event;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use crate::config::Config;
use crate::connections::{self, Connections};
use crate::live::Surroundings;
use crate::media::MediaPlane;
use crate::metrics::{Metrics, MetricsSnapshot};
use crate::registry::Registry;
use crate::seats::Seats;
use crate::upgrade;
use crate::user_rate::UserRate;

/// How often it is looked whether somebody is still in a room, while the server waits to end.
const DRAIN_LOOK: Duration = Duration::from_millis(50);

/// The WebSocket side of the server. Clones are the same one.
#[derive(Clone)]
pub struct Signaling {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) auth: Auth,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) around: Arc<Surroundings>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) handshakes: UserRate,
    pub(crate) joins: UserRate,
    pub(crate) offers: UserRate,
    /// Sockets and work in the background; what [`Signaling::shutdown`] waits for.
    pub(crate) tasks: TaskTracker,
    /// Cancelled once sockets are closed because the server ends.
    pub(crate) ending: CancellationToken,
    requests: AtomicU64,
}

impl Inner {
    /// A number for an offer, different from all others.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.around.metrics
    }
}

impl Signaling {
    /// Puts the parts together. Nothing runs yet: mount [`Self::router`] and spawn [`Self::run`].
    #[must_use]
    pub fn new(
        config: Config,
        storage: Arc<dyn Storage>,
        auth: Auth,
        clock: Arc<dyn Clock>,
        media: Arc<dyn MediaPlane>,
    ) -> Self {
        let around = Arc::new(Surroundings {
            media,
            metrics: Arc::default(),
            seats: Seats::default(),
            slots: config.slots,
            draining: CancellationToken::new(),
            rooms: config.max_rooms_in_use,
            people: config.max_people_per_room,
        });
        let registry = Arc::new(Registry::new(around.clone()));
        let inner = Inner {
            handshakes: UserRate::new(config.handshakes),
            joins: UserRate::new(config.joins),
            offers: UserRate::new(config.offers),
            config,
            storage,
            auth,
            clock,
            around,
            registry,
            connections: Arc::default(),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            requests: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The one route, `/ws`. Whoever serves it bounds how long a request head may take.
    pub fn router(&self) -> Router {
        Router::new().route("/ws", any(upgrade::handle)).with_state(self.inner.clone())
    }

    /// Passes the media plane's events on until the media plane ends. A panic over one event costs that event.
    pub async fn run(self, mut events: UnboundedReceiver<Event>) {
        while let Some(event) = events.recv().await {
            if catch_unwind(AssertUnwindSafe(|| self.inner.media_event(event))).is_err() {
                error!("a media event was lost to a panic");
            }
        }
    }

    /// Carries out what happened to stored state. Must be called within a tokio runtime; returns at once. A panic over one
    /// event costs that event, and not the caller.
    #[expect(clippy::needless_pass_by_value, reason = "an event is handed over; later ones may carry more than an id")]
    pub fn handle_event(&self, event: DomainEvent) {
        if catch_unwind(AssertUnwindSafe(|| self.inner.domain_event(&event))).is_err() {
            error!("a domain event was lost to a panic");
        }
    }

    /// Everything counted so far.
    #[must_use]
    pub fn metrics(&self) -> MetricsSnapshot {
        self.inner.metrics().snapshot(self.inner.connections.queues(), self.inner.around.seats.totals())
    }

    /// Gives nobody new a seat, tells every socket, and waits until nobody is in a room any more, for `patience` at most.
    /// Seats, audio and resumes go on meanwhile. Whether everybody left by themselves.
    pub async fn drain(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        self.inner.around.draining.cancel();
        if !patience.is_zero() {
            let told = self.inner.connections.drain(deadline);
            self.inner.metrics().sent(&connections::draining(deadline), told);
        }
        loop {
            let empty = self.inner.around.seats.totals().seats == 0;
            if empty || Instant::now() >= deadline {
                return empty;
            }
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }

    /// Refuses new sockets, tells all open ones that the server shuts down (1001), and waits until they are gone, for
    /// the configured `close_timeout` and a second at most.
    pub async fn shutdown(&self) {
        self.inner.around.draining.cancel();
        self.inner.ending.cancel();
        self.inner.connections.close_all();
        self.inner.tasks.close();
        let patience = self.inner.config.close_timeout + Duration::from_secs(1);
        if tokio::time::timeout(patience, self.inner.tasks.wait()).await.is_err() {
            warn!(sockets = self.inner.connections.len(), "some sockets did not close in time");
        }
    }
}
