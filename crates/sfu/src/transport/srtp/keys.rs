//! From what DTLS exported to session keys (RFC 3711, section 4.3; RFC 6188; RFC 7714, section 11).

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;

/// What a derived key is for: the labels of RFC 3711, section 4.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Purpose {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// A master key with its salt.
pub(super) struct Master<'a> {
    /// 16 or 32 bytes.
    pub(super) key: &'a [u8],
    /// 12 bytes for AES-GCM, 14 for AES-CM.
    pub(super) salt: &'a [u8],
}

impl Master<'_> {
    /// Derives a session key of `N` bytes. The key derivation rate is 0, as in all of DTLS-SRTP (RFC 5764, section 4.1.2).
    ///
    /// # Errors
    /// When the master key or salt has a length that no profile has.
    pub(super) fn derive<const N: usize>(&self, purpose: Purpose) -> Result<[u8; N], String> {
        let (key, salt) = (self.key.len(), self.salt.len());
        let wrong = |_| format!("no profile has an SRTP master key of {key} bytes and a salt of {salt}");
        let algorithm = if key == 16 { &AES_128 } else { &AES_256 };
        let key = UnboundCipherKey::new(algorithm, self.key).and_then(EncryptingKey::ctr).map_err(wrong)?;
        // The salt, on the right filled with zeroes to 112 bits, with the label in it; the last 16 bits count blocks.
        let mut counter = [0; 16];
        counter.get_mut(..salt).filter(|_| salt <= 14).ok_or(Unspecified).map_err(wrong)?.copy_from_slice(self.salt);
        counter[7] ^= purpose as u8;
        let mut derived = [0; N];
        keystream(&key, counter, &mut derived).map_err(wrong)?;
        Ok(derived)
    }
}

/// Applies AES in counter mode (RFC 3711, section 4.1.1) to bytes in place, beginning with this counter block.
///
/// # Errors
/// When the library refuses.
pub(super) fn keystream(key: &EncryptingKey, counter: [u8; 16], bytes: &mut [u8]) -> Result<(), Unspecified> {
    key.less_safe_encrypt(bytes, EncryptionContext::Iv128(FixedLength::from(counter))).map(|_| ())
}
