//! TLS on the public listener: where its certificate comes from, and greeting those who connect.

mod acme;
mod certificate;
mod challenges;
mod current;
mod files;
mod handshake;
pub(crate) mod trust;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) use acme::AcmeConfig;
pub(crate) use challenges::Challenges;
pub(crate) use files::Files;
pub(crate) use handshake::{Acceptor, Greeted};

use crate::telemetry::tls::TlsMetrics;
use certificate::Certificate;
use current::Current;

/// Where the certificate comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The operator's files.
    Files(Files),
    /// An ACME server.
    Acme(AcmeConfig),
}

impl Source {
    /// Whether the files can be used; by ACME there is nothing to look at before the start.
    ///
    /// # Errors
    /// One line that names the key and the file, and what would be right.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if let Self::Files(files) = self {
            files.load()?;
        }
        Ok(())
    }
}

/// What there is to know about a certificate before the start.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Until the certificate ends; negative once it has.
    pub(crate) days_left: i64,
    /// Whether it is valid already.
    pub(crate) has_begun: bool,
    /// The names and addresses it is for.
    pub(crate) names: Vec<String>,
    /// Whether the host that was asked for is among them.
    pub(crate) is_for_host: bool,
}

impl Files {
    /// Reads the files as a start would.
    ///
    /// # Errors
    /// One line that names the key and the file, and what would be right.
    pub(crate) fn examine(&self, host: &str) -> anyhow::Result<Held> {
        Ok(Held::of(self.load()?, host))
    }
}

impl Held {
    fn of(certificate: Certificate, host: &str) -> Self {
        let now = SystemTime::now();
        let seconds = match certificate.ends.duration_since(now) {
            Ok(left) => i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            Err(_) => -86_400,
        };
        Self {
            days_left: seconds / 86_400,
            has_begun: certificate.begins <= now,
            is_for_host: certificate.is_for(host),
            names: certificate.names,
        }
    }
}

impl AcmeConfig {
    /// What is kept of this server's; `None` when there is nothing that can be used. Makes and changes nothing.
    ///
    /// # Errors
    /// What the system says, such as that this user may not look.
    pub(crate) fn examine(&self, host: &str) -> std::io::Result<Option<Held>> {
        Ok(acme::kept(self)?.map(|certificate| Held::of(certificate, host)))
    }
}

/// A certificate and what keeps it fresh.
pub(crate) struct Tls {
    acceptor: Arc<Acceptor>,
    challenges: Challenges,
    refresher: Refresher,
}

enum Refresher {
    Files(files::Watcher),
    Acme(acme::Renewer),
}

impl Tls {
    /// Reads the certificate; by ACME the one of the last time, if there is one. The data folder is there already.
    ///
    /// # Errors
    /// One line that names what cannot be used, and what would be right.
    pub(crate) fn new(source: Source, public_url: &Url, metrics: TlsMetrics) -> anyhow::Result<Self> {
        let current = Arc::new(Current::new(public_url.host_str().unwrap_or_default(), metrics.clone()));
        let challenges = Challenges::default();
        let acceptor = Arc::new(Acceptor::new(current.clone(), challenges.clone(), metrics.clone())?);
        let refresher = match source {
            Source::Files(files) => Refresher::Files(files::Watcher::start(files, current, metrics)?),
            Source::Acme(config) => {
                Refresher::Acme(acme::Renewer::start(config, current, challenges.clone(), metrics)?)
            }
        };
        Ok(Self { acceptor, challenges, refresher })
    }

    /// What greets those who connect.
    pub(crate) fn acceptor(&self) -> Arc<Acceptor> {
        self.acceptor.clone()
    }

    /// What ACME servers may ask for by HTTP.
    pub(crate) fn challenges(&self) -> Challenges {
        self.challenges.clone()
    }

    /// Keeps the certificate fresh until `stop`.
    pub(crate) fn keep_fresh(self, stop: CancellationToken) {
        tokio::spawn(async move {
            let refresh = async {
                match self.refresher {
                    Refresher::Files(watcher) => watcher.run().await,
                    Refresher::Acme(renewer) => renewer.run().await,
                }
            };
            tokio::select! {
                () = refresh => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

/// A path in an error.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
