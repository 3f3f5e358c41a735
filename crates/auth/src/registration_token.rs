//! What tells one registration of an address from the next. Nothing of it is stored: a token is made of the address and of
//! the password hash that the registration put in place, so it fits for as long as nobody registers the address again.
//!
//! Without it, somebody who registers another person's address once more, just before that person types the code from the
//! newest mail, would have their own password proved.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubbub_domain::user::Email;

use crate::keys::{mac, same};
use crate::secret::Secret;

const ADDRESS_BYTES: usize = 16;
const BYTES: usize = ADDRESS_BYTES + 32;

/// One registration.
pub(crate) struct RegistrationToken {
    address: [u8; ADDRESS_BYTES],
    registration: [u8; 32],
}

impl RegistrationToken {
    /// The one for the registration of `email` that made `password_hash` (a PHC string, whose salt makes it unique).
    pub(crate) fn new(key: &hmac::Key, email: &Email, password_hash: &str) -> Self {
        let mut address = [0; ADDRESS_BYTES];
        address.copy_from_slice(&mac(key, &[b"address", email.as_str().as_bytes()])[..ADDRESS_BYTES]);
        let registration = mac(key, &[b"registration", email.as_str().as_bytes(), password_hash.as_bytes()]);
        Self { address, registration }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (address, registration) = bytes.split_at(ADDRESS_BYTES);
        Some(Self { address: address.try_into().ok()?, registration: registration.try_into().ok()? })
    }

    pub(crate) fn to_secret(&self) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode([&self.address[..], &self.registration[..]].concat()))
    }

    /// What is particular to the registration; kept in the place of a code's hash where there is no code to hash.
    pub(crate) fn registration(&self) -> [u8; 32] {
        self.registration
    }

    /// Whether it was given for this address, by whichever registration.
    pub(crate) fn is_for(&self, key: &hmac::Key, email: &Email) -> bool {
        same(&self.address, &Self::new(key, email, "").address)
    }

    /// Whether it was given by the registration that made `password_hash`.
    pub(crate) fn fits(&self, key: &hmac::Key, email: &Email, password_hash: &str) -> bool {
        same(&self.registration, &Self::new(key, email, password_hash).registration)
    }
}
