//! What the handlers share.

use std::ops::Deref;
use std::sync::Arc;

use hubbub_auth::Auth;
use hubbub_domain::{Clock, EventBus, LiveRooms, Storage, Supervision};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::rate_limit::Limits;

/// What the API stands on; the server makes one and gives it to [`router`](crate::router()).
#[derive(Clone)]
pub struct State {
    /// The database.
    pub storage: Arc<dyn Storage>,
    /// Registering, login, sessions and tokens.
    pub auth: Auth,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is in which room right now.
    pub live: Arc<dyn LiveRooms>,
    /// Live calls, for admins.
    pub supervision: Arc<dyn Supervision>,
    /// Where changes are told.
    pub events: Arc<dyn EventBus>,
    /// Settings.
    pub config: Arc<Config>,
    /// What is counted.
    pub metrics: Metrics,
}

/// [`State`] and what the API keeps of its own, behind one pointer.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// What is behind the pointer.
pub(crate) struct Shared {
    state: State,
    /// Rate limits.
    pub(crate) limits: Limits,
    /// A permit for each picture that may be decoded at once.
    pub(crate) avatar_permits: Arc<Semaphore>,
    /// A permit for each upload of a picture that is held in memory, so that slow ones cannot fill it.
    pub(crate) avatar_uploads: Semaphore,
}

/// Uploads in memory for each picture being decoded: 8 of 5 MiB.
const UPLOADS_PER_WORKER: usize = 8;

impl App {
    pub(crate) fn new(state: State) -> Self {
        let limits = Limits::new(&state.config.limits, &state.clock, &state.metrics);
        let workers = state.config.avatar_workers.max(1);
        let avatar_permits = Arc::new(Semaphore::new(workers));
        let avatar_uploads = Semaphore::new(workers * UPLOADS_PER_WORKER);
        Self(Arc::new(Shared { state, limits, avatar_permits, avatar_uploads }))
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Deref for Shared {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}
