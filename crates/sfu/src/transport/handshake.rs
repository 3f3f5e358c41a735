//! What a peer's transport has for DTLS alone, until DTLS has done its work (docs/adr/0015-dtls-ends-with-its-work.md).

use std::time::{Duration, Instant};

use super::dtls::{DtlsEndpoint, DtlsServer};
use super::{Fingerprint, Identity};

/// The least and the most time that DTLS stays after the peer's last datagram once the peer has shown that it has the keys. Less
/// than the least leaves a client unanswered that waits for seconds before it repeats itself for the first time (Chromium up to
/// 3 s); more than the most keeps 12 KB a peer for one that repeats itself hardly ever.
pub(super) const LINGER: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));

/// In between it is so many times what the peer has needed so far, from its first datagram to its last. Who repeats itself and doubles
/// its wait each time is heard again within twice that, and within six times when the next repetition is lost.
const LINGER_FACTOR: u32 = 6;

/// DTLS datagrams taken from one peer before its handshake is done. A handshake with the largest certificates takes
/// about a dozen, a quarter of all lost about 60; 200 000 tiny fragments are an attack.
const DATAGRAMS_MAX: u32 = 512;

/// DTLS datagrams a second taken after that: a repeated last flight, a key update, the goodbye.
const DATAGRAMS_PER_SECOND: u32 = 10;

/// How many more DTLS datagrams are taken.
#[derive(Clone, Copy, Debug)]
struct Budget {
    left: u32,
    refilled: Instant,
    per_second: u32,
}

impl Budget {
    /// Whether there is one left; takes it.
    fn take(&mut self, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.refilled).as_secs();
        if seconds > 0 {
            let refill = u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(self.per_second);
            self.left = self.left.saturating_add(refill).min(DATAGRAMS_MAX);
            self.refilled = now;
        }
        let taken = self.left > 0;
        self.left -= u32::from(taken);
        taken
    }
}

/// The association and what belongs to it.
pub(super) struct Handshake {
    pub(super) dtls: Box<dyn DtlsEndpoint>,
    /// When the association wants to be called.
    pub(super) timeout: Option<Instant>,
    /// When the peer's first and its last datagram came.
    heard: Option<(Instant, Instant)>,
    budget: Budget,
    fingerprints: Vec<Fingerprint>,
    /// Whether the peer's certificate is the offer's, once it has come.
    certificate: Option<bool>,
    /// Whether DTLS says that it is.
    pub(super) done: bool,
}

impl Handshake {
    /// One that waits for the peer, who has a certificate with one of these fingerprints.
    pub(super) fn new(now: Instant, identity: &Identity, fingerprints: Vec<Fingerprint>) -> Self {
        Self {
            dtls: Box::new(DtlsServer::new(now, identity)),
            timeout: None,
            heard: None,
            budget: Budget { left: DATAGRAMS_MAX, refilled: now, per_second: 0 },
            fingerprints,
            certificate: None,
            done: false,
        }
    }

    /// Whether one more datagram is taken.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let admitted = self.budget.take(now);
        if admitted {
            self.heard = Some((self.heard.map_or(now, |(first, _)| first), now));
        }
        admitted
    }

    /// Whether anything came.
    pub(super) const fn has_begun(&self) -> bool {
        self.heard.is_some()
    }

    /// Checks the peer's certificate (DER); `false` when it is not the offer's.
    pub(super) fn check(&mut self, certificate: &[u8]) -> bool {
        *self.certificate.insert(Fingerprint::any_matches(&self.fingerprints, certificate))
    }

    /// Whether the peer's certificate is the offer's; `None` before it has come.
    pub(super) const fn certificate(&self) -> Option<bool> {
        self.certificate
    }

    /// There are keys: from now on only what comes after a handshake is taken.
    pub(super) const fn connected(&mut self) {
        self.budget.per_second = DATAGRAMS_PER_SECOND;
    }

    /// When a peer that has the keys repeats itself no more.
    pub(super) fn release(&self) -> Option<Instant> {
        let (first, last) = self.heard?;
        let (least, most) = LINGER;
        let linger = (last.saturating_duration_since(first) * LINGER_FACTOR).clamp(least, most);
        Some(last + linger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client whose last flight, first sent `setup` after its hello, is never answered; whether all its repetitions of a minute
    /// come before the association is let go, those apart that get lost.
    fn outlasts(setup: Duration, first_wait: Duration, is_lost: impl Fn(u32) -> bool) -> bool {
        let start = Instant::now();
        let mut handshake = Handshake::new(start, &Identity::generate().expect("a certificate"), Vec::new());
        assert!(handshake.admits(start) && handshake.admits(start + setup));
        let (mut now, mut wait) = (start + setup, first_wait);
        for repetition in 0.. {
            // Longer than anything here lingers.
            if wait > LINGER.1 / 3 {
                return true;
            }
            now += wait;
            wait *= 2;
            if handshake.release().expect("it was heard") <= now {
                return false;
            }
            if !is_lost(repetition) {
                assert!(handshake.admits(now));
            }
        }
        true
    }

    #[test]
    fn a_client_that_doubles_its_waits_is_answered_whenever_it_repeats_itself() {
        // From the waits of browsers on the best networks (50 ms) to those on the worst (3 s).
        for wait in [50, 100, 400, 1000, 3000].map(Duration::from_millis) {
            assert!(outlasts(Duration::ZERO, wait, |_| false), "{wait:?}");
        }
    }

    #[test]
    fn and_when_every_second_repetition_is_lost() {
        for wait in [50, 100, 400, 1000].map(Duration::from_millis) {
            for odd in [0, 1] {
                assert!(outlasts(wait, wait, |repetition| repetition % 2 == odd), "{wait:?}, {odd}");
            }
        }
    }

    #[test]
    fn it_lingers_for_seconds_after_a_fast_handshake_and_for_half_a_minute_at_most() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut handshake = Handshake::new(start, &Identity::generate().expect("a certificate"), Vec::new());
        assert_eq!(handshake.release(), None, "nothing has come");
        for (heard, release) in [(0, 5), (1, 7), (3, 21), (5, 35), (20, 50), (100, 130)] {
            assert!(handshake.admits(at(heard)));
            assert_eq!(handshake.release(), Some(at(release)), "last heard after {heard} s");
        }
    }
}
