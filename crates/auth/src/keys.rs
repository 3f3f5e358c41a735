//! One key a purpose, all derived from the server's secret, so that what was made for one purpose is worthless for
//! another (RFC 5869: HKDF-Expand with the purpose as `info`).

use std::fmt;

use aws_lc_rs::hkdf;
use aws_lc_rs::hmac;

use crate::secret::ServerSecret;

/// The keys of an installation.
pub(crate) struct Keys {
    /// Signs access tokens.
    pub(crate) access: [u8; 32],
    /// Signs WebSocket tickets.
    pub(crate) ticket: [u8; 32],
    /// Hashes mailed codes.
    pub(crate) code: hmac::Key,
    /// Tells registrations of one address apart.
    pub(crate) registration: hmac::Key,
    /// Authenticates refresh tokens.
    pub(crate) refresh_tag: hmac::Key,
    /// Derives a refresh token from the one before it.
    pub(crate) refresh_next: hmac::Key,
    /// Hashes what is remembered for a short while (addresses, ticket numbers).
    pub(crate) attempts: hmac::Key,
}

impl Keys {
    pub(crate) fn derive(secret: &ServerSecret) -> Self {
        let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret.expose());
        let key = |purpose: &str| {
            let mut bytes = [0; 32];
            prk.expand(&[b"hubbub v1 ", purpose.as_bytes()], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(&mut bytes))
                .expect("32 bytes are one block of HKDF-SHA-256");
            bytes
        };
        let mac = |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, &key(purpose));
        Self {
            access: key("access token"),
            ticket: key("websocket ticket"),
            code: mac("e-mail code"),
            registration: mac("registration"),
            refresh_tag: mac("refresh token tag"),
            refresh_next: mac("refresh token rotation"),
            attempts: mac("attempts"),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// HMAC-SHA-256 over parts, each preceded by its length so that no two lists of parts give the same input.
pub(crate) fn mac(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}

/// Whether two hashes are the same, in constant time.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Random bytes from the operating system's generator.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gave random bytes when the secret was made");
    bytes
}
