//! The public listener with TLS.

mod acme;
mod ca;
mod files;
mod https;
mod limits;
mod proxy;

use std::sync::Arc;

use rustls_pki_types::ServerName;
use time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates::{Authority, client_config};
use crate::harness::{Reach, Setup, free_port};

/// A server with a certificate for `127.0.0.1` in files, and another listener that leads there.
struct Secure {
    setup: Setup,
    authority: Authority,
    redirect: u16,
}

impl Secure {
    fn new() -> Self {
        let (setup, authority) = (Setup::new(), Authority::new());
        let (chain, key) = authority.issue(&["127.0.0.1"], Duration::days(90)).write(setup.folder.path());
        let reach = Reach::secure("127.0.0.1", setup.http, &authority.root());
        let redirect = free_port();
        let setup = setup
            .with("HUBBUB__TLS__CERTIFICATE", &chain.display().to_string())
            .with("HUBBUB__TLS__KEY", &key.display().to_string())
            .with("HUBBUB__TLS__RELOAD_SECONDS", "1")
            .with("HUBBUB__HTTP__REDIRECT_BIND", &format!("127.0.0.1:{redirect}"))
            .reached(reach);
        Self { setup, authority, redirect }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.setup.set(name, value);
        self
    }

    /// A TLS connection that speaks one of these protocols.
    async fn connect(&self, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(("127.0.0.1", self.setup.http)).await.unwrap();
        let config = Arc::new(client_config(&self.authority.root(), protocols));
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(config).connect(name, tcp).await.expect("the handshake")
    }
}
