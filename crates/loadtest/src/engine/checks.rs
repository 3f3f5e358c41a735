//! The controlling ICE agent of a peer (RFC 8445) against one address of a server: one pair, retransmission, nomination, consent.
//! As in browsers a first check finds out that the pair works, and a second one nominates it (section 8.1.1).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use rtc_srtp::crypto::RTCCrypto;
use rtc_stun::attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

use super::description::Credentials;

/// The first retransmission; doubled each time up to [`RETRANSMISSION_MAX`].
const RETRANSMISSION_MIN: Duration = Duration::from_millis(100);
const RETRANSMISSION_MAX: Duration = Duration::from_millis(1600);
/// From one consent check to the next, times 0.8 to 1.2 (RFC 7675, section 5.1).
const CONSENT_INTERVAL: Duration = Duration::from_secs(5);
/// Without an answer for so long there is no consent any more (RFC 7675, section 5.1).
const CONSENT_LIFETIME: Duration = Duration::from_secs(30);
/// Unanswered checks of which an answer still counts.
const PENDING_MAX: usize = 8;
/// A peer-reflexive candidate of the highest local preference (RFC 8445, section 5.1.2).
const PRIORITY: u32 = (110 << 24) | (65535 << 8) | 255;

/// Checks of one pair.
pub(super) struct Checks {
    remote: Credentials,
    local_password: String,
    server: SocketAddr,
    user_name: String,
    tie_breaker: [u8; 8],
    next: Instant,
    interval: Duration,
    /// With the time it was sent.
    pending: Vec<(TransactionId, Instant)>,
    round_trip: Option<Duration>,
    consent_until: Instant,
    /// A check was answered; from then on checks nominate.
    works: bool,
    /// One of those was answered.
    validated: bool,
}

impl Checks {
    /// Begins at once.
    pub(super) fn new(
        now: Instant,
        local: &Credentials,
        remote: Credentials,
        server: SocketAddr,
        rng: &mut StdRng,
    ) -> Self {
        Self {
            local_password: local.password.clone(),
            server,
            user_name: format!("{}:{}", remote.ufrag, local.ufrag),
            remote,
            tie_breaker: rng.random(),
            next: now,
            interval: RETRANSMISSION_MIN,
            pending: Vec::new(),
            round_trip: None,
            consent_until: now + CONSENT_LIFETIME,
            works: false,
            validated: false,
        }
    }

    /// The check that is due.
    pub(super) fn poll(&mut self, now: Instant, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        if self.next > now {
            return None;
        }
        let id = TransactionId::new();
        if self.pending.len() == PENDING_MAX {
            self.pending.remove(0);
        }
        self.pending.push((id, now));
        self.next = now + self.interval;
        self.interval = (self.interval * 2).min(RETRANSMISSION_MAX);
        self.check(id, crypto)
    }

    /// Takes an answer; after that of the nomination consent is renewed. Whether it was that one.
    pub(super) fn handle_response(
        &mut self,
        now: Instant,
        datagram: &[u8],
        crypto: &dyn RTCCrypto,
        rng: &mut StdRng,
    ) -> bool {
        let mut message = Message::new();
        let is_success = message.unmarshal_binary(datagram).is_ok() && message.typ == BINDING_SUCCESS;
        let asked = self.pending.iter().find(|(id, _)| *id == message.transaction_id);
        let Some(&(_, sent)) = asked.filter(|_| is_success) else { return false };
        if MessageIntegrity::check(&mut message, self.remote.password.as_bytes(), crypto).is_err() {
            return false;
        }
        self.round_trip = Some(now.saturating_duration_since(sent));
        self.pending.clear();
        self.interval = RETRANSMISSION_MIN;
        self.consent_until = now + CONSENT_LIFETIME;
        if !std::mem::replace(&mut self.works, true) {
            self.next = now;
            return false;
        }
        self.next = now + CONSENT_INTERVAL.mul_f64(rng.random_range(0.8..1.2));
        !std::mem::replace(&mut self.validated, true)
    }

    /// The answer to a check of the server's, if it is a right one: servers that are no ICE-lite agents send them.
    pub(super) fn answer(&self, datagram: &[u8], crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        let mut request = Message::new();
        request.unmarshal_binary(datagram).ok()?;
        if request.typ != BINDING_REQUEST {
            return None;
        }
        MessageIntegrity::check(&mut request, self.local_password.as_bytes(), crypto).ok()?;
        let mut message = Message::new();
        message.typ = BINDING_SUCCESS;
        message.transaction_id = request.transaction_id;
        message.write_header();
        XorMappedAddress { ip: self.server.ip(), port: self.server.port() }.add_to(&mut message).ok()?;
        MessageIntegrity::new_short_term_integrity_with_provider(self.local_password.clone(), crypto)
            .add_to(&mut message)
            .ok()?;
        FINGERPRINT.add_to(&mut message).ok()?;
        Some(message.raw)
    }

    /// How long the last answer took.
    pub(super) const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Whether the nomination was answered.
    pub(super) const fn is_validated(&self) -> bool {
        self.validated
    }

    /// Whether nobody has answered for so long that nothing may be sent any more.
    pub(super) fn is_expired(&self, now: Instant) -> bool {
        now >= self.consent_until
    }

    /// When the next check is due.
    pub(super) const fn next_timeout(&self) -> Instant {
        self.next
    }

    fn check(&self, id: TransactionId, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        let mut message = Message::new();
        message.typ = BINDING_REQUEST;
        message.transaction_id = id;
        message.write_header();
        message.add(ATTR_USERNAME, self.user_name.as_bytes());
        message.add(ATTR_PRIORITY, &PRIORITY.to_be_bytes());
        message.add(ATTR_ICE_CONTROLLING, &self.tie_breaker);
        if self.works {
            message.add(ATTR_USE_CANDIDATE, &[]);
        }
        MessageIntegrity::new_short_term_integrity_with_provider(self.remote.password.clone(), crypto)
            .add_to(&mut message)
            .ok()?;
        FINGERPRINT.add_to(&mut message).ok()?;
        Some(message.raw)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rtc_srtp::crypto::default_provider;

    use super::*;

    fn pair(now: Instant) -> (Checks, Checks, StdRng) {
        let mut rng = StdRng::seed_from_u64(1);
        let (peer, server) = (Credentials::generate(&mut rng), Credentials::generate(&mut rng));
        let address = SocketAddr::from(([127, 0, 0, 1], 7882));
        let ours = Checks::new(now, &peer, server.clone(), address, &mut rng);
        let theirs = Checks::new(now, &server, peer, address, &mut rng);
        (ours, theirs, rng)
    }

    fn nominates(check: &[u8]) -> bool {
        let mut message = Message::new();
        message.unmarshal_binary(check).unwrap();
        message.contains(ATTR_USE_CANDIDATE)
    }

    #[test]
    fn the_second_check_nominates_and_consent_is_renewed() {
        let provider = default_provider().unwrap();
        let crypto = provider.crypto();
        let now = Instant::now();
        let (mut ours, theirs, mut rng) = pair(now);
        let first = ours.poll(now, crypto).unwrap();
        assert!(!nominates(&first) && ours.poll(now, crypto).is_none());
        let answer = theirs.answer(&first, crypto).unwrap();
        assert!(!ours.handle_response(now, &answer, crypto, &mut rng) && !ours.is_validated());
        let second = ours.poll(now, crypto).unwrap();
        assert!(nominates(&second));
        let answer = theirs.answer(&second, crypto).unwrap();
        assert!(ours.handle_response(now, &answer, crypto, &mut rng) && ours.is_validated());
        assert!(!ours.handle_response(now, &answer, crypto, &mut rng), "an answer counts once");
        let renewal = ours.next_timeout().duration_since(now);
        assert!((4..=6).contains(&renewal.as_secs()), "{renewal:?}");
    }

    #[test]
    fn checks_are_repeated_ever_more_slowly_until_consent_ends() {
        let provider = default_provider().unwrap();
        let begin = Instant::now();
        let (mut ours, _, _) = pair(begin);
        let (mut now, mut sent) = (begin, 0);
        while !ours.is_expired(now) {
            sent += usize::from(ours.poll(now, provider.crypto()).is_some());
            now = ours.next_timeout();
        }
        assert!((20..30).contains(&sent), "{sent} checks in 30 s");
    }

    #[test]
    fn only_right_checks_and_answers_count() {
        let provider = default_provider().unwrap();
        let crypto = provider.crypto();
        let now = Instant::now();
        let (mut ours, theirs, mut rng) = pair(now);
        let check = ours.poll(now, crypto).unwrap();
        let answer = theirs.answer(&check, crypto).unwrap();
        for index in 20..check.len() {
            let mut bad = check.clone();
            bad[index] ^= 1;
            // FINGERPRINT, the last eight bytes, is behind what is signed.
            assert!(index >= check.len() - 8 || theirs.answer(&bad, crypto).is_none(), "byte {index}");
        }
        let mut bad = answer.clone();
        bad[30] ^= 1;
        assert!(!ours.handle_response(now, &bad, crypto, &mut rng));
        assert!(ours.answer(&answer, crypto).is_none() && ours.answer(b"", crypto).is_none());
        ours.handle_response(now, &answer, crypto, &mut rng);
        assert!(nominates(&ours.poll(now, crypto).unwrap()), "the right one counts");
    }
}
