//! The certificate that is in use.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::RwLock;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::{Certificate, Standing};
use crate::telemetry::tls::TlsMetrics;

/// The certificate that new connections get; those there are keep theirs.
#[derive(Debug)]
pub(super) struct Current {
    /// The host people come by, which the certificate should be for.
    host: String,
    certificate: RwLock<Option<(Certificate, Standing)>>,
    metrics: TlsMetrics,
}

impl Current {
    pub(super) fn new(host: &str, metrics: TlsMetrics) -> Self {
        Self { host: host.to_owned(), certificate: RwLock::new(None), metrics }
    }

    /// Takes a certificate over, and says what browsers will not like about it.
    pub(super) fn set(&self, certificate: Certificate) {
        let standing = certificate.standing(SystemTime::now());
        let ends = certificate.ends.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.metrics.expires(ends);
        if !certificate.is_for(&self.host) {
            tracing::warn!(
                certificate.names = certificate.names.join(", "),
                "the certificate is not for {}, by which people come: browsers will refuse it; expected one with that name",
                self.host
            );
        }
        complain(standing);
        *self.certificate.write() = Some((certificate, standing));
    }

    /// Says so when it has expired since the last time.
    pub(super) fn look_at_the_clock(&self, now: SystemTime) {
        if let Some((certificate, before)) = self.certificate.write().as_mut() {
            let standing = certificate.standing(now);
            if standing != *before {
                *before = standing;
                complain(standing);
            }
        }
    }

    /// Whether there is one.
    pub(super) fn is_set(&self) -> bool {
        self.certificate.read().is_some()
    }

    /// From when to when it is valid.
    pub(super) fn dates(&self) -> Option<(SystemTime, SystemTime)> {
        self.certificate.read().as_ref().map(|(certificate, _)| (certificate.begins, certificate.ends))
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certificate.read().as_ref().map(|(certificate, _)| certificate.key.clone())
    }
}

fn complain(standing: Standing) {
    match standing {
        Standing::Good => {}
        Standing::Expired => {
            tracing::error!(
                "the TLS certificate has expired: browsers refuse it; put a new one in its place, no restart is needed"
            );
        }
        Standing::Early => {
            tracing::error!("the TLS certificate is not valid yet: browsers refuse it; is this machine's clock right?");
        }
    }
}
