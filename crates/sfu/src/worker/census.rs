//! How many peers are connected how, and how their joins went. Kept as it changes: nobody is counted twice or looked through.

use std::time::{Duration, Instant};

use super::connection::{Connection, Peer};
use super::core::WorkerCore;
use crate::event::LostReason;
use crate::metrics::{JoinPhase, SetupFailure};

/// A client that goes away before it is connected, so long after its offer, has given up.
const GIVEN_UP: Duration = Duration::from_secs(5);

/// As what a peer is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Which of [`crate::Route::ALL`].
    route: Option<usize>,
    publishes: bool,
    listens: bool,
}

impl Peer {
    fn standing(&self) -> Standing {
        let connected = self.connection.as_ref().filter(|connection| connection.transport.is_connected());
        let Some(connection) = connected else { return Standing::default() };
        Standing {
            route: self.route().map(|route| route.index()),
            publishes: self.grants.speak && connection.publishes(),
            listens: self.grants.hear && !connection.slots.is_empty(),
        }
    }
}

impl WorkerCore {
    /// Counts a peer as what it is now. To be called whenever that may have changed.
    pub(super) fn count(&mut self, key: usize) {
        let peer = &mut self.peers[key];
        let now = peer.standing();
        let before = std::mem::replace(&mut peer.counted, now);
        if before == now {
            return;
        }
        let metrics = &mut self.metrics;
        metrics.publishers = metrics.publishers + u64::from(now.publishes) - u64::from(before.publishes);
        metrics.listeners = metrics.listeners + u64::from(now.listens) - u64::from(before.listens);
        if let Some(route) = now.route {
            metrics.routes[route] += 1;
        }
        if let Some(route) = before.route {
            metrics.routes[route] -= 1;
        }
    }

    /// Notes that a check has succeeded, which ends ICE's part of a join.
    pub(super) fn note_check(&mut self, now: Instant, key: usize) {
        let Some(connection) = &mut self.peers[key].connection else { return };
        if connection.checked_at.is_none() && connection.transport.selected().is_some() {
            connection.checked_at = Some(now);
            let phase = now.saturating_duration_since(connection.offered_at);
            self.metrics.join_phases[JoinPhase::Ice as usize].observe(phase);
        }
    }

    /// Counts a connection that was never made, and is over.
    pub(super) fn note_failure(&mut self, key: usize, reason: LostReason) {
        let Some(connection) = self.peers[key].connection.as_ref().filter(|c| !c.was_connected()) else { return };
        let failure = connection.failure(reason);
        self.metrics.setup_failures[failure as usize] += 1;
    }

    /// The same for one that its client ends.
    pub(super) fn note_giving_up(&mut self, now: Instant, key: usize) {
        let Some(connection) = &self.peers[key].connection else { return };
        if now.saturating_duration_since(connection.offered_at) >= GIVEN_UP {
            self.note_failure(key, LostReason::SetupTimedOut);
        }
    }
}

impl Connection {
    fn failure(&self, reason: LostReason) -> SetupFailure {
        match self.checked_at {
            None if self.wrong_checks => SetupFailure::WrongCheck,
            None => SetupFailure::NoCheck,
            Some(_) if self.transport.refused_certificate() => SetupFailure::WrongCertificate,
            Some(_) if reason != LostReason::SetupTimedOut => SetupFailure::DtlsFailed,
            Some(_) if self.transport.has_begun_dtls() => SetupFailure::DtlsUnfinished,
            Some(_) => SetupFailure::NoDtls,
        }
    }
}
