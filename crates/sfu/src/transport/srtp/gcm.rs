//! AES-GCM (RFC 5116, sections 5.1 and 5.2) with keys that lie where one knows, so that they can be asked for before they are used
//! (docs/adr/0006-srtp-in-place.md).

use aes_gcm::aead::consts::U12;
use aes_gcm::aes::{Aes128Enc, Aes256Enc};
use aes_gcm::{AeadInOut, AesGcm, Error, KeyInit as _, Nonce};

use crate::prefetch::CacheLines;

/// The bytes of a tag (RFC 7714, section 13.2).
pub(super) const TAG: usize = 16;

/// A key, expanded: 320 bytes where it is one of 128 bits.
pub(super) enum GcmKey {
    Aes128(Box<CacheLines<AesGcm<Aes128Enc, U12>>>),
    Aes256(Box<CacheLines<AesGcm<Aes256Enc, U12>>>),
}

impl GcmKey {
    pub(super) fn of_128_bits(key: [u8; 16]) -> Self {
        Self::Aes128(Box::new(CacheLines::new(AesGcm::new(&key.into()))))
    }

    pub(super) fn of_256_bits(key: [u8; 32]) -> Self {
        Self::Aes256(Box::new(CacheLines::new(AesGcm::new(&key.into()))))
    }

    /// Asks for all of it.
    pub(super) fn prefetch(&self) {
        match self {
            Self::Aes128(key) => key.prefetch(),
            Self::Aes256(key) => key.prefetch(),
        }
    }

    /// Encrypts `body` in place and authenticates it with `head`; returns the tag.
    ///
    /// # Errors
    /// When there are more than 64 GB.
    pub(super) fn seal(&self, nonce: [u8; 12], head: &[u8], body: &mut [u8]) -> Result<[u8; TAG], Error> {
        let nonce = Nonce::from(nonce);
        let tag = match self {
            Self::Aes128(key) => key.value().encrypt_inout_detached(&nonce, head, body.into()),
            Self::Aes256(key) => key.value().encrypt_inout_detached(&nonce, head, body.into()),
        };
        tag.map(Into::into)
    }

    /// Decrypts `body` in place if `tag` is that of `head` and `body`, and leaves it as it is otherwise.
    ///
    /// # Errors
    /// When it is not, or has another length than 16 bytes.
    pub(super) fn open(&self, nonce: [u8; 12], head: &[u8], body: &mut [u8], tag: &[u8]) -> Result<(), Error> {
        let nonce = Nonce::from(nonce);
        let tag = tag.try_into().map_err(|_| Error)?;
        match self {
            Self::Aes128(key) => key.value().decrypt_inout_detached(&nonce, head, body.into(), tag),
            Self::Aes256(key) => key.value().decrypt_inout_detached(&nonce, head, body.into(), tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_authenticate_is_left_as_it_is() {
        for key in [GcmKey::of_128_bits([1; 16]), GcmKey::of_256_bits([1; 32])] {
            key.prefetch();
            let (nonce, head, plain) = ([2; 12], [3; 12], *b"Gallia est omnis divisa");
            let mut body = plain;
            let tag = key.seal(nonce, &head, &mut body).unwrap();
            let sealed = body;
            assert_ne!(sealed, plain);
            for (nonce, head, tag) in [
                ([4; 12], &head[..], &tag[..]),
                (nonce, &head[1..], &tag[..]),
                (nonce, &head[..], &[0; TAG]),
                (nonce, &head[..], &tag[1..]),
                (nonce, &head[..], &[]),
            ] {
                assert!(key.open(nonce, head, &mut body, tag).is_err());
                assert_eq!(body, sealed);
            }
            key.open(nonce, &head, &mut body, &tag).unwrap();
            assert_eq!(body, plain);
        }
    }
}
