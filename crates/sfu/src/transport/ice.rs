//! The ICE-lite agent (RFC 8445, section 2.5): answers checks, keeps the list of validated paths, follows nominations.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rtc_srtp::crypto::RTCCrypto;

use super::stun::Check;
use super::{CONSENT_LIFETIME, Credentials, Dropped, Outbox, Path, TransportEvent};
use crate::prefetch::prefetch;

/// Validated paths kept: a client with many interfaces checks a dozen. With one more the one longest without a check goes.
const PATHS_MAX: usize = 16;

/// How long after its last check the address a peer is sent to is kept from others. A client checks every 5 s (RFC 7675), so
/// this is three checks; a NAT that gives the port of one who is gone to somebody else keeps that one waiting no longer.
const HOLD: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug)]
struct ValidPath {
    path: Path,
    last_check: Instant,
}

/// The agent of one transport.
#[derive(Debug)]
pub(super) struct IceLite {
    local: Credentials,
    paths: Vec<ValidPath>,
    nominated: Option<Path>,
    last_check: Option<Instant>,
}

impl IceLite {
    /// An agent that knows no path yet.
    pub(super) const fn new(local: Credentials) -> Self {
        Self { local, paths: Vec::new(), nominated: None, last_check: None }
    }

    /// New credentials; paths stay until their consent expires.
    pub(super) fn restart(&mut self, local: Credentials) {
        self.local = local;
    }

    pub(super) const fn local(&self) -> &Credentials {
        &self.local
    }

    /// Answers a check; one that succeeds validates its path.
    pub(super) fn handle_stun(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        crypto: &dyn RTCCrypto,
        events: &mut VecDeque<TransportEvent>,
        out: &mut Outbox,
    ) -> Result<(), Dropped> {
        let password = self.local.password.as_str();
        let check = Check::verify(datagram, &self.local.ufrag, password, crypto)?;
        let accepted = check.unknown.is_empty() && !check.claims_controlled;
        let response = if !check.unknown.is_empty() {
            check.unknown_attributes(password, crypto)
        } else if check.claims_controlled {
            check.role_conflict(password, crypto)
        } else {
            check.success(path.remote, password, crypto)
        }
        .ok_or(Dropped::Malformed)?;
        // Nobody can make us send more to a stranger than he sent.
        if response.len() > check.len() && !self.is_validated(path) {
            return Err(Dropped::Malformed);
        }
        out.push(path, &response);
        if accepted {
            self.validated(now, path, events);
            if check.nominates {
                self.nominated = Some(path);
            }
        }
        Ok(())
    }

    /// The nominated path, else the one last checked.
    pub(super) fn selected(&self) -> Option<Path> {
        self.nominated.or_else(|| self.paths.iter().max_by_key(|p| p.last_check).map(|p| p.path))
    }

    /// Asks for what [`Self::selected`] and [`Self::is_validated`] need as a rule.
    pub(super) fn prefetch(&self) {
        prefetch(&self.nominated);
    }

    pub(super) fn is_validated(&self, path: Path) -> bool {
        // A nominated path is one of them, and nearly every packet comes by it.
        self.nominated == Some(path) || self.paths.iter().any(|p| p.path == path)
    }

    /// Whether we send there and the peer has shown a moment ago that it is there.
    pub(super) fn holds(&self, now: Instant, path: Path) -> bool {
        self.selected() == Some(path) && self.paths.iter().any(|p| p.path == path && now < p.last_check + HOLD)
    }

    /// Removes the paths without consent.
    pub(super) fn expire(&mut self, now: Instant, events: &mut VecDeque<TransportEvent>) {
        self.retain(events, |p| now < p.last_check + CONSENT_LIFETIME);
    }

    /// When the next path expires.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.paths.iter().map(|p| p.last_check + CONSENT_LIFETIME).min()
    }

    /// When consent ends if no further check comes, on whatever path. Later than [`Self::next_expiry`] when a TCP connection was
    /// closed: the client has time to open another one.
    pub(super) fn consent_until(&self) -> Option<Instant> {
        self.last_check.map(|at| at + CONSENT_LIFETIME)
    }

    pub(super) fn forget(&mut self, path: Path, events: &mut VecDeque<TransportEvent>) {
        self.retain(events, |p| p.path != path);
    }

    pub(super) fn clear(&mut self, events: &mut VecDeque<TransportEvent>) {
        self.retain(events, |_| false);
    }

    fn validated(&mut self, now: Instant, path: Path, events: &mut VecDeque<TransportEvent>) {
        self.last_check = Some(now);
        if let Some(known) = self.paths.iter_mut().find(|p| p.path == path) {
            known.last_check = now;
            return;
        }
        if self.paths.len() >= PATHS_MAX {
            let nominated = self.nominated;
            let oldest = self.paths.iter().filter(|p| Some(p.path) != nominated).min_by_key(|p| p.last_check);
            if let Some(oldest) = oldest.map(|p| p.path) {
                self.forget(oldest, events);
            }
        }
        // Most clients have one or two.
        self.paths.reserve_exact(1);
        self.paths.push(ValidPath { path, last_check: now });
        events.push_back(TransportEvent::PathAdded(path));
    }

    fn retain(&mut self, events: &mut VecDeque<TransportEvent>, keep: impl Fn(&ValidPath) -> bool) {
        self.paths.retain(|p| {
            let keep = keep(p);
            if !keep {
                events.push_back(TransportEvent::PathRemoved(p.path));
            }
            keep
        });
        self.nominated = self.nominated.filter(|nominated| self.paths.iter().any(|p| p.path == *nominated));
    }
}
