//! Mail through an SMTP server (RFC 5321), from a bounded queue, so that no request waits for another machine.
//!
//! The queue lives in memory: a mail that was not sent yet when the process dies is lost, and its recipient asks for
//! another code. What a mail says and to whom it goes is never logged, whatever the log level.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::mailer::{Mail, MailError, Mailer};
use crate::metrics::{MailCounts, MailSnapshot};
use crate::secret::Secret;

/// Mails that may wait. More are refused: a server that is down for long must not fill the memory.
const QUEUE: u32 = 1_000;
/// Mails sent at once. More would look like a flood to many servers.
const CONNECTIONS: usize = 4;

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Begins in the clear and must become TLS before anything is said (RFC 3207). Port 587 by default.
    StartTls,
    /// TLS from the first byte (RFC 8314). Port 465 by default.
    Tls,
    /// None: for a server on the same machine or a protected network. Port 25 by default.
    None,
}

impl Encryption {
    /// The port where servers usually speak it.
    pub(crate) const fn usual_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Where mail goes out.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Name or address of the server; under TLS its certificate must be for this name.
    pub host: String,
    /// `None` for the usual port of the encryption.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// User name, if the server wants one.
    pub username: Option<String>,
    /// Password, if there is a user name.
    pub password: Option<Secret>,
    /// From whom mail comes: `Hubbub <hubbub@example.org>` or the address alone.
    pub from: String,
    /// How long one step of a conversation may take. 30 s is right for nearly everybody.
    pub timeout: Duration,
    /// Pauses between tries of a mail that could not be sent for now. Their number is that of further tries.
    pub retry_pauses: Vec<Duration>,
}

impl SmtpConfig {
    /// A server with everything else as usual: STARTTLS, no user, tries for about ten minutes.
    #[must_use]
    pub fn new(host: impl Into<String>, from: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: None,
            encryption: Encryption::StartTls,
            username: None,
            password: None,
            from: from.into(),
            timeout: Duration::from_secs(30),
            // Within the life of a code: a mail that comes later is of no use.
            retry_pauses: [1, 5, 15, 60, 180, 300].map(Duration::from_secs).to_vec(),
        }
    }
}

/// Why mail cannot be sent like this. Names the key and what would be right.
#[derive(Debug, Error)]
pub enum SmtpConfigError {
    /// Not a mailbox.
    #[error("from must be an address such as \"Hubbub <hubbub@example.org>\", is {0:?}")]
    From(String),
    /// No server.
    #[error("host must name the mail server")]
    Host,
    /// A user name without password or the other way round.
    #[error("username and password must be set together or not at all")]
    Credentials,
    /// TLS cannot be set up: a name that cannot be in a certificate, or no root certificates on this machine.
    #[error("TLS to the mail server cannot be set up: {0}")]
    Tls(String),
}

/// Sends through an SMTP server. Must be made inside a Tokio runtime.
pub struct SmtpMailer {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
}

struct Shared {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    retry_pauses: Vec<Duration>,
    connections: Semaphore,
    counts: MailCounts,
}

impl SmtpMailer {
    /// Checks the configuration; does not connect yet.
    ///
    /// # Errors
    /// [`SmtpConfigError`] names the key that is wrong.
    pub fn new(config: &SmtpConfig) -> Result<Self, SmtpConfigError> {
        let from = config.from.parse().map_err(|_| SmtpConfigError::From(config.from.clone()))?;
        Ok(Self {
            shared: Arc::new(Shared {
                transport: Self::transport(config)?,
                from,
                retry_pauses: config.retry_pauses.clone(),
                connections: Semaphore::new(CONNECTIONS),
                counts: MailCounts::default(),
            }),
            places: Arc::new(Semaphore::new(QUEUE as usize)),
        })
    }

    /// The way to the server; nothing connects before a mail is sent.
    pub(crate) fn transport(config: &SmtpConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, SmtpConfigError> {
        if config.host.trim().is_empty() {
            return Err(SmtpConfigError::Host);
        }
        let tls = || TlsParameters::new(config.host.clone()).map_err(|error| SmtpConfigError::Tls(error.to_string()));
        let tls = match config.encryption {
            // `Required`: a server that offers no STARTTLS, or somebody in between who hides it, gets nothing.
            Encryption::StartTls => Tls::Required(tls()?),
            Encryption::Tls => Tls::Wrapper(tls()?),
            Encryption::None => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port.unwrap_or_else(|| config.encryption.usual_port()))
            .tls(tls)
            .timeout(Some(config.timeout));
        let builder = match (&config.username, &config.password) {
            (Some(user), Some(password)) => {
                builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()))
            }
            (None, None) => builder,
            _ => return Err(SmtpConfigError::Credentials),
        };
        Ok(builder.build())
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.shared.counts.refused.increment();
            return Err(MailError::QueueFull);
        };
        tokio::spawn(Arc::clone(&self.shared).deliver(mail, place));
        Ok(())
    }

    async fn flush(&self) {
        let all = self.places.acquire_many(QUEUE).await;
        drop(all);
    }

    fn metrics(&self) -> MailSnapshot {
        let free = u64::try_from(self.places.available_permits()).unwrap_or(u64::MAX);
        self.shared.counts.snapshot(u64::from(QUEUE).saturating_sub(free))
    }
}

impl Shared {
    /// Sends one mail, again and again while the reason looks temporary. Holds `_place` in the queue until the end.
    async fn deliver(self: Arc<Self>, mail: Mail, _place: OwnedSemaphorePermit) {
        let subject = mail.subject;
        let Some(message) = message(&self.from, mail) else {
            tracing::error!(mail.subject = subject, "a mail could not be put together; it is dropped");
            self.counts.dropped.increment();
            return;
        };
        let mut pauses = self.retry_pauses.iter();
        loop {
            let connection = self.connections.acquire().await;
            let result = self.transport.send(message.clone()).await;
            drop(connection);
            let Err(error) = result else {
                tracing::debug!(mail.subject = subject, "mail sent");
                self.counts.sent.increment();
                return;
            };
            // A server's words may quote the recipient, so only the kind of the failure is logged.
            let reason = reason(&error);
            match pauses.next().filter(|_| !error.is_permanent()) {
                Some(pause) => {
                    tracing::warn!(
                        mail.subject = subject,
                        reason,
                        retry.seconds = pause.as_secs(),
                        "a mail was not sent yet"
                    );
                    self.counts.retries.increment();
                    tokio::time::sleep(*pause).await;
                }
                None => {
                    tracing::error!(mail.subject = subject, reason, "a mail was not sent; it is dropped");
                    self.counts.dropped.increment();
                    return;
                }
            }
        }
    }
}

fn message(from: &Mailbox, mail: Mail) -> Option<Message> {
    // Through the parts of the address, so that nothing in it could be read as a name or a second address.
    let to = lettre::Address::try_from(mail.to.as_str().to_owned()).ok()?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(mail.subject)
        .message_id(None)
        .multipart(MultiPart::alternative_plain_html(mail.text, mail.html))
        .ok()
}

fn reason(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the server answered {code}"),
        None if error.is_timeout() => "the server did not answer in time".to_owned(),
        None if error.is_tls() => "TLS failed".to_owned(),
        None if error.is_response() => "the server's answer was not SMTP".to_owned(),
        None if error.is_client() => "the server lacks STARTTLS or the wanted authentication".to_owned(),
        None => "the server could not be reached".to_owned(),
    }
}
