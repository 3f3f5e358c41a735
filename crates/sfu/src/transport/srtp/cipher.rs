//! Session keys; encrypting and decrypting with them in place, without allocating: AES-GCM (RFC 7714) and AES-CM with HMAC-SHA1 (RFC 3711).

use aws_lc_rs::cipher::{AES_128, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};

use super::gcm::{GcmKey, TAG as GCM_TAG};
use super::keys::{Master, Purpose, keystream};
use super::{Dropped, RTCP_HEADER, SrtpProfile};
use crate::prefetch::prefetch;

/// The tag of AES128_CM_HMAC_SHA1_80 (RFC 5764, section 4.1.2).
const SHA1_TAG: usize = 10;
/// The word behind an SRTCP packet: the E flag and the SRTCP index (RFC 3711, section 3.4).
const INDEX_WORD: usize = 4;
/// The packet is encrypted; others are not accepted (RFC 8827, section 6.5).
const ENCRYPTED: u32 = 1 << 31;

/// The keys of one direction for RTP, or for RTCP: a tenth of what a [`Cipher`] made of them takes.
pub(super) enum SessionKeys {
    Gcm128 { key: [u8; 16], salt: [u8; 12] },
    Gcm256 { key: [u8; 32], salt: [u8; 12] },
    Cm { key: [u8; 16], salt: [u8; 14], authentication: [u8; 20] },
}

/// Those keys as the library wants them.
pub(super) enum Cipher {
    Gcm { key: GcmKey, salt: [u8; 12] },
    Cm(Box<CounterMode>),
}

/// AES in counter mode, and a tag behind.
pub(super) struct CounterMode {
    key: EncryptingKey,
    salt: [u8; 14],
    authentication: hmac::Key,
}

/// What a direction's keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Rtp,
    Rtcp,
}

impl SessionKeys {
    /// Derives them.
    ///
    /// # Errors
    /// When the master key does not fit the profile.
    pub(super) fn derive(profile: SrtpProfile, protocol: Protocol, master: &Master<'_>) -> Result<Self, String> {
        let (encryption, authentication, salt) = match protocol {
            Protocol::Rtp => (Purpose::RtpEncryption, Purpose::RtpAuthentication, Purpose::RtpSalt),
            Protocol::Rtcp => (Purpose::RtcpEncryption, Purpose::RtcpAuthentication, Purpose::RtcpSalt),
        };
        Ok(match profile {
            SrtpProfile::AeadAes128Gcm => Self::Gcm128 { key: master.derive(encryption)?, salt: master.derive(salt)? },
            SrtpProfile::AeadAes256Gcm => Self::Gcm256 { key: master.derive(encryption)?, salt: master.derive(salt)? },
            SrtpProfile::Aes128CmSha1_80 => Self::Cm {
                key: master.derive(encryption)?,
                salt: master.derive(salt)?,
                authentication: master.derive(authentication)?,
            },
        })
    }

    /// Makes them ready for use, which takes less than a microsecond.
    ///
    /// # Errors
    /// When the library does not take them.
    pub(super) fn cipher(&self) -> Result<Cipher, String> {
        match self {
            Self::Gcm128 { key, salt } => Ok(Cipher::Gcm { key: GcmKey::of_128_bits(*key), salt: *salt }),
            Self::Gcm256 { key, salt } => Ok(Cipher::Gcm { key: GcmKey::of_256_bits(*key), salt: *salt }),
            Self::Cm { key, salt, authentication } => Cipher::counter_mode(key, *salt, authentication),
        }
    }
}

impl Cipher {
    pub(super) fn counter_mode(key: &[u8; 16], salt: [u8; 14], authentication: &[u8; 20]) -> Result<Self, String> {
        let key = UnboundCipherKey::new(&AES_128, key).and_then(EncryptingKey::ctr);
        Ok(Self::Cm(Box::new(CounterMode {
            key: key.map_err(|_| "AES in counter mode is not available".to_owned())?,
            salt,
            authentication: hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication),
        })))
    }

    /// Asks for all of its key.
    pub(super) fn prefetch(&self) {
        match self {
            Self::Gcm { key, .. } => key.prefetch(),
            Self::Cm(cipher) => prefetch(&**cipher),
        }
    }

    /// By how much an RTP packet grows, in bytes.
    pub(super) const fn overhead(&self) -> usize {
        match self {
            Self::Gcm { .. } => GCM_TAG,
            Self::Cm(_) => SHA1_TAG,
        }
    }

    /// Encrypts the RTP packet that begins at `start` of the buffer, and appends its tag. `header` is the length of its header.
    pub(super) fn seal_rtp(&self, at: Place, header: usize, buffer: &mut Vec<u8>, start: usize) -> Result<(), Dropped> {
        let packet = buffer.get_mut(start..).unwrap_or_default();
        let (head, body) = packet.split_at_mut_checked(header).ok_or(Dropped::Malformed)?;
        match self {
            Self::Gcm { key, salt } => {
                let tag = key.seal(at.rtp_nonce(*salt), head, body).map_err(|_| Dropped::Malformed)?;
                buffer.extend_from_slice(&tag);
            }
            Self::Cm(cipher) => {
                keystream(&cipher.key, at.counter(cipher.salt), body).map_err(|_| Dropped::Malformed)?;
                let tag = cipher.tag(packet, &at.rollovers().to_be_bytes());
                buffer.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    /// Checks and decrypts an SRTP packet; returns the length of the RTP packet. `header` is the length of its header.
    pub(super) fn open_rtp(&self, at: Place, header: usize, packet: &mut [u8]) -> Result<usize, Dropped> {
        let plain =
            packet.len().checked_sub(self.overhead()).filter(|plain| *plain >= header).ok_or(Dropped::BadTag)?;
        let (packet, tag) = packet.split_at_mut(plain);
        match self {
            Self::Gcm { key, salt } => {
                let (head, body) = packet.split_at_mut(header);
                key.open(at.rtp_nonce(*salt), head, body, tag).map_err(|_| Dropped::BadTag)?;
            }
            Self::Cm(cipher) => {
                let expected = cipher.tag(packet, &at.rollovers().to_be_bytes());
                verify_slices_are_equal(&expected, tag).map_err(|_| Dropped::BadTag)?;
                keystream(&cipher.key, at.counter(cipher.salt), &mut packet[header..]).map_err(|_| Dropped::BadTag)?;
            }
        }
        Ok(plain)
    }

    /// Encrypts the RTCP packet that begins at `start` of the buffer, and appends tag and index. `at` holds the SRTCP index.
    pub(super) fn seal_rtcp(&self, at: Place, buffer: &mut Vec<u8>, start: usize) -> Result<(), Dropped> {
        let word = at.index_word().to_be_bytes();
        let packet = buffer.get_mut(start..).unwrap_or_default();
        let (head, body) = packet.split_first_chunk_mut::<RTCP_HEADER>().ok_or(Dropped::Malformed)?;
        match self {
            Self::Gcm { key, salt } => {
                let tag = key.seal(at.rtcp_nonce(*salt), &rtcp_aad(head, word), body);
                buffer.extend_from_slice(&tag.map_err(|_| Dropped::Malformed)?);
                buffer.extend_from_slice(&word);
            }
            Self::Cm(cipher) => {
                keystream(&cipher.key, at.counter(cipher.salt), body).map_err(|_| Dropped::Malformed)?;
                let tag = cipher.tag(packet, &word);
                buffer.extend_from_slice(&word);
                buffer.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    /// The SRTCP index of a packet, not authenticated yet.
    pub(super) fn rtcp_index(&self, packet: &[u8]) -> Result<u32, Dropped> {
        let behind = match self {
            Self::Gcm { .. } => INDEX_WORD,
            Self::Cm(_) => INDEX_WORD + SHA1_TAG,
        };
        let word = packet.len().checked_sub(behind).and_then(|at| packet[at..].first_chunk::<INDEX_WORD>());
        let word = u32::from_be_bytes(*word.ok_or(Dropped::Malformed)?);
        if word & ENCRYPTED == 0 { Err(Dropped::Malformed) } else { Ok(word & !ENCRYPTED) }
    }

    /// Checks and decrypts an SRTCP packet; returns the length of the RTCP packet. `at` holds its [`Self::rtcp_index`].
    pub(super) fn open_rtcp(&self, at: Place, packet: &mut [u8]) -> Result<usize, Dropped> {
        let word = at.index_word().to_be_bytes();
        let plain = packet.len().checked_sub(self.overhead() + INDEX_WORD).ok_or(Dropped::Malformed)?;
        let (packet, behind) = packet.split_at_mut(plain);
        match self {
            Self::Gcm { key, salt } => {
                let (head, body) = packet.split_first_chunk_mut::<RTCP_HEADER>().ok_or(Dropped::Malformed)?;
                let opened = key.open(at.rtcp_nonce(*salt), &rtcp_aad(head, word), body, &behind[..GCM_TAG]);
                opened.map_err(|_| Dropped::BadTag)?;
            }
            Self::Cm(cipher) => {
                let expected = cipher.tag(packet, &word);
                verify_slices_are_equal(&expected, &behind[INDEX_WORD..]).map_err(|_| Dropped::BadTag)?;
                let body = packet.get_mut(RTCP_HEADER..).ok_or(Dropped::Malformed)?;
                keystream(&cipher.key, at.counter(cipher.salt), body).map_err(|_| Dropped::BadTag)?;
            }
        }
        Ok(plain)
    }
}

impl CounterMode {
    /// HMAC-SHA1 over the packet and what else is authenticated, cut to 80 bits (RFC 3711, section 4.2).
    fn tag(&self, packet: &[u8], behind: &[u8; 4]) -> [u8; SHA1_TAG] {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(packet);
        context.update(behind);
        let mut tag = [0; SHA1_TAG];
        tag.copy_from_slice(&context.sign().as_ref()[..SHA1_TAG]);
        tag
    }
}

/// The additional data of SRTCP: the header and the index word (RFC 7714, section 9.2).
fn rtcp_aad(header: &[u8; RTCP_HEADER], word: [u8; INDEX_WORD]) -> [u8; RTCP_HEADER + INDEX_WORD] {
    let mut aad = [0; RTCP_HEADER + INDEX_WORD];
    aad[..RTCP_HEADER].copy_from_slice(header);
    aad[RTCP_HEADER..].copy_from_slice(&word);
    aad
}

/// What makes a packet's encryption unlike every other one's under the same key: its SSRC and its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    /// Of 48 bits for RTP, rollovers and sequence number; of 31 bits for RTCP.
    pub(super) index: u64,
}

#[expect(clippy::cast_possible_truncation, reason = "the index has 48 bits, the one of RTCP 31")]
impl Place {
    const fn rollovers(self) -> u32 {
        (self.index >> 16) as u32
    }

    const fn index_word(self) -> u32 {
        self.index as u32 | ENCRYPTED
    }

    /// RFC 7714, section 8.1.
    fn rtp_nonce(self, salt: [u8; 12]) -> [u8; 12] {
        self.nonce(salt, self.index)
    }

    /// RFC 7714, section 9.1: the index is the last 32 bits, as the rollovers' low half and the sequence number are for RTP.
    fn rtcp_nonce(self, salt: [u8; 12]) -> [u8; 12] {
        self.nonce(salt, self.index & u64::from(u32::MAX))
    }

    fn nonce(self, salt: [u8; 12], index: u64) -> [u8; 12] {
        let value = u128::from(self.ssrc) << 48 | u128::from(index);
        let mut nonce = salt;
        for (byte, other) in nonce.iter_mut().zip(&value.to_be_bytes()[4..]) {
            *byte ^= other;
        }
        nonce
    }

    /// RFC 3711, section 4.1.1.
    fn counter(self, salt: [u8; 14]) -> [u8; 16] {
        let mut salted = [0; 16];
        salted[..14].copy_from_slice(&salt);
        (u128::from_be_bytes(salted) ^ u128::from(self.ssrc) << 64 ^ u128::from(self.index) << 16).to_be_bytes()
    }
}
