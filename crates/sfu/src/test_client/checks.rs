//! The controlling ICE agent of the test client: one pair, retransmission, nomination, consent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtc_srtp::crypto::RTCCrypto;
use rtc_stun::attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};

use crate::transport::Credentials;

/// The first retransmission; doubled each time up to [`RETRANSMISSION_MAX`].
const RETRANSMISSION_MIN: Duration = Duration::from_millis(50);
const RETRANSMISSION_MAX: Duration = Duration::from_millis(1600);
/// RFC 7675, section 5.1.
const CONSENT_INTERVAL: Duration = Duration::from_secs(5);

/// Checks of one pair.
#[derive(Default)]
pub(super) struct Checks {
    remote: Option<Credentials>,
    user_name: String,
    next: Option<Instant>,
    interval: Duration,
    pending: Vec<TransactionId>,
    validated: bool,
}

impl Checks {
    /// Begins anew with new credentials; a pair that was valid stays so.
    pub(super) fn start(&mut self, now: Instant, remote: Credentials, local: &Credentials, _address: SocketAddr) {
        self.user_name = format!("{}:{}", remote.ufrag, local.ufrag);
        self.remote = Some(remote);
        self.renew(now);
    }

    /// Checks again at once, as from a new address.
    pub(super) fn renew(&mut self, now: Instant) {
        self.interval = RETRANSMISSION_MIN;
        self.next = Some(now);
        self.pending.clear();
    }

    /// No more checks.
    pub(super) fn stop(&mut self) {
        self.next = None;
        self.pending.clear();
    }

    /// The check that is due.
    pub(super) fn poll(&mut self, now: Instant, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        let remote = self.remote.as_ref()?;
        if self.next? > now {
            return None;
        }
        let id = TransactionId::new();
        self.pending.push(id);
        self.next = Some(now + self.interval);
        self.interval = (self.interval * 2).min(RETRANSMISSION_MAX);
        Some(check(&self.user_name, &remote.password, id, true, crypto))
    }

    /// Takes an answer; from then on consent is renewed.
    pub(super) fn handle_response(&mut self, now: Instant, datagram: &[u8], crypto: &dyn RTCCrypto) {
        let Some(remote) = &self.remote else { return };
        let mut message = Message::new();
        message.unmarshal_binary(datagram).expect("the sfu sends STUN that can be read");
        // An answer to a check from before a new address or an ICE restart, which had other credentials.
        if !self.pending.contains(&message.transaction_id) {
            return;
        }
        FINGERPRINT.check(&message).expect("a right FINGERPRINT");
        MessageIntegrity::check(&mut message, remote.password.as_bytes(), crypto).expect("a right MESSAGE-INTEGRITY");
        if message.typ == BINDING_SUCCESS {
            self.pending.clear();
            self.validated = true;
            self.interval = RETRANSMISSION_MIN;
            self.next = Some(now + CONSENT_INTERVAL);
        }
    }

    pub(super) const fn is_validated(&self) -> bool {
        self.validated
    }

    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        self.next
    }
}

/// A Binding request as a controlling agent sends it.
pub(crate) fn check(
    user_name: &str,
    password: &str,
    id: TransactionId,
    nominate: bool,
    crypto: &dyn RTCCrypto,
) -> Vec<u8> {
    let mut message = Message::new();
    message.typ = BINDING_REQUEST;
    message.transaction_id = id;
    message.write_header();
    message.add(ATTR_USERNAME, user_name.as_bytes());
    message.add(ATTR_PRIORITY, &0x6E7F_1EFF_u32.to_be_bytes());
    message.add(ATTR_ICE_CONTROLLING, &[7; 8]);
    if nominate {
        message.add(ATTR_USE_CANDIDATE, &[]);
    }
    MessageIntegrity::new_short_term_integrity_with_provider(password.to_owned(), crypto)
        .add_to(&mut message)
        .expect("room for it");
    FINGERPRINT.add_to(&mut message).expect("room for it");
    message.raw
}
