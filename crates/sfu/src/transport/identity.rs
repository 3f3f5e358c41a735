//! Who we are: the certificate of this process and the ICE credentials of each transport.

use std::sync::Arc;

use dimpl::DtlsCertificate;
use rand::RngExt;
use rtc_srtp::crypto::{RTCCryptoProvider, default_provider};

use super::Fingerprint;

/// The certificate all DTLS connections of this process show, and what goes with it. Made at every start, never stored.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(super) certificate: DtlsCertificate,
    pub(super) dtls: Arc<dimpl::Config>,
    pub(super) crypto: Arc<dyn RTCCryptoProvider>,
    fingerprint: Fingerprint,
}

impl Identity {
    /// Makes a new ECDSA P-256 key and a self-signed certificate for it.
    ///
    /// # Errors
    /// Says what the crypto library could not do.
    pub(crate) fn generate() -> Result<Self, String> {
        let certificate = dimpl::certificate::generate_self_signed_certificate().map_err(|e| e.to_string())?;
        Ok(Self {
            fingerprint: Fingerprint::of_certificate(&certificate.certificate),
            dtls: super::dtls::server_config(&certificate.private_key)?,
            crypto: default_provider().map_err(|e| e.to_string())?,
            certificate,
        })
    }

    /// The crypto library.
    #[cfg(feature = "fuzz")]
    pub(crate) fn crypto(&self) -> &dyn rtc_srtp::crypto::RTCCrypto {
        self.crypto.crypto()
    }

    /// The SHA-256 fingerprint for the answer.
    pub(crate) const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// A user name fragment and its password (RFC 8839, section 5.4).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The user name fragment: public, it is how a check finds its transport.
    pub(crate) ufrag: String,
    /// The password: whoever knows it may validate an address.
    pub(crate) password: String,
}

impl Credentials {
    /// New random ones: 72 bits of user name fragment (no two transports share one), 144 bits of password.
    pub(crate) fn generate() -> Self {
        Self { ufrag: ice_chars(12), password: ice_chars(24) }
    }

    /// The same, with two more characters in front that name the worker, so that a connection which came in elsewhere finds
    /// it ([`worker_of`]).
    pub(crate) fn of_worker(worker: usize) -> Self {
        let Self { ufrag, password } = Self::generate();
        let [high, low] = [worker >> 6, worker].map(|digit| char::from(ALPHABET[digit & 63]));
        Self { ufrag: format!("{high}{low}{ufrag}"), password }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// The worker whose [`Credentials::of_worker`] have this user name fragment, if any have.
pub(crate) fn worker_of(ufrag: &str) -> Option<usize> {
    let digit = |byte: u8| ALPHABET.iter().position(|known| *known == byte);
    let [high, low] = *ufrag.as_bytes().first_chunk()?;
    Some(digit(high)? << 6 | digit(low)?)
}

/// RFC 8839, section 5.4: ice-char.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Random characters of the ICE alphabet, 6 bits each, from the system's generator.
fn ice_chars(count: usize) -> String {
    let mut rng = rand::rng();
    (0..count).map(|_| char::from(ALPHABET[rng.random_range(0..64)])).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_identity_has_a_key_of_its_own() {
        let (a, b) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        assert_ne!(a.fingerprint(), b.fingerprint());
        assert_ne!(a.certificate.private_key, b.certificate.private_key);
    }

    #[test]
    fn credentials_are_long_enough_and_never_the_same() {
        let all: HashSet<_> = (0..1000).map(|_| Credentials::generate().ufrag).collect();
        assert_eq!(all.len(), 1000);
        let one = Credentials::generate();
        assert!(one.ufrag.len() >= 4 && one.password.len() >= 22);
        assert!(!format!("{one:?}").contains(&one.password));
    }

    #[test]
    fn a_worker_is_known_by_its_credentials() {
        for worker in [0, 1, 63, 64, 255] {
            assert_eq!(worker_of(&Credentials::of_worker(worker).ufrag), Some(worker));
        }
        assert_eq!(worker_of("A"), None);
        assert_eq!(worker_of("-A"), None);
    }
}
