//! The handle through which everybody uses this crate.

use std::sync::Arc;
use std::time::Duration;

use hubbub_domain::{Clock, EventBus, Storage, Timestamp};
use tokio::sync::Semaphore;

use crate::attempts::{AttemptKey, Attempts, LocalAttempts};
use crate::config::{Config, ConfigError};
use crate::keys::{Keys, mac};
use crate::mailer::{Mail, Mailer};
use crate::metrics::{Metrics, MetricsSnapshot};
use crate::password::PasswordHasher;
use crate::ticket::Tickets;
use crate::token::AccessTokens;

/// Mails that may be on their way to the mailer at once; more are dropped, and asking again sends them.
const BACKGROUND: u32 = 64;

/// Registering, login and everything a token proves. Cheap to clone; clones are the same thing.
///
/// What it can do stands in the files of its parts: `registration`, `email_verification`, `login`, `session`.
#[derive(Clone)]
pub struct Auth {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) keys: Keys,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) events: Arc<dyn EventBus>,
    pub(crate) attempts: Arc<dyn Attempts>,
    pub(crate) passwords: PasswordHasher,
    pub(crate) access_tokens: AccessTokens,
    pub(crate) tickets: Tickets,
    pub(crate) metrics: Metrics,
    background: Arc<Semaphore>,
}

impl Auth {
    /// Puts the parts together, with what is remembered for a short while in this process's memory.
    ///
    /// # Errors
    /// [`ConfigError`] names the key that is wrong.
    pub fn new(
        config: Config,
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        mailer: Arc<dyn Mailer>,
        events: Arc<dyn EventBus>,
    ) -> Result<Self, ConfigError> {
        Self::with_attempts(config, storage, clock, mailer, events, Arc::new(LocalAttempts::default()))
    }

    /// As [`Auth::new`], with a memory that several nodes share.
    ///
    /// # Errors
    /// [`ConfigError`] names the key that is wrong.
    pub fn with_attempts(
        config: Config,
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        mailer: Arc<dyn Mailer>,
        events: Arc<dyn EventBus>,
        attempts: Arc<dyn Attempts>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let keys = Keys::derive(&config.secret);
        let inner = Inner {
            passwords: PasswordHasher::new(&config.password)?,
            access_tokens: AccessTokens::new(&config.issuer, &keys.access),
            tickets: Tickets::new(&config.issuer, &keys.ticket),
            metrics: Metrics::default(),
            background: Arc::new(Semaphore::new(BACKGROUND as usize)),
            config,
            keys,
            storage,
            clock,
            mailer,
            events,
            attempts,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How long a mailed code is good for.
    #[must_use]
    pub fn code_lifetime(&self) -> Duration {
        self.inner.config.code_lifetime
    }

    /// How long asking for a new code sends nothing after the last one.
    #[must_use]
    pub fn resend_cooldown(&self) -> Duration {
        self.inner.config.resend_cooldown
    }

    /// Waits until every mail taken so far was delivered or given up; for the end of the process, after the last request.
    pub async fn flush(&self) {
        let all = self.inner.background.acquire_many(BACKGROUND).await;
        drop(all);
        self.inner.mailer.flush().await;
    }

    /// What was counted so far.
    #[must_use]
    pub fn metrics(&self) -> MetricsSnapshot {
        self.inner.metrics.snapshot(self.inner.passwords.times(), self.inner.mailer.metrics())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// A key for [`Attempts`]: says nothing about `what` to somebody without the server's secret.
    pub(crate) fn attempt_key(&self, purpose: &str, what: &[u8]) -> AttemptKey {
        AttemptKey(mac(&self.inner.keys.attempts, &[purpose.as_bytes(), what]))
    }

    /// Hands a mail over. One that is not taken is logged and not an error: the person can ask for another.
    pub(crate) async fn mail(&self, mail: Mail) {
        let subject = mail.subject;
        if let Err(error) = self.inner.mailer.send(mail).await {
            tracing::error!(mail.subject = subject, error = %error, "a mail was not taken");
        }
    }

    /// Runs `work` after the answer has gone out, so that how long it takes tells nothing. False when too much of it runs.
    pub(crate) fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let Ok(permit) = Arc::clone(&self.inner.background).try_acquire_owned() else { return false };
        tokio::spawn(async move {
            work.await;
            drop(permit);
        });
        true
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
