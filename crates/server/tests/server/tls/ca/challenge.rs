//! How an ACME server looks at challenges: over TLS-ALPN-01 (RFC 8737) and HTTP-01.

use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs as provider;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::extensions::GeneralName;

use crate::certificates::{Authority, client_config};
use crate::harness::builder;

/// RFC 8737, section 3.
pub(super) async fn look_by_tls(domain: &str, port: u16, authorization: &str) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.map_err(text)?;
    let mut config = client_config(&Authority::new().root(), &[b"acme-tls/1"]);
    config.dangerous().set_certificate_verifier(Arc::new(Anybody));
    let name = ServerName::try_from(domain.to_owned()).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(text)?;
    let connection = stream.get_ref().1;
    if connection.alpn_protocol() != Some(b"acme-tls/1") {
        return Err("acme-tls/1 was not spoken".to_owned());
    }
    let shown = connection.peer_certificates().ok_or("no certificate")?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&shown[0]).map_err(|error| error.to_string())?;
    let names = certificate.subject_alternative_name().map_err(|error| error.to_string())?.ok_or("no names")?;
    if names.value.general_names != [GeneralName::DNSName(domain)] {
        return Err(format!("a certificate for {:?}", names.value.general_names));
    }
    let mut expected = vec![4, 32];
    expected.extend(digest(&SHA256, authorization.as_bytes()).as_ref());
    let proof = certificate.extensions().iter().find(|extension| extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.31");
    match proof {
        Some(proof) if proof.critical && proof.value == expected => Ok(()),
        Some(_) => Err("another proof".to_owned()),
        None => Err("a certificate without a proof".to_owned()),
    }
}

/// RFC 8555, section 8.3.
pub(super) async fn look_by_http(domain: &str, port: u16, token: &str, authorization: &str) -> Result<(), String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let client = builder().resolve(domain, address).build().unwrap();
    let url = format!("http://{domain}:{port}/.well-known/acme-challenge/{token}");
    let page = client.get(url).send().await.map_err(|error| format!("{error:?}"))?;
    let status = page.status();
    let text = page.text().await.map_err(|error| error.to_string())?;
    if status == 200 && text.trim_end() == authorization { Ok(()) } else { Err(format!("{status}: {text:?}")) }
}

/// ACME servers look at certificates that nobody vouches for, with an extension that nobody else knows.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
