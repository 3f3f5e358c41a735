//! One harness for all tests: an API over storage in memory, with a clock that is moved by hand, and clients that ask it
//! through the public router.
//!
//! ```ignore
//! let api = TestApi::new();
//! let ada = api.user("ada").await;                     // registered, verified, logged in
//! let room = ada.post("/api/rooms", json!({ "name": "Tea" })).await.expect(201).json();
//! api.stranger().get("/api/rooms").await.expect_problem(401, "unauthorized");
//! ```

mod answer;
mod client;
mod live;

use std::sync::Arc;

use hubbub_api::{Config, State, router};
use hubbub_auth::testing::{self, Harness};
use hubbub_domain::{Clock, DomainEvent};

pub(crate) use answer::Answer;
pub(crate) use client::Client;
pub(crate) use hubbub_auth::testing::PASSWORD;
pub(crate) use live::{FakeLiveRooms, Mood};

/// An API and everything around it.
pub(crate) struct TestApi {
    /// Storage, clock, mail, events and the login logic.
    pub(crate) auth: Harness,
    /// Who is in which room.
    pub(crate) live: Arc<FakeLiveRooms>,
    router: axum::Router,
}

impl TestApi {
    /// With defaults, at `http://127.0.0.1:8080`.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With a changed configuration.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new("http://127.0.0.1:8080/".parse().unwrap());
        change(&mut config);
        let auth = testing::auth();
        let live = Arc::new(FakeLiveRooms::default());
        let state = State {
            metrics: hubbub_api::Metrics::default(),
            storage: auth.storage.clone(),
            auth: auth.auth.clone(),
            clock: auth.clock.clone() as Arc<dyn Clock>,
            live: live.clone(),
            supervision: live.clone(),
            events: auth.events.clone(),
            config: Arc::new(config),
        };
        Self { auth, live, router: router(state) }
    }

    /// The router as the server gets it.
    pub(crate) fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// A client that is not logged in, at 198.51.100.1.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(self.router.clone())
    }

    /// A client that is logged in as a fresh user `name` (with the address `name@example.org`) by a bearer token.
    pub(crate) async fn user(&self, name: &str) -> Client {
        let logged_in = self.auth.logged_in(name).await;
        self.stranger().bearer(logged_in.tokens.access.expose())
    }

    /// As the server serves whoever has the machine: by a socket that only they can reach.
    pub(crate) fn operator(&self) -> Client {
        Client::new(self.router.clone().layer(axum::Extension(hubbub_api::Operator)))
    }

    /// What was published so far.
    pub(crate) fn events(&self) -> Vec<DomainEvent> {
        self.auth.events.all()
    }
}
