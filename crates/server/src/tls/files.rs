//! Certificate and key in files of the operator, which are looked at again and again.
//!
//! Looking is reading them: certbot changes symbolic links, Kubernetes the folder above, editors the inode, and all of them the text.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::certificate::{Certificate, CertificateError};
use super::current::Current;
use super::shown;
use crate::telemetry::tls::TlsMetrics;

/// Which files, and how often they are looked at.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) every: Duration,
}

/// Why the files cannot be used: one line that names the key of the configuration and the file.
#[derive(Debug, Error)]
pub(super) enum FilesError {
    /// One cannot be read.
    #[error("{key}: cannot read {path}: {source}; expected a PEM file that this user may read")]
    Read {
        /// Of the configuration.
        key: &'static str,
        /// Which.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// One does not hold what it should.
    #[error("{key}: {path} {source}")]
    Content {
        /// Of the configuration.
        key: &'static str,
        /// Which.
        path: String,
        /// What is wrong.
        source: CertificateError,
    },
}

/// What the files say.
#[derive(PartialEq, Eq)]
struct Text {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(&self) -> Result<Text, FilesError> {
        let read = |key, path: &Path| {
            std::fs::read(path).map_err(|source| FilesError::Read { key, path: shown(path), source })
        };
        Ok(Text { certificate: read("tls.certificate", &self.certificate)?, key: read("tls.key", &self.key)? })
    }

    fn parse(&self, text: &Text) -> Result<Certificate, FilesError> {
        Certificate::from_pem(&text.certificate, &text.key).map_err(|source| {
            let (key, path) = match source {
                CertificateError::Chain(_) => ("tls.certificate", &self.certificate),
                CertificateError::Key(_) => ("tls.key", &self.key),
            };
            FilesError::Content { key, path: shown(path), source }
        })
    }

    /// Reads both.
    ///
    /// # Errors
    /// [`FilesError`].
    pub(super) fn load(&self) -> Result<Certificate, FilesError> {
        self.parse(&self.read()?)
    }
}

/// Takes new files over.
pub(super) struct Watcher {
    files: Files,
    current: Arc<Current>,
    metrics: TlsMetrics,
    /// What was judged last, be it in use or refused.
    known: Reading,
}

/// What a look at the files gave; errors by their text, so that the same one is known again.
type Reading = Result<Text, String>;

impl Watcher {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// [`FilesError`].
    pub(super) fn start(files: Files, current: Arc<Current>, metrics: TlsMetrics) -> Result<Self, FilesError> {
        let known = files.read()?;
        current.set(files.parse(&known)?);
        Ok(Self { files, current, metrics, known: Ok(known) })
    }

    /// Looks again and again.
    pub(super) async fn run(mut self) {
        let mut changed: Option<Reading> = None;
        loop {
            tokio::time::sleep(self.files.every).await;
            self.current.look_at_the_clock(SystemTime::now());
            let files = self.files.clone();
            let look = move || files.read().map_err(|error| error.to_string());
            let Ok(now) = tokio::task::spawn_blocking(look).await else { return };
            // Two looks must see the same: of two files that are written, one is new and the other old for a moment.
            changed = if now == self.known {
                None
            } else if changed.as_ref() == Some(&now) {
                self.judge(now);
                None
            } else {
                Some(now)
            };
        }
    }

    fn judge(&mut self, now: Reading) {
        let certificate = now.as_ref().map_err(Clone::clone);
        let certificate = certificate.and_then(|text| self.files.parse(text).map_err(|error| error.to_string()));
        self.metrics.reload(certificate.is_ok());
        match certificate {
            Ok(certificate) => {
                self.current.set(certificate);
                tracing::info!(path = shown(&self.files.certificate), "a new TLS certificate is in use");
            }
            Err(problem) => tracing::warn!("the TLS certificate stays the one before: {problem}"),
        }
        self.known = now;
    }
}
