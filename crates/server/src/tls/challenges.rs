//! What an ACME server is about to look for: TLS-ALPN-01 (RFC 8737) and HTTP-01 (RFC 8555, section 8.3).

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Answers that are waiting to be asked for; empty but for the seconds of an order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Challenges(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    /// By the name that is to be proved, in lower case.
    certificates: HashMap<String, Arc<CertifiedKey>>,
    /// By token.
    pages: HashMap<String, String>,
}

/// Takes its answer away when dropped.
#[derive(Debug)]
pub(crate) struct Posted {
    challenges: Challenges,
    name: String,
}

impl Drop for Posted {
    fn drop(&mut self) {
        let mut waiting = self.challenges.0.lock();
        waiting.certificates.remove(&self.name);
        waiting.pages.remove(&self.name);
    }
}

impl Challenges {
    /// Shows `certificate` to those who ask for `domain` with the protocol `acme-tls/1`.
    pub(crate) fn post_certificate(&self, domain: &str, certificate: Arc<CertifiedKey>) -> Posted {
        let name = domain.to_ascii_lowercase();
        self.0.lock().certificates.insert(name.clone(), certificate);
        Posted { challenges: self.clone(), name }
    }

    /// Answers `/.well-known/acme-challenge/{token}` with `authorization`.
    pub(crate) fn post_page(&self, token: &str, authorization: &str) -> Posted {
        self.0.lock().pages.insert(token.to_owned(), authorization.to_owned());
        Posted { challenges: self.clone(), name: token.to_owned() }
    }

    /// The page for a token.
    pub(crate) fn page(&self, token: &str) -> Option<String> {
        self.0.lock().pages.get(token).cloned()
    }
}

impl ResolvesServerCert for Challenges {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        self.0.lock().certificates.get(&name).cloned()
    }
}
