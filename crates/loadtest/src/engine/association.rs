//! DTLS (always the active side) and the SRTP keys that come of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use dimpl::crypto::NamedGroup;
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use rtc_srtp::config::Config as SrtpConfig;
use rtc_srtp::context::Context;
use rtc_srtp::crypto::{RTCCryptoProvider, default_provider};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::description;
use crate::error::LoadTestError;

/// Large enough for a flight's largest datagram and for any certificate of a server.
const POLL_BUFFER: usize = 8192;

/// The certificate that all peers of an engine show, and what goes with it.
#[derive(Clone)]
pub(super) struct Identity {
    certificate: DtlsCertificate,
    config: Arc<Config>,
    /// `sha-256 AB:CD…`
    pub(super) fingerprint: String,
    pub(super) crypto: Arc<dyn RTCCryptoProvider>,
}

impl Identity {
    /// Makes a key and a self-signed certificate.
    ///
    /// # Errors
    /// Says what the crypto library could not do.
    pub(super) fn generate() -> Result<Self, LoadTestError> {
        let failed = |reason: String| LoadTestError::Engine { what: "making a DTLS certificate", reason };
        let certificate = dimpl::certificate::generate_self_signed_certificate().map_err(|e| failed(e.to_string()))?;
        let config = Config::builder()
            // What browsers send a key share of, besides post-quantum ones.
            .kx_groups(&[NamedGroup::X25519, NamedGroup::Secp256r1])
            .flight_start_rto(Duration::from_millis(100))
            .flight_retries(100)
            .handshake_timeout(Duration::from_secs(30))
            .build()
            .map_err(|e| failed(e.to_string()))?;
        Ok(Self {
            fingerprint: description::fingerprint(&certificate.certificate),
            certificate,
            config: Arc::new(config),
            crypto: default_provider().map_err(|e| failed(e.to_string()))?,
        })
    }
}

/// What came of feeding it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing new.
    Waiting,
    /// There are keys now.
    Connected,
    /// The server said goodbye.
    Closed,
    /// It is over.
    Failed(String),
}

/// One association.
pub(super) struct Association {
    dtls: Box<Dtls>,
    remote_fingerprint: String,
    timeout: Option<Instant>,
    trusted: bool,
    keys: Option<Srtp>,
    crypto: Arc<dyn RTCCryptoProvider>,
}

impl Association {
    /// Begins with the first [`Self::handle_timeout`].
    pub(super) fn new(now: Instant, identity: &Identity, remote_fingerprint: String) -> Self {
        let mut dtls = Box::new(Dtls::new_auto(Arc::clone(&identity.config), identity.certificate.clone(), now));
        dtls.set_active(true);
        Self {
            dtls,
            remote_fingerprint,
            timeout: Some(now),
            trusted: false,
            keys: None,
            crypto: Arc::clone(&identity.crypto),
        }
    }

    /// Takes a datagram.
    pub(super) fn handle_datagram(&mut self, now: Instant, datagram: &[u8], out: &mut dyn FnMut(&[u8])) -> Progress {
        let fed = self.dtls.handle_timeout(now).and_then(|()| self.dtls.handle_packet(datagram));
        self.after(fed, out)
    }

    /// Retransmits what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut dyn FnMut(&[u8])) -> Progress {
        if self.timeout.is_none_or(|due| now < due) {
            return Progress::Waiting;
        }
        let result = self.dtls.handle_timeout(now);
        self.after(result, out)
    }

    /// When [`Self::handle_timeout`] is wanted.
    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// Says goodbye.
    pub(super) fn close(&mut self, out: &mut dyn FnMut(&[u8])) {
        let closed = self.dtls.close();
        self.after(closed, out);
    }

    /// The SRTP keys, once.
    pub(super) const fn take_keys(&mut self) -> Option<Srtp> {
        self.keys.take()
    }

    fn after(&mut self, fed: Result<(), dimpl::Error>, out: &mut dyn FnMut(&[u8])) -> Progress {
        if let Err(error) = fed {
            self.timeout = None;
            return Progress::Failed(format!("DTLS failed: {error}"));
        }
        let mut buffer = [0; POLL_BUFFER];
        let mut progress = Progress::Waiting;
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => out(datagram),
                Output::PeerCert(der) => {
                    self.trusted = description::fingerprint(der) == self.remote_fingerprint;
                    if !self.trusted {
                        return Progress::Failed("the server shows another certificate than its SDP says".to_owned());
                    }
                }
                Output::KeyingMaterial(material, profile) => match Srtp::new(&material, profile, &self.crypto) {
                    Ok(keys) => self.keys = Some(keys),
                    Err(reason) => return Progress::Failed(reason),
                },
                Output::Connected if self.trusted => progress = Progress::Connected,
                Output::Connected => return Progress::Failed("the server shows no certificate".to_owned()),
                Output::CloseNotify => progress = Progress::Closed,
                Output::Timeout(due) => {
                    self.timeout = Some(due);
                    return progress;
                }
                Output::BufferTooSmall { needed } => {
                    return Progress::Failed(format!("the server sends DTLS messages of {needed} bytes"));
                }
                _ => {}
            }
        }
    }
}

/// Both directions of SRTP (RFC 3711, RFC 7714). Replays are not refused here: they are counted as duplicates.
pub(super) struct Srtp {
    outbound: Context,
    inbound: Context,
}

impl Srtp {
    fn new(material: &[u8], profile: dimpl::SrtpProfile, crypto: &Arc<dyn RTCCryptoProvider>) -> Result<Self, String> {
        let profile = match profile {
            dimpl::SrtpProfile::AEAD_AES_256_GCM => ProtectionProfile::AeadAes256Gcm,
            dimpl::SrtpProfile::AEAD_AES_128_GCM => ProtectionProfile::AeadAes128Gcm,
            dimpl::SrtpProfile::AES128_CM_SHA1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            _ => return Err("the server chose an SRTP profile that is not known here".to_owned()),
        };
        let mut config = SrtpConfig { profile, ..SrtpConfig::default() };
        config.set_session_keys_from_keying_material(material, true).map_err(|e| e.to_string())?;
        let keys = config.keys;
        let context = |key: &[u8], salt: &[u8]| {
            Context::new(key, salt, profile, None, None, crypto.crypto()).map_err(|e| e.to_string())
        };
        Ok(Self {
            outbound: context(&keys.local_master_key, &keys.local_master_salt)?,
            inbound: context(&keys.remote_master_key, &keys.remote_master_salt)?,
        })
    }

    /// Encrypts an RTP packet; `None` when it is none.
    pub(super) fn protect_rtp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.outbound.encrypt_rtp(packet).ok()
    }

    /// Encrypts an RTCP compound.
    pub(super) fn protect_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.outbound.encrypt_rtcp(packet).ok()
    }

    /// Checks and decrypts an RTP packet.
    pub(super) fn unprotect_rtp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.inbound.decrypt_rtp(packet).ok()
    }

    /// Checks and decrypts an RTCP compound.
    pub(super) fn unprotect_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.inbound.decrypt_rtcp(packet).ok()
    }
}
