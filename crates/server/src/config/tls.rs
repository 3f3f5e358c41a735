//! `[tls]` and what hangs on it: what must fit together, and the same in the terms of `crate::tls`.

use std::net::IpAddr;
use std::time::Duration;

use hubbub_domain::user::Email;
use url::Url;

use super::check::{Problem, range};
use super::{AcmeChallenge, Config};
use crate::tls::{AcmeConfig, Files, Source};

impl Config {
    /// Whether the public listener speaks TLS.
    pub(crate) const fn has_tls(&self) -> bool {
        self.tls.acme || self.tls.certificate.is_some()
    }

    /// Where the certificate comes from; `None` without TLS.
    pub(crate) fn for_tls(&self) -> Option<Source> {
        let tls = &self.tls;
        if tls.acme {
            return Some(Source::Acme(AcmeConfig {
                domains: self.acme_domains(),
                contact: (!tls.acme_contact.is_empty()).then(|| format!("mailto:{}", tls.acme_contact)),
                directory: tls.acme_directory.clone(),
                directory_ca: tls.acme_directory_ca.clone(),
                challenge: tls.acme_challenge,
                retry: Duration::from_secs(tls.acme_retry_seconds.into()),
                folder: self.data.dir.join("acme"),
            }));
        }
        let (certificate, key) = (tls.certificate.clone()?, tls.key.clone()?);
        Some(Source::Files(Files { certificate, key, every: Duration::from_secs(tls.reload_seconds.into()) }))
    }

    /// The name that stands in for `http.public_url` where that is empty.
    pub(super) fn first_acme_domain(&self) -> Option<&str> {
        self.tls.acme_domains.first().filter(|_| self.tls.acme).map(String::as_str)
    }

    fn acme_domains(&self) -> Vec<String> {
        match self.tls.acme_domains.as_slice() {
            [] => self.public_url().host_str().map(str::to_owned).into_iter().collect(),
            domains => domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
        }
    }

    /// # Errors
    /// The first key whose value is not allowed, with what would be right.
    pub(super) fn check_tls(&self) -> Result<(), Problem> {
        let (http, tls) = (&self.http, &self.tls);
        range("tls.reload_seconds", tls.reload_seconds, 1..=86_400)?;
        range("tls.acme_retry_seconds", tls.acme_retry_seconds, 1..=43_200)?;
        if tls.certificate.is_some() != tls.key.is_some() {
            let key = if tls.certificate.is_some() { "tls.certificate" } else { "tls.key" };
            return Err((key, "tls.certificate and tls.key belong together: set both or none".to_owned()));
        }
        if tls.acme && tls.certificate.is_some() {
            let right = "the certificate comes from tls.certificate already: set that and tls.key, or tls.acme";
            return Err(("tls.acme", right.to_owned()));
        }
        if tls.acme {
            self.check_acme()?;
        }
        if self.has_tls() && self.public_url().scheme() != "https" {
            let right = "with a certificate in [tls], people come by https: expected such as https://talk.example.org";
            return Err(("http.public_url", right.to_owned()));
        }
        match http.redirect_bind {
            Some(_) if !self.has_tls() => {
                let right = "it leads people to https, which there is not: set tls.certificate and tls.key, or tls.acme, or nothing \
                             here; behind a reverse proxy, the proxy does it";
                Err(("http.redirect_bind", right.to_owned()))
            }
            Some(address) if address == http.bind && address.port() != 0 => {
                Err(("http.redirect_bind", format!("{address} is http.bind already: expected such as [::]:80")))
            }
            _ => Ok(()),
        }
    }

    fn check_acme(&self) -> Result<(), Problem> {
        let tls = &self.tls;
        let domains = &tls.acme_domains;
        if domains.is_empty() && !self.public_url().host_str().is_some_and(is_public_name) {
            let right = "ACME needs a name to get a certificate for: set http.public_url to such as https://talk.example.org, or \
                         tls.acme_domains";
            return Err(("tls.acme", right.to_owned()));
        }
        if let Some(wrong) = domains.iter().find(|domain| !is_public_name(domain)) {
            let right = format!("{wrong:?} is no name to get a certificate for; expected such as talk.example.org");
            return Err(("tls.acme_domains", right));
        }
        if !tls.acme_contact.is_empty() && Email::parse(&tls.acme_contact).is_err() {
            return Err(("tls.acme_contact", "expected a mail address such as ops@example.org, or nothing".to_owned()));
        }
        let directory = Url::parse(&tls.acme_directory).ok();
        if !directory.is_some_and(|url| url.scheme() == "https" && url.has_host()) {
            let right = "expected an https:// address such as https://acme-v02.api.letsencrypt.org/directory";
            return Err(("tls.acme_directory", right.to_owned()));
        }
        if tls.acme_challenge == AcmeChallenge::Http01 && self.http.redirect_bind.is_none() {
            let right =
                "http-01 is answered on http.redirect_bind, which is not set: expected that, or tls-alpn-01 here";
            return Err(("tls.acme_challenge", right.to_owned()));
        }
        Ok(())
    }
}

/// Whether a name can be proved with our challenges: no address, no wildcard (which needs DNS-01), nothing local.
fn is_public_name(name: &str) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    let local = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    let address = name.parse::<IpAddr>().is_ok() || name.starts_with('[');
    name.len() <= 253 && name.split('.').all(label) && !local && !address
}
