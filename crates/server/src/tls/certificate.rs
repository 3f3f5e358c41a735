//! A certificate with its chain and key, read from PEM (RFC 7468).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

/// Why PEM text is no certificate with its key: what was wrong and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum CertificateError {
    /// About the certificates.
    #[error("{0}")]
    Chain(String),
    /// About the key.
    #[error("{0}")]
    Key(String),
}

/// What browsers think of a certificate's dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not yet valid.
    Early,
    /// Valid.
    Good,
    /// Expired.
    Expired,
}

/// What is shown to browsers.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    /// The chain and the key.
    pub(super) key: Arc<CertifiedKey>,
    /// From when on it is valid.
    pub(super) begins: SystemTime,
    /// Until when.
    pub(super) ends: SystemTime,
    /// Host names and addresses it is for.
    pub(super) names: Vec<String>,
}

impl Certificate {
    /// Reads a chain, the server's own certificate first, and its key (PKCS#8, SEC 1 or PKCS#1).
    ///
    /// # Errors
    /// [`CertificateError`] when one of them cannot be read, or they do not belong together.
    pub(super) fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = read_chain(chain)?;
        let key = read_key(key)?;
        let signing = aws_lc_rs::default_provider().key_provider.load_private_key(key);
        let signing = signing.map_err(|error| {
            CertificateError::Key(format!("cannot be used: {error}; expected an RSA, ECDSA or Ed25519 key"))
        })?;
        if let Err(error) = CertifiedKey::new(chain.clone(), signing.clone()).keys_match() {
            let other = |der: &CertificateDer<'static>| {
                CertifiedKey::new(vec![der.clone()], signing.clone()).keys_match().is_ok()
            };
            return Err(match error {
                rustls::Error::InconsistentKeys(_) if chain.iter().skip(1).any(other) => CertificateError::Chain(
                    "begins with another certificate than the server's own; expected that one first".to_owned(),
                ),
                rustls::Error::InconsistentKeys(_) => CertificateError::Key(
                    "does not belong to the certificate; expected the key it was made for".to_owned(),
                ),
                error => CertificateError::Chain(format!("cannot be used: {error}")),
            });
        }
        let (begins, ends, names) = read_leaf(&chain[0])?;
        Ok(Self { key: Arc::new(CertifiedKey::new(chain, signing)), begins, ends, names })
    }

    /// What browsers think of its dates.
    pub(super) fn standing(&self, now: SystemTime) -> Standing {
        if now < self.begins {
            Standing::Early
        } else if now > self.ends {
            Standing::Expired
        } else {
            Standing::Good
        }
    }

    /// Whether browsers take it for this host (RFC 9525, section 6.3: an asterisk stands for one label, the first).
    pub(super) fn is_for(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(rest) => host.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest)),
            None => name.eq_ignore_ascii_case(host),
        })
    }
}

fn read_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let right = "expected a PEM file with the server's certificate first and those that vouch for it after it";
    let chain: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(CertificateError::Chain(format!("has no certificate; {right}"))),
        Ok(chain) => Ok(chain),
        Err(error) => Err(CertificateError::Chain(format!("is damaged: {error}; {right}"))),
    }
}

fn read_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let right = "expected a PEM file with the certificate's private key";
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let encrypted = pem.windows(21).any(|window| window == b"ENCRYPTED PRIVATE KEY")
            || pem.windows(20).any(|window| window == b"Proc-Type: 4,ENCRYPT");
        CertificateError::Key(match error {
            _ if encrypted => "is protected by a password; expected one without: openssl pkey -in FILE".to_owned(),
            PemError::NoItemsFound => format!("has no private key; {right}"),
            error => format!("is damaged: {error}; {right}"),
        })
    })
}

/// From when to when, and for which names.
fn read_leaf(der: &CertificateDer<'_>) -> Result<(SystemTime, SystemTime, Vec<String>), CertificateError> {
    let broken = |error: String| CertificateError::Chain(format!("has a certificate that cannot be read: {error}"));
    let (_, leaf) = parse_x509_certificate(der).map_err(|error| broken(error.to_string()))?;
    let names = leaf.subject_alternative_name().map_err(|error| broken(error.to_string()))?;
    let names = names.map_or_else(Vec::new, |names| names.value.general_names.iter().filter_map(name).collect());
    Ok((time(leaf.validity().not_before), time(leaf.validity().not_after), names))
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// Years before 1970 are the beginning of time.
fn time(time: ASN1Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
}

#[cfg(test)]
mod tests;
