//! DTLS behind one small trait, so that the library can be changed in one file (docs/adr/0001-dtls-library.md).

mod fingerprint;
mod flight;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod hello;
mod server;
mod signing;

use std::time::Instant;

pub(crate) use fingerprint::Fingerprint;
#[cfg(any(test, feature = "bench"))]
pub(crate) use server::to_profile;
pub(super) use server::{DtlsServer, server_config};

use super::srtp::SrtpKeys;

/// Larger datagrams are no DTLS that anybody sends.
pub(super) const DATAGRAM_MAX: usize = 2048;

/// What [`DtlsEndpoint::poll`] may need at most: a certificate in as many datagrams as are kept. dimpl panics when the
/// peer's certificate does not fit, so this must not be less than the datagrams it keeps ([`server::QUEUE_MAX`]) can hold.
pub(super) const POLL_BUFFER: usize = server::QUEUE_MAX * DATAGRAM_MAX;

/// What became of what was fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DtlsError {
    /// The datagram is no use; the association goes on.
    Dropped,
    /// The association has failed. Nothing more may be asked of it.
    Failed,
}

/// What an endpoint wants. Ask until it says [`DtlsOutput::Wait`] or [`DtlsOutput::Failed`].
#[derive(Debug)]
pub(crate) enum DtlsOutput<'a> {
    /// To be sent.
    Datagram(&'a [u8]),
    /// The peer's certificate (DER), to be checked against the signalled fingerprints. Comes before the keys.
    PeerCertificate(&'a [u8]),
    /// The SRTP keys. Come together with `Connected`, before or after it, and not at all when the peer does not offer
    /// use_srtp (RFC 5764).
    Keys(SrtpKeys),
    /// The handshake is done.
    Connected,
    /// The peer closed.
    Closed,
    /// The association has failed.
    Failed,
    /// Nothing now; call [`DtlsEndpoint::handle_timeout`] at this time.
    Wait(Option<Instant>),
}

/// One side of one DTLS association, without IO.
pub(crate) trait DtlsEndpoint: Send {
    /// Takes a datagram.
    ///
    /// # Errors
    /// See [`DtlsError`].
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError>;

    /// Retransmits what is due.
    ///
    /// # Errors
    /// [`DtlsError::Failed`] after too many attempts.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError>;

    /// The peer has the keys: it sent something that authenticates. Nothing is repeated any more.
    fn confirm(&mut self);

    /// Says goodbye, when there is somebody to say it to.
    ///
    /// # Errors
    /// [`DtlsError::Failed`] when it has failed before.
    fn close(&mut self) -> Result<(), DtlsError>;

    /// What to do next. Needs a buffer of [`POLL_BUFFER`] bytes.
    fn poll<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a>;
}
