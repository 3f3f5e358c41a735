//! TLS as a client: is the certificate one that browsers take, and how long will it be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::tls::trust;

/// How long connecting, and then the handshake, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Anything that bytes go through both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The name is unknown, or nobody listens, or nothing comes back.
    Unreachable(String),
    /// Somebody listens, and what they show is not a certificate for this name that is valid now.
    Certificate(String),
}

/// A connection, and days until the certificate ends where there is one.
pub(crate) type Connected = (Box<dyn Stream>, Option<i64>);

/// Connects to `host`, through TLS where there is a `name` that the certificate has to be for.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn connect(host: &str, port: u16, name: Option<&str>) -> Result<Connected, Fault> {
    let stream = tcp(host, port).await?;
    let Some(name) = name else { return Ok((Box::new(stream), None)) };
    let name = ServerName::try_from(name.to_owned()).map_err(|error| Fault::Certificate(error.to_string()))?;
    let handshake = TlsConnector::from(client()?).connect(name, stream);
    match tokio::time::timeout(PATIENCE, handshake).await {
        Err(_) => Err(Fault::Unreachable("no TLS answer in time".to_owned())),
        Ok(Err(error)) => Err(Fault::Certificate(error.to_string())),
        Ok(Ok(stream)) => {
            let days = days_left(&stream);
            Ok((Box::new(stream), days))
        }
    }
}

/// A TCP connection to whichever of the name's addresses answers first, tried in order.
pub(crate) async fn tcp(host: &str, port: u16) -> Result<TcpStream, Fault> {
    let unreachable = |text: String| Fault::Unreachable(text);
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, port))).await;
    let addresses: Vec<SocketAddr> = found
        .map_err(|_| unreachable(format!("the name {host} was not resolved in time")))?
        .map_err(|error| unreachable(format!("the name {host} is not known: {error}")))?
        .collect();
    let mut last = format!("the name {host} has no address");
    for address in addresses {
        match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = format!("{address}: {error}"),
            Err(_) => last = format!("{address}: no answer in {} s", PATIENCE.as_secs()),
        }
    }
    Err(unreachable(last))
}

/// Believes whom the machine believes.
fn client() -> Result<Arc<ClientConfig>, Fault> {
    let roots = trust::roots().map_err(Fault::Certificate)?;
    trust::client(roots).map(Arc::new).map_err(|error| Fault::Certificate(error.to_string()))
}

fn days_left<S>(stream: &TlsStream<S>) -> Option<i64> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    let left = certificate.validity().not_after.timestamp() - i64::try_from(now.as_secs()).ok()?;
    Some(left / 86_400)
}
