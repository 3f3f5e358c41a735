//! SRTP and SRTCP (RFC 3711, RFC 7714) with the keys of one DTLS association, on rtc-srtp.
//!
//! rtc-srtp makes state for an SSRC before it has authenticated a packet of it, and allocates a buffer a packet. The first is
//! kept away from peers by a context an SSRC, thrown away unless its first packet authenticates. The second is hidden here:
//! callers hand in buffers, so that a cipher working in place can replace it in this file alone.

use std::sync::Arc;

use rtc_shared::error::Error as RtcError;
use rtc_srtp::config::{Config, SessionKeys};
use rtc_srtp::context::Context;
use rtc_srtp::crypto::RTCCryptoProvider;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::Dropped;

/// SSRCs one peer may send RTP with, and RTCP with: microphone, camera and retransmission, and some to spare.
pub(crate) const STREAMS_MAX: usize = 8;

/// Packets of one SSRC that may be late: 2.5 s of audio. Larger costs a bit each, smaller drops what a bad network delays.
const REPLAY_WINDOW: usize = 128;

/// The smallest SRTCP packet's header: its sender's SSRC is at bytes 4 to 8.
const RTCP_HEADER: usize = 8;

/// The protection profiles spoken here, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SrtpProfile {
    /// AEAD_AES_256_GCM (RFC 7714).
    AeadAes256Gcm,
    /// AEAD_AES_128_GCM (RFC 7714).
    AeadAes128Gcm,
    /// SRTP_AES128_CM_HMAC_SHA1_80 (RFC 5764), for who has nothing better.
    Aes128CmSha1_80,
}

impl SrtpProfile {
    const fn library(self) -> ProtectionProfile {
        match self {
            Self::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
            Self::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
            Self::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        }
    }
}

/// What DTLS exported (RFC 5764, section 4.2).
pub(crate) struct SrtpKeys {
    profile: SrtpProfile,
    material: Vec<u8>,
}

impl SrtpKeys {
    /// Keys from the exporter's bytes.
    pub(crate) fn new(profile: SrtpProfile, material: &[u8]) -> Self {
        Self { profile, material: material.to_vec() }
    }
}

impl std::fmt::Debug for SrtpKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SrtpKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Which half of the keys is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The DTLS server.
    Server,
    /// The DTLS client.
    Client,
}

/// Both directions of one association.
pub(crate) struct SrtpSession {
    profile: SrtpProfile,
    keys: SessionKeys,
    crypto: Arc<dyn RTCCryptoProvider>,
    outbound: Context,
    rtp_in: Vec<(u32, Context)>,
    rtcp_in: Vec<(u32, Context)>,
}

impl SrtpSession {
    /// A session with exported keys.
    ///
    /// # Errors
    /// When the keys do not fit the profile.
    pub(crate) fn new(keys: &SrtpKeys, role: Role, crypto: Arc<dyn RTCCryptoProvider>) -> Result<Self, String> {
        let profile = keys.profile.library();
        let mut config = Config { profile, ..Config::default() };
        config
            .set_session_keys_from_keying_material(&keys.material, role == Role::Client)
            .map_err(|error| error.to_string())?;
        let keys_split = config.keys;
        let outbound = Context::new(
            &keys_split.local_master_key,
            &keys_split.local_master_salt,
            profile,
            None,
            None,
            crypto.crypto(),
        )
        .map_err(|error| error.to_string())?;
        Ok(Self { profile: keys.profile, keys: keys_split, crypto, outbound, rtp_in: Vec::new(), rtcp_in: Vec::new() })
    }

    /// The negotiated profile.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) const fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// Checks an SRTP packet and decrypts it in place; returns the RTP packet. `admit` is asked about an SSRC not yet seen.
    ///
    /// # Errors
    /// Says why it was dropped.
    pub(crate) fn unprotect_rtp<'a>(
        &mut self,
        packet: &'a mut [u8],
        admit: impl FnOnce(u32) -> bool,
    ) -> Result<&'a mut [u8], Dropped> {
        let ssrc =
            packet.get(8..12).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes).ok_or(Dropped::Malformed)?;
        if !admit(ssrc) {
            return Err(Dropped::UnknownSsrc);
        }
        self.unprotect(
            ssrc,
            |session| &mut session.rtp_in,
            |context| replace(packet, &context.decrypt_rtp(packet).map_err(|error| reason(&error))?),
        )
    }

    /// Checks an SRTCP packet and decrypts it in place; returns the RTCP packet.
    ///
    /// # Errors
    /// Says why it was dropped.
    pub(crate) fn unprotect_rtcp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a mut [u8], Dropped> {
        let ssrc = packet
            .get(4..RTCP_HEADER)
            .and_then(|b| b.try_into().ok())
            .map(u32::from_be_bytes)
            .ok_or(Dropped::Malformed)?;
        self.unprotect(
            ssrc,
            |session| &mut session.rtcp_in,
            |context| replace(packet, &context.decrypt_rtcp(packet).map_err(|error| reason(&error))?),
        )
    }

    /// Encrypts the RTP packet that begins at `start` and goes to the end of `buffer`, in place. `rollovers` says how often its SSRC's
    /// sequence number has wrapped (RFC 3711, section 3.3.1). Nothing may be encrypted twice under the same SSRC, rollovers and
    /// sequence number but the same packet.
    ///
    /// # Errors
    /// [`Dropped::Malformed`] when it is not RTP; it is removed from the buffer then.
    pub(crate) fn protect_rtp(&mut self, _rollovers: u32, buffer: &mut Vec<u8>, start: usize) -> Result<(), Dropped> {
        let encrypted = self.outbound.encrypt_rtp(&buffer[start..]);
        buffer.truncate(start);
        buffer.extend_from_slice(&encrypted.map_err(|_| Dropped::Malformed)?);
        Ok(())
    }

    /// By how much [`Self::protect_rtp`] makes a packet longer, in bytes.
    pub(crate) fn rtp_overhead(&self) -> usize {
        let profile = self.profile.library();
        profile.rtp_auth_tag_len() + profile.aead_auth_tag_len()
    }

    /// Encrypts the RTCP packet that begins at `start` and goes to the end of `buffer`, in place.
    ///
    /// # Errors
    /// [`Dropped::Malformed`] when it is not RTCP; it is removed from the buffer then.
    pub(crate) fn protect_rtcp(&mut self, buffer: &mut Vec<u8>, start: usize) -> Result<(), Dropped> {
        let packet = &buffer[start..];
        let encrypted = (packet.len() >= RTCP_HEADER).then(|| self.outbound.encrypt_rtcp(packet));
        buffer.truncate(start);
        buffer.extend_from_slice(&encrypted.and_then(Result::ok).ok_or(Dropped::Malformed)?);
        Ok(())
    }

    /// How many SSRCs have made state, RTP and RTCP.
    #[cfg(test)]
    pub(crate) fn streams(&self) -> (usize, usize) {
        (self.rtp_in.len(), self.rtcp_in.len())
    }

    /// Runs `decrypt` with the context of an SSRC; a new context stays only when that went well.
    fn unprotect<T>(
        &mut self,
        ssrc: u32,
        contexts: impl Fn(&mut Self) -> &mut Vec<(u32, Context)>,
        decrypt: impl FnOnce(&mut Context) -> Result<T, Dropped>,
    ) -> Result<T, Dropped> {
        if let Some((_, context)) = contexts(self).iter_mut().find(|(known, _)| *known == ssrc) {
            return decrypt(context);
        }
        if contexts(self).len() >= STREAMS_MAX {
            return Err(Dropped::UnknownSsrc);
        }
        let mut context = self.inbound_context()?;
        let decrypted = decrypt(&mut context)?;
        contexts(self).push((ssrc, context));
        Ok(decrypted)
    }

    fn inbound_context(&self) -> Result<Context, Dropped> {
        Context::new(
            &self.keys.remote_master_key,
            &self.keys.remote_master_salt,
            self.profile.library(),
            Some(srtp_replay_protection(REPLAY_WINDOW)),
            Some(srtcp_replay_protection(REPLAY_WINDOW)),
            self.crypto.crypto(),
        )
        .map_err(|_| Dropped::NotConnected)
    }
}

/// Puts what was decrypted in place of what was encrypted, which is longer.
fn replace<'a>(packet: &'a mut [u8], plain: &[u8]) -> Result<&'a mut [u8], Dropped> {
    let place = packet.get_mut(..plain.len()).ok_or(Dropped::Malformed)?;
    place.copy_from_slice(plain);
    Ok(place)
}

fn reason(error: &RtcError) -> Dropped {
    match error {
        RtcError::SrtpSsrcDuplicated(..) | RtcError::SrtcpSsrcDuplicated(..) => Dropped::Replayed,
        RtcError::ErrFailedToVerifyAuthTag
        | RtcError::RtpFailedToVerifyAuthTag
        | RtcError::RtcpFailedToVerifyAuthTag => Dropped::BadTag,
        _ => Dropped::Malformed,
    }
}
