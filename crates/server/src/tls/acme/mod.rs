//! A certificate from an ACME server (RFC 8555), renewed long before it ends.

mod order;
mod state;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use self::order::{Challenger, OrderError};
use self::state::State;
use super::certificate::Certificate;
use super::challenges::Challenges;
use super::current::Current;
use super::shown;
use crate::causes::with_causes;
use crate::config::AcmeChallenge;
use crate::telemetry::tls::TlsMetrics;

/// From whom to get a certificate for what.
#[derive(Clone, Debug)]
pub(crate) struct AcmeConfig {
    /// Host names in lower case.
    pub(crate) domains: Vec<String>,
    /// `mailto:` and an address.
    pub(crate) contact: Option<String>,
    /// The URL where the server says what it can do.
    pub(crate) directory: String,
    /// Who vouches for that server, as a PEM file; `None`: those the system trusts.
    pub(crate) directory_ca: Option<PathBuf>,
    pub(crate) challenge: AcmeChallenge,
    /// The pause after a failure; it doubles from failure to failure.
    pub(crate) retry: Duration,
    /// For the account and the certificate.
    pub(crate) folder: PathBuf,
}

/// The longest pause between two tries. Shorter would not help; longer may let a certificate end of six days' life.
const LONGEST_PAUSE: Duration = Duration::from_secs(12 * 3600);

/// How often the clock is looked at while there is nothing to do: a machine that slept, or whose clock was set, must not miss the day.
const LOOK: Duration = Duration::from_secs(600);

/// How long an order may take. Servers answer within seconds.
const ORDER_TIMEOUT: Duration = Duration::from_secs(300);

/// The certificate in the folder, if there is one from that server that can be used.
///
/// # Errors
/// What the system says, but for a file that is not there.
pub(super) fn kept(config: &AcmeConfig) -> io::Result<Option<Certificate>> {
    State::at(config.folder.clone(), config.directory.clone()).look()
}

/// Orders certificates when they are due.
pub(super) struct Renewer {
    config: AcmeConfig,
    state: State,
    current: Arc<Current>,
    challenger: Challenger,
    metrics: TlsMetrics,
    /// Without a success in between.
    failures: u32,
}

impl Renewer {
    /// Takes the certificate of the last time, if it is from this server and for these names.
    ///
    /// # Errors
    /// When the folder for it cannot be used.
    pub(super) fn start(
        config: AcmeConfig,
        current: Arc<Current>,
        challenges: Challenges,
        metrics: TlsMetrics,
    ) -> anyhow::Result<Self> {
        let failed =
            || format!("the folder {} cannot be used; it must be writable for this user", shown(&config.folder));
        let state = State::open(config.folder.clone(), config.directory.clone()).with_context(failed)?;
        match state.certificate() {
            Some(certificate) if config.domains.iter().all(|domain| certificate.is_for(domain)) => {
                current.set(certificate);
            }
            _ => tracing::info!(
                "there is no TLS certificate for {} yet: asking {} for one",
                config.domains.join(", "),
                config.directory
            ),
        }
        let challenger = Challenger { kind: config.challenge, challenges };
        Ok(Self { config, state, current, challenger, metrics, failures: 0 })
    }

    /// Renews again and again.
    pub(super) async fn run(mut self) {
        loop {
            let now = SystemTime::now();
            self.current.look_at_the_clock(now);
            let due = self.current.dates().map_or(now, |(begins, ends)| due(begins, ends));
            match due.duration_since(now) {
                Ok(wait) if !wait.is_zero() => tokio::time::sleep(wait.min(LOOK)).await,
                _ => {
                    let pause = self.renew().await;
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Tries once; how long to wait before the next try. There is a pause after a success too, for servers whose certificates are
    /// due at once.
    async fn renew(&mut self) -> Duration {
        let result = match tokio::time::timeout(ORDER_TIMEOUT, self.order()).await {
            Ok(result) => result,
            Err(_) => Err(OrderError::TooLong(ORDER_TIMEOUT)),
        };
        self.metrics.order(result.is_ok());
        let domains = self.config.domains.join(", ");
        match result {
            Ok(certificate) => {
                self.failures = 0;
                self.current.set(certificate);
                tracing::info!("a new TLS certificate for {domains} is in use");
                self.config.retry
            }
            Err(error) => {
                let pause = pause(self.config.retry, self.failures).mul_f64(rand::random_range(0.9..1.1));
                self.failures = self.failures.saturating_add(1);
                tracing::warn!(
                    tries = self.failures,
                    "there is no new TLS certificate for {domains}: {}; the next try is in {} s",
                    with_causes(&error),
                    pause.as_secs().max(1)
                );
                pause
            }
        }
    }

    async fn order(&self) -> Result<Certificate, OrderError> {
        let account = order::account(&self.config, &self.state).await?;
        let issued = self.challenger.obtain(&account, &self.config.domains).await;
        let issued = issued.inspect_err(|error| {
            if error.is_about_the_account() {
                // The next try makes a new one.
                self.state.forget_account();
            }
        })?;
        let certificate = Certificate::from_pem(issued.chain.as_bytes(), issued.key.as_bytes())?;
        self.state.keep_certificate(&issued.chain, &issued.key)?;
        Ok(certificate)
    }
}

/// When to renew: when a third of its life is left.
fn due(begins: SystemTime, ends: SystemTime) -> SystemTime {
    let life = ends.duration_since(begins).unwrap_or_default();
    begins + life.mul_f64(2.0 / 3.0)
}

/// The pause after so many failures and one more.
fn pause(first: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_its_life_is_left_when_a_certificate_is_renewed() {
        let day = Duration::from_secs(86_400);
        let begins = SystemTime::UNIX_EPOCH + 20_000 * day;
        assert_eq!(due(begins, begins + 90 * day), begins + 60 * day);
        assert_eq!(due(begins, begins + 6 * day), begins + 4 * day);
        assert_eq!(due(begins, begins), begins);
    }

    #[test]
    fn pauses_double_up_to_half_a_day() {
        let minutes = |failures| pause(Duration::from_secs(300), failures).as_secs() / 60;
        assert_eq!([0, 1, 2, 3, 7, 8, 100].map(minutes), [5, 10, 20, 40, 640, 720, 720]);
    }
}
