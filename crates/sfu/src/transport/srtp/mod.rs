//! SRTP and SRTCP (RFC 3711, RFC 7714) with the keys of one DTLS association, in place and, packets of RTP, without allocating
//! (docs/adr/0006-srtp-in-place.md).

mod cipher;
mod gcm;
mod keys;
#[cfg(test)]
mod tests;
mod window;

use rtc_srtp::config::Config;
use rtc_srtp::protection_profile::ProtectionProfile;
use smallvec::SmallVec;

use self::cipher::{Cipher, Place, Protocol, SessionKeys};
use self::keys::Master;
pub(crate) use self::window::Window;
use super::Dropped;
use crate::prefetch::prefetch;
use crate::rtp::packet::Header;

/// SSRCs one peer may send RTP with, and RTCP with: microphone, camera and retransmission, and some to spare.
pub(crate) const STREAMS_MAX: usize = 8;

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

/// What decrypts RTP, once some has come: most peers only listen.
enum Inbound {
    Unused(SessionKeys),
    Used(Cipher),
}

impl Inbound {
    fn cipher(&mut self) -> Result<&Cipher, Dropped> {
        if let Self::Unused(keys) = self {
            *self = Self::Used(keys.cipher().map_err(|_| Dropped::Malformed)?);
        }
        match self {
            Self::Used(cipher) => Ok(cipher),
            Self::Unused(_) => Err(Dropped::Malformed),
        }
    }
}

/// By SSRC. Nearly all peers have one, which is looked at for each packet.
type Windows = SmallVec<[(u32, Window); 1]>;

/// Both directions of one association.
///
/// A cipher of AES-GCM takes 320 bytes, and there are thousands of sessions: only what RTP goes through is kept. RTCP comes and goes every
/// few seconds, so that its ciphers are made for each packet.
pub(crate) struct SrtpSession {
    rtp_out: Cipher,
    rtp_in: Inbound,
    rtcp_out: SessionKeys,
    rtcp_in: SessionKeys,
    /// The next SRTCP packet's index, for all SSRCs together.
    rtcp_index: u32,
    rtp_windows: Windows,
    rtcp_windows: Windows,
    #[cfg(any(test, feature = "bench"))]
    profile: SrtpProfile,
}

impl SrtpSession {
    /// A session with exported keys.
    ///
    /// # Errors
    /// When the keys do not fit the profile.
    pub(crate) fn new(keys: &SrtpKeys, role: Role) -> Result<Self, String> {
        let mut split = Config { profile: keys.profile.library(), ..Config::default() };
        split
            .set_session_keys_from_keying_material(&keys.material, role == Role::Client)
            .map_err(|error| error.to_string())?;
        let split = split.keys;
        let local = Master { key: &split.local_master_key, salt: &split.local_master_salt };
        let remote = Master { key: &split.remote_master_key, salt: &split.remote_master_salt };
        Ok(Self {
            rtp_out: SessionKeys::derive(keys.profile, Protocol::Rtp, &local)?.cipher()?,
            rtp_in: Inbound::Unused(SessionKeys::derive(keys.profile, Protocol::Rtp, &remote)?),
            rtcp_out: SessionKeys::derive(keys.profile, Protocol::Rtcp, &local)?,
            rtcp_in: SessionKeys::derive(keys.profile, Protocol::Rtcp, &remote)?,
            rtcp_index: 0,
            rtp_windows: Windows::new(),
            rtcp_windows: Windows::new(),
            #[cfg(any(test, feature = "bench"))]
            profile: keys.profile,
        })
    }

    /// The negotiated profile.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) const fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// Asks for what [`Self::unprotect_rtp`] needs.
    pub(crate) fn prefetch_inbound(&self) {
        prefetch(&self.rtp_windows);
        prefetch(&self.rtp_in);
    }

    /// Asks for what [`Self::protect_rtp`] needs.
    pub(crate) fn prefetch_outbound(&self) {
        prefetch(&self.rtp_out);
    }

    /// Asks for the key of [`Self::unprotect_rtp`].
    pub(crate) fn prefetch_inbound_key(&self) {
        if let Inbound::Used(cipher) = &self.rtp_in {
            cipher.prefetch();
        }
    }

    /// Asks for the key of [`Self::protect_rtp`].
    pub(crate) fn prefetch_outbound_key(&self) {
        self.rtp_out.prefetch();
    }

    /// Checks an SRTP packet and decrypts it in place; returns the RTP packet. `admit` is asked about its SSRC.
    ///
    /// # Errors
    /// Says why it was dropped.
    pub(crate) fn unprotect_rtp<'a>(
        &mut self,
        packet: &'a mut [u8],
        admit: impl FnOnce(u32) -> bool,
    ) -> Result<&'a mut [u8], Dropped> {
        let Header { ssrc, sequence, len, .. } = Header::parse(packet).ok_or(Dropped::Malformed)?;
        if !admit(ssrc) {
            return Err(Dropped::UnknownSsrc);
        }
        let mut stream = Stream::find(&mut self.rtp_windows, ssrc)?;
        let index = stream.window.index(sequence).ok_or(Dropped::Replayed)?;
        stream.check(index)?;
        let plain = self.rtp_in.cipher()?.open_rtp(Place { ssrc, index }, len, packet)?;
        stream.receive(index);
        Ok(&mut packet[..plain])
    }

    /// Checks an SRTCP packet and decrypts it in place; returns the RTCP packet.
    ///
    /// # Errors
    /// Says why it was dropped.
    pub(crate) fn unprotect_rtcp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a mut [u8], Dropped> {
        let ssrc = rtcp_ssrc(packet)?;
        let cipher = self.rtcp_in.cipher().map_err(|_| Dropped::Malformed)?;
        let index = cipher.rtcp_index(packet)?;
        let mut stream = Stream::find(&mut self.rtcp_windows, ssrc)?;
        stream.check(index.into())?;
        let plain = cipher.open_rtcp(Place { ssrc, index: index.into() }, packet)?;
        stream.receive(index.into());
        Ok(&mut packet[..plain])
    }

    /// Encrypts the RTP packet that begins at `start` and goes to the end of `buffer`, in place. `rollovers` says how often its SSRC's
    /// sequence number has wrapped (RFC 3711, section 3.3.1). Nothing may be encrypted twice under the same SSRC, rollovers and
    /// sequence number but the same packet.
    ///
    /// # Errors
    /// [`Dropped::Malformed`] when it is not RTP; it is removed from the buffer then.
    pub(crate) fn protect_rtp(&mut self, rollovers: u32, buffer: &mut Vec<u8>, start: usize) -> Result<(), Dropped> {
        let packet = buffer.get(start..).unwrap_or_default();
        let protected = Header::parse(packet).ok_or(Dropped::Malformed).and_then(|header| {
            let index = u64::from(rollovers) << 16 | u64::from(header.sequence);
            self.rtp_out.seal_rtp(Place { ssrc: header.ssrc, index }, header.len, buffer, start)
        });
        protected.inspect_err(|_| buffer.truncate(start))
    }

    /// By how much [`Self::protect_rtp`] makes a packet longer, in bytes.
    pub(crate) const fn rtp_overhead(&self) -> usize {
        self.rtp_out.overhead()
    }

    /// Encrypts the RTCP packet that begins at `start` and goes to the end of `buffer`, in place.
    ///
    /// # Errors
    /// [`Dropped::Malformed`] when it is not RTCP, [`Dropped::Closed`] after 2^31 packets (RFC 3711, section 9.2); it is removed
    /// from the buffer then.
    pub(crate) fn protect_rtcp(&mut self, buffer: &mut Vec<u8>, start: usize) -> Result<(), Dropped> {
        let protected = rtcp_ssrc(buffer.get(start..).unwrap_or_default()).and_then(|ssrc| {
            let index = self.rtcp_index.checked_add(1).filter(|index| index >> 31 == 0).ok_or(Dropped::Closed)?;
            self.rtcp_index = index;
            let cipher = self.rtcp_out.cipher().map_err(|_| Dropped::Malformed)?;
            cipher.seal_rtcp(Place { ssrc, index: index.into() }, buffer, start)
        });
        protected.inspect_err(|_| buffer.truncate(start))
    }

    /// How many SSRCs have made state, RTP and RTCP.
    #[cfg(test)]
    pub(crate) fn streams(&self) -> (usize, usize) {
        (self.rtp_windows.len(), self.rtcp_windows.len())
    }
}

/// The window of an SSRC, among those there are or a new one: that is kept only once a packet has turned out authentic.
struct Stream<'a> {
    streams: &'a mut Windows,
    known: Option<usize>,
    ssrc: u32,
    window: Window,
}

impl<'a> Stream<'a> {
    fn find(streams: &'a mut Windows, ssrc: u32) -> Result<Self, Dropped> {
        let known = streams.iter().position(|(known, _)| *known == ssrc);
        if known.is_none() && streams.len() >= STREAMS_MAX {
            return Err(Dropped::UnknownSsrc);
        }
        let window = known.map(|known| streams[known].1).unwrap_or_default();
        Ok(Self { streams, known, ssrc, window })
    }

    fn check(&self, index: u64) -> Result<(), Dropped> {
        if self.window.is_new(index) { Ok(()) } else { Err(Dropped::Replayed) }
    }

    fn receive(&mut self, index: u64) {
        self.window.receive(index);
        match self.known {
            Some(known) => self.streams[known].1 = self.window,
            None => {
                // Most peers have one or two, and there are thousands of peers.
                self.streams.reserve_exact(1);
                self.streams.push((self.ssrc, self.window));
            }
        }
    }
}

/// The SSRC of the sender of an RTCP packet.
fn rtcp_ssrc(packet: &[u8]) -> Result<u32, Dropped> {
    match packet.first_chunk::<RTCP_HEADER>() {
        Some([first, _, _, _, ssrc @ ..]) if first >> 6 == 2 => Ok(u32::from_be_bytes(*ssrc)),
        _ => Err(Dropped::Malformed),
    }
}
