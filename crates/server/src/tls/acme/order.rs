//! One order: the names are proved to be ours, and a certificate for them is made (RFC 8555, section 7.4).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, ChallengeType, Identifier, NewAccount, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivatePkcs8KeyDer;
use thiserror::Error;

use super::AcmeConfig;
use super::state::State;
use crate::config::AcmeChallenge;
use crate::tls::certificate::CertificateError;
use crate::tls::challenges::{Challenges, Posted};

/// How long a server may take to look at a challenge, and to sign.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why there is no certificate.
#[derive(Debug, Error)]
pub(super) enum OrderError {
    /// The server said no, or did not answer.
    #[error("the ACME server: {0}")]
    Acme(#[from] instant_acme::Error),
    /// The server has looked, and did not find what it should.
    #[error("{domain} was not proved to be ours: {why}; {right}")]
    NotProved {
        /// Which name.
        domain: String,
        /// What the server says.
        why: String,
        /// What must be.
        right: &'static str,
    },
    /// The server wants other proofs.
    #[error("the ACME server does not offer {0:?} for {1}; set tls.acme_challenge otherwise")]
    NotOffered(ChallengeType, String),
    /// A key or a certificate for a challenge could not be made.
    #[error("no certificate for the challenge: {0}")]
    Challenge(String),
    /// What the server has made is no certificate.
    #[error("the ACME server's certificate {0}")]
    Certificate(#[from] CertificateError),
    /// It could not be kept.
    #[error("account or certificate could not be written: {0}")]
    Kept(#[from] io::Error),
    /// All of it took too long.
    #[error("the ACME server was not done after {} s", .0.as_secs())]
    TooLong(Duration),
}

impl OrderError {
    /// Whether the server does not know our account (RFC 8555, section 6.7).
    pub(super) fn is_about_the_account(&self) -> bool {
        let Self::Acme(instant_acme::Error::Api(problem)) = self else { return false };
        problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
    }
}

/// The account that is kept, or a new one.
///
/// # Errors
/// [`OrderError`].
pub(super) async fn account(config: &AcmeConfig, state: &State) -> Result<Account, OrderError> {
    let builder = match &config.directory_ca {
        Some(path) => Account::builder_with_root(path)?,
        None => Account::builder()?,
    };
    if let Some(credentials) = state.account() {
        return Ok(builder.from_credentials(credentials).await?);
    }
    let contact: Vec<&str> = config.contact.as_deref().into_iter().collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder.create(&new, config.directory.clone(), None).await?;
    state.keep_account(&credentials)?;
    Ok(account)
}

/// A certificate with its key, in PEM.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: String,
}

/// Proves that names are ours.
pub(super) struct Challenger {
    pub(super) kind: AcmeChallenge,
    pub(super) challenges: Challenges,
}

impl Challenger {
    /// Gets a certificate.
    ///
    /// # Errors
    /// [`OrderError`].
    pub(super) async fn obtain(&self, account: &Account, domains: &[String]) -> Result<Issued, OrderError> {
        let names: Vec<Identifier> = domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        let patience = RetryPolicy::new().timeout(PATIENCE);
        let posted = self.answer(&mut order).await?;
        let ready = order.poll_ready(&patience).await;
        drop(posted);
        if !matches!(ready, Ok(OrderStatus::Ready)) {
            if let Some(refused) = self.refused(&mut order).await {
                return Err(refused);
            }
            ready?;
        }
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&patience).await?;
        Ok(Issued { chain, key })
    }

    const fn challenge_type(&self) -> ChallengeType {
        match self.kind {
            AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
            AcmeChallenge::Http01 => ChallengeType::Http01,
        }
    }

    /// Posts an answer for each name that is not proved yet, and tells the server to look.
    async fn answer(&self, order: &mut Order) -> Result<Vec<Posted>, OrderError> {
        let mut posted = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let domain = authorization.identifier().to_string();
            let Some(mut challenge) = authorization.challenge(self.challenge_type()) else {
                return Err(OrderError::NotOffered(self.challenge_type(), domain));
            };
            posted.push(self.post(&domain, &challenge)?);
            challenge.set_ready().await?;
        }
        Ok(posted)
    }

    fn post(&self, domain: &str, challenge: &ChallengeHandle<'_>) -> Result<Posted, OrderError> {
        let authorization = challenge.key_authorization();
        Ok(match self.kind {
            AcmeChallenge::Http01 => self.challenges.post_page(&challenge.token, authorization.as_str()),
            AcmeChallenge::TlsAlpn01 => {
                let certificate = challenge_certificate(domain, authorization.digest().as_ref());
                self.challenges.post_certificate(domain, certificate.map_err(OrderError::Challenge)?)
            }
        })
    }

    /// What the server says about the name that it did not take.
    async fn refused(&self, order: &mut Order) -> Option<OrderError> {
        let right = match self.kind {
            AcmeChallenge::TlsAlpn01 => {
                "its port 443 must lead to http.bind, for IPv4 and IPv6 if it has both addresses"
            }
            AcmeChallenge::Http01 => {
                "its port 80 must lead to http.redirect_bind, for IPv4 and IPv6 if it has both addresses"
            }
        };
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            if authorization.refresh().await.is_err() || authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
            if let Some(problem) = problem {
                let why = problem.detail.clone().unwrap_or_else(|| problem.to_string());
                return Some(OrderError::NotProved { domain: authorization.identifier().to_string(), why, right });
            }
        }
        None
    }
}

/// The certificate that proves a name (RFC 8737, section 3). Nobody trusts it, and nobody has to.
fn challenge_certificate(domain: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, String> {
    let made = || {
        let mut params = CertificateParams::new([domain.to_owned()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate()?;
        Ok((params.self_signed(&key)?, key))
    };
    let (certificate, key) = made().map_err(|error: rcgen::Error| error.to_string())?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key.into());
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key.map_err(|error| error.to_string())?)))
}
