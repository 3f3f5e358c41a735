//! The passive side, on dimpl.
//!
//! dimpl has assertions that hostile messages may reach. A panic inside it therefore costs the association and nothing else:
//! a worker has thousands of peers on its one thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, DtlsCertificate, Output};

use super::flight::Flight;
use super::hello::{HelloReader, Progress};
use super::signing;
use super::{DATAGRAM_MAX, DtlsEndpoint, DtlsError, DtlsOutput};
use crate::transport::Identity;
use crate::transport::srtp::{SrtpKeys, SrtpProfile};

/// The first retransmission. Browsers start at 50 to 100 ms themselves, so ours matters only when both directions lose.
const RETRANSMISSION_START: Duration = Duration::from_millis(400);

/// Timers and answers to repeated flights share this budget in dimpl, so it is far above what the setup time allows: the
/// bound that counts is [`crate::transport::SETUP_LIFETIME`].
const RETRANSMISSIONS_MAX: usize = 200;

/// Datagrams dimpl keeps while a message is incomplete. With one more the association fails.
pub(super) const QUEUE_MAX: usize = 30;

/// The configuration all server associations that sign with `key` (PKCS#8, P-256) share. No cookies: only addresses that passed a check speak DTLS.
///
/// # Errors
/// Says what the library does not like about it.
pub(in crate::transport) fn server_config(key: &[u8]) -> Result<Arc<Config>, String> {
    let config = Config::builder()
        .with_crypto_provider(signing::provider(key)?)
        .use_server_cookie(false)
        .max_queue_rx(QUEUE_MAX)
        .require_client_certificate(true)
        .flight_start_rto(RETRANSMISSION_START)
        .flight_retries(RETRANSMISSIONS_MAX)
        .handshake_timeout(crate::transport::SETUP_LIFETIME)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(config))
}

enum State {
    /// Waiting for a whole ClientHello, which decides the version.
    Hello { reader: HelloReader, config: Arc<Config>, certificate: DtlsCertificate },
    /// In dimpl's hands.
    Running(Box<Dtls>),
    /// Given up; dimpl's objects must not be touched after an error.
    Failed,
}

/// A server association.
pub(in crate::transport) struct DtlsServer {
    state: State,
    flight: Flight,
    now: Instant,
    /// A datagram was taken and nothing sent since.
    unanswered: bool,
}

impl DtlsServer {
    /// An association that waits for the peer's ClientHello.
    pub(in crate::transport) fn new(now: Instant, identity: &Identity) -> Self {
        Self {
            state: State::Hello {
                reader: HelloReader::default(),
                config: Arc::clone(&identity.dtls),
                certificate: identity.certificate.clone(),
            },
            flight: Flight::default(),
            now,
            unanswered: false,
        }
    }

    /// Does something with dimpl's object; after an error or a panic it is gone.
    fn drive<T>(&mut self, act: impl FnOnce(&mut Dtls) -> Result<T, dimpl::Error>) -> Result<T, DtlsError> {
        let State::Running(dtls) = &mut self.state else { return Err(DtlsError::Failed) };
        // Nothing of dimpl's object is looked at again after a panic.
        match catch_unwind(AssertUnwindSafe(|| act(dtls))) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => tracing::debug!(dtls.error = %error, "DTLS failed"),
            Err(_) => tracing::warn!("the DTLS library panicked; its association is dropped"),
        }
        self.state = State::Failed;
        Err(DtlsError::Failed)
    }

    fn feed(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError> {
        self.flight.begin();
        self.unanswered = true;
        self.drive(|dtls| {
            dtls.handle_timeout(now)?;
            dtls.handle_packet(datagram)
        })
    }
}

impl DtlsEndpoint for DtlsServer {
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError> {
        self.now = now;
        if datagram.len() > DATAGRAM_MAX {
            return Err(DtlsError::Dropped);
        }
        let State::Hello { reader, config, certificate } = &mut self.state else { return self.feed(now, datagram) };
        match reader.push(datagram) {
            Progress::Useless => Err(DtlsError::Dropped),
            Progress::Incomplete => Ok(()),
            Progress::Complete { hello, datagrams } => {
                let (config, certificate) = (Arc::clone(config), certificate.clone());
                let dtls = if hello.wants_dtls13() {
                    Dtls::new_13(config, certificate, now)
                } else {
                    Dtls::new_12(config, certificate, now)
                };
                self.state = State::Running(Box::new(dtls));
                datagrams.iter().try_for_each(|datagram| self.feed(now, datagram))
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError> {
        if matches!(self.state, State::Hello { .. }) {
            return Ok(());
        }
        self.now = now;
        self.flight.begin();
        self.flight.handle_timeout(now);
        self.drive(|dtls| dtls.handle_timeout(now))
    }

    fn confirm(&mut self) {
        self.flight.confirm();
    }

    fn close(&mut self) -> Result<(), DtlsError> {
        if matches!(self.state, State::Hello { .. }) {
            return Ok(());
        }
        self.drive(Dtls::close)
    }

    fn poll<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        if matches!(self.state, State::Hello { .. }) {
            return DtlsOutput::Wait(None);
        }
        match self.drive(|dtls| Ok(Polled::next(dtls, buffer))) {
            Ok(Polled::Datagram(length)) => {
                self.unanswered = false;
                self.flight.sent(self.now, &buffer[..length]);
                DtlsOutput::Datagram(&buffer[..length])
            }
            Ok(Polled::Certificate(length)) => DtlsOutput::PeerCertificate(&buffer[..length]),
            Ok(Polled::Other(DtlsOutput::Wait(due))) => {
                if std::mem::take(&mut self.unanswered) {
                    self.flight.unanswered(self.now);
                }
                if let Some(datagram) = self.flight.poll() {
                    buffer[..datagram.len()].copy_from_slice(datagram);
                    return DtlsOutput::Datagram(&buffer[..datagram.len()]);
                }
                DtlsOutput::Wait([due, self.flight.due()].into_iter().flatten().min())
            }
            Ok(Polled::Other(output)) => output,
            Err(_) => DtlsOutput::Failed,
        }
    }
}

/// What dimpl gave out, without borrowing from the buffer: it always writes from its start.
enum Polled {
    Datagram(usize),
    Certificate(usize),
    Other(DtlsOutput<'static>),
}

impl Polled {
    fn next(dtls: &mut Dtls, buffer: &mut [u8]) -> Self {
        loop {
            return match dtls.poll_output(buffer) {
                Output::Packet(datagram) => Self::Datagram(datagram.len()),
                Output::PeerCert(der) => Self::Certificate(der.len()),
                Output::Connected => Self::Other(DtlsOutput::Connected),
                Output::CloseNotify => Self::Other(DtlsOutput::Closed),
                Output::Timeout(due) => Self::Other(DtlsOutput::Wait(Some(due))),
                Output::BufferTooSmall { .. } => Self::Other(DtlsOutput::Failed),
                Output::KeyingMaterial(material, profile) => match to_profile(profile) {
                    Some(profile) => Self::Other(DtlsOutput::Keys(SrtpKeys::new(profile, &material))),
                    None => Self::Other(DtlsOutput::Failed),
                },
                // Application data is no part of DTLS-SRTP.
                _ => continue,
            };
        }
    }
}

/// Our name for a profile; `None` for one that dimpl may learn in future.
pub(crate) fn to_profile(profile: dimpl::SrtpProfile) -> Option<SrtpProfile> {
    match profile {
        dimpl::SrtpProfile::AEAD_AES_256_GCM => Some(SrtpProfile::AeadAes256Gcm),
        dimpl::SrtpProfile::AEAD_AES_128_GCM => Some(SrtpProfile::AeadAes128Gcm),
        dimpl::SrtpProfile::AES128_CM_SHA1_80 => Some(SrtpProfile::Aes128CmSha1_80),
        _ => None,
    }
}
