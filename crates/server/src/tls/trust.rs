//! Whom connections from here to others believe.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// Those whom this machine believes.
///
/// # Errors
/// What to do when there are none.
pub(crate) fn roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("this machine has no root certificates; install its package ca-certificates".to_owned());
    }
    Ok(roots)
}

/// The client's side of TLS, which believes those.
///
/// # Errors
/// None with the cryptography as it is.
pub(crate) fn client(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
