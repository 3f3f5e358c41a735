//! What TLS on the public listener counts.

use std::time::Duration;

use prometheus::{Gauge, IntCounterVec, Opts, Registry};

/// How a connection to the public listener began.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handshake {
    /// TLS, and then HTTP.
    Completed,
    /// An ACME server looked at a challenge.
    Challenge,
    /// HTTP without TLS, which was led to https.
    PlainHttp,
    /// Nothing was said.
    Closed,
    /// Not in time.
    TimedOut,
    /// No certificate has been had yet.
    NoCertificate,
    /// Anything else.
    Failed,
}

impl Handshake {
    const ALL: [Self; 7] = [
        Self::Completed,
        Self::Challenge,
        Self::PlainHttp,
        Self::Closed,
        Self::TimedOut,
        Self::NoCertificate,
        Self::Failed,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Challenge => "challenge",
            Self::PlainHttp => "plain_http",
            Self::Closed => "closed",
            Self::TimedOut => "timed_out",
            Self::NoCertificate => "no_certificate",
            Self::Failed => "failed",
        }
    }
}

/// The certificate, and those who ask for it.
#[derive(Clone, Debug)]
pub(crate) struct TlsMetrics {
    expiry: Gauge,
    handshakes: IntCounterVec,
    reloads: IntCounterVec,
    orders: IntCounterVec,
}

const OUTCOMES: [&str; 2] = ["ok", "failed"];

impl TlsMetrics {
    /// Makes the metrics known, each with all its outcomes.
    ///
    /// # Errors
    /// When `registry` has them already.
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let expiry = Gauge::new(
            "hubbub_tls_certificate_expiry_timestamp_seconds",
            "When the certificate in use expires, in seconds since 1970; 0 while there is none.",
        )?;
        let counter = |name, help| IntCounterVec::new(Opts::new(name, help), &["outcome"]);
        let handshakes =
            counter("hubbub_tls_handshakes_total", "Connections to the public listener, by how they began.")?;
        let reloads = counter("hubbub_tls_reloads_total", "Changed certificate files, taken over or refused.")?;
        let orders = counter("hubbub_tls_acme_orders_total", "Certificates asked for from the ACME server.")?;
        for outcome in Handshake::ALL {
            handshakes.with_label_values(&[outcome.label()]);
        }
        for counter in [&reloads, &orders] {
            for outcome in OUTCOMES {
                counter.with_label_values(&[outcome]);
            }
        }
        registry.register(Box::new(expiry.clone()))?;
        for counter in [&handshakes, &reloads, &orders] {
            registry.register(Box::new(counter.clone()))?;
        }
        Ok(Self { expiry, handshakes, reloads, orders })
    }

    /// The certificate in use ends so long after 1970.
    pub(crate) fn expires(&self, since_epoch: Duration) {
        self.expiry.set(since_epoch.as_secs_f64());
    }

    /// Counts a connection.
    pub(crate) fn handshake(&self, outcome: Handshake) {
        self.handshakes.with_label_values(&[outcome.label()]).inc();
    }

    /// Counts changed files.
    pub(crate) fn reload(&self, is_ok: bool) {
        self.reloads.with_label_values(&[OUTCOMES[usize::from(!is_ok)]]).inc();
    }

    /// Counts an order.
    pub(crate) fn order(&self, is_ok: bool) {
        self.orders.with_label_values(&[OUTCOMES[usize::from(!is_ok)]]).inc();
    }
}
