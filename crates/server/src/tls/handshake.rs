//! Greeting those who connect to the public listener: TLS, a challenge of an ACME server, or HTTP without TLS.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{Acceptor as Hello, ResolvesServerCert};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::challenges::Challenges;
use super::current::Current;
use crate::telemetry::tls::{Handshake, TlsMetrics};

/// How long a client may take from connecting to the end of the handshake. Longer lets strangers hold connections; shorter cuts
/// off phones on bad networks.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The first byte of a TLS record with a handshake (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;

const H2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";
/// The protocol of TLS-ALPN-01 (RFC 8737, section 6.2).
const ACME_TLS: &[u8] = b"acme-tls/1";

/// What a client wants.
pub(crate) enum Greeted {
    /// HTTP/1.1 over TLS.
    Http1(Box<TlsStream<TcpStream>>),
    /// HTTP/2 over TLS.
    Http2(Box<TlsStream<TcpStream>>),
    /// HTTP, where TLS is spoken. Nothing of it was read.
    Plain(TcpStream),
}

/// Makes connections into TLS connections.
pub(crate) struct Acceptor {
    current: Arc<Current>,
    http: Arc<ServerConfig>,
    challenge: Arc<ServerConfig>,
    metrics: TlsMetrics,
}

impl Acceptor {
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new(current: Arc<Current>, challenges: Challenges, metrics: TlsMetrics) -> anyhow::Result<Self> {
        let http = server_config(current.clone(), &[H2, HTTP_1_1])?;
        let challenge = server_config(Arc::new(challenges), &[ACME_TLS])?;
        Ok(Self { current, http, challenge, metrics })
    }

    /// Greets a client; `None` when the connection has ended or is of no use.
    pub(crate) async fn greet(&self, stream: TcpStream) -> Option<Greeted> {
        let greeted = tokio::time::timeout(TIMEOUT, self.try_greet(stream)).await;
        let (outcome, greeted) = greeted.unwrap_or((Handshake::TimedOut, None));
        self.metrics.handshake(outcome);
        greeted
    }

    async fn try_greet(&self, stream: TcpStream) -> (Handshake, Option<Greeted>) {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(1) if first[0] == TLS_HANDSHAKE => {}
            Ok(1) if first[0].is_ascii_alphabetic() => return (Handshake::PlainHttp, Some(Greeted::Plain(stream))),
            Ok(1) => return (Handshake::Failed, None),
            _ => return (Handshake::Closed, None),
        }
        match self.handshake(stream).await {
            Ok(None) => (Handshake::Challenge, None),
            Ok(Some(greeted)) => (Handshake::Completed, Some(greeted)),
            Err(error) => {
                tracing::debug!(%error, "a TLS handshake failed");
                (if self.current.is_set() { Handshake::Failed } else { Handshake::NoCertificate }, None)
            }
        }
    }

    async fn handshake(&self, stream: TcpStream) -> std::io::Result<Option<Greeted>> {
        let start = LazyConfigAcceptor::new(Hello::default(), stream).await?;
        let is_challenge = start.client_hello().alpn().is_some_and(|mut protocols| {
            // Alone in the list (RFC 8737, section 3).
            protocols.next() == Some(ACME_TLS) && protocols.next().is_none()
        });
        if is_challenge {
            // The handshake is all that is looked at.
            start.into_stream(self.challenge.clone()).await?;
            return Ok(None);
        }
        let stream = Box::new(start.into_stream(self.http.clone()).await?);
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(H2);
        Ok(Some(if is_h2 { Greeted::Http2(stream) } else { Greeted::Http1(stream) }))
    }
}

/// TLS 1.2 and 1.3 with rustls' suites, all of which have forward secrecy; no early data, which could be replayed.
fn server_config(certificates: Arc<dyn ResolvesServerCert>, protocols: &[&[u8]]) -> anyhow::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS has no protocol versions")?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    // Clients that come back shake hands without the certificate; the keys of these tickets change by themselves.
    config.ticketer = aws_lc_rs::Ticketer::new().context("TLS tickets have no random key")?;
    Ok(Arc::new(config))
}
