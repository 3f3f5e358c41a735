//! Trying a mail server step by step without sending a mail: connection, TLS, login, sender, recipient.

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncTransport as _, Message};
use thiserror::Error;

use crate::smtp::{Encryption, SmtpConfig, SmtpConfigError, SmtpMailer};

/// A server that would take our mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmtpTrial {
    /// Whether what is said is encrypted.
    pub encrypted: bool,
    /// Whether we logged in.
    pub logged_in: bool,
}

/// The step that failed, with what the server or the system says.
#[derive(Debug, Error)]
pub enum SmtpFault {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] SmtpConfigError),
    /// Nobody answers there, or not in SMTP.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server offers no STARTTLS.
    #[error("the server offers no STARTTLS")]
    NoStartTls,
    /// TLS could not be set up: a certificate that is not valid for the name, or a port that speaks something else.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The server offers no login that we can do, though there is a user name.
    #[error("the server offers no login")]
    NoLogin,
    /// The user name or password is wrong.
    #[error("the login was refused: {0}")]
    Login(String),
    /// `MAIL FROM` was refused.
    #[error("the sender was refused: {0}")]
    Sender(String),
    /// `RCPT TO` was refused.
    #[error("mail to {recipient} was refused: {reason}")]
    Recipient {
        /// To whom.
        recipient: String,
        /// What the server says.
        reason: String,
        /// Whether it says only that this mailbox is not there (RFC 3463, 5.1.x), which tells nothing about other mail.
        unknown_mailbox: bool,
    },
    /// The mail itself was refused.
    #[error("the mail was refused: {0}")]
    Mail(String),
}

impl SmtpConfig {
    /// Connects, protects the connection, logs in and names the sender, and the sender's own address as recipient; takes
    /// all of it back. Each step takes `timeout` at most.
    ///
    /// # Errors
    /// [`SmtpFault`] names the step.
    pub async fn try_out(&self) -> Result<SmtpTrial, SmtpFault> {
        let from = self.sender()?;
        let mut connection = self.connect().await?;
        let tried = self.converse(&mut connection, &from).await;
        let _ = connection.quit().await;
        tried
    }

    /// Sends one mail, without the queue.
    ///
    /// # Errors
    /// [`SmtpFault`], without the step.
    pub async fn send_now(&self, to: &str, subject: &str, text: &str) -> Result<(), SmtpFault> {
        let to = to.parse().map_err(|_| SmtpFault::Mail(format!("{to:?} is no address")))?;
        let from = self.from.parse().map_err(|_| SmtpConfigError::From(self.from.clone()))?;
        let message = Message::builder().from(from).to(to).subject(subject).message_id(None).body(text.to_owned());
        let message = message.map_err(|error| SmtpFault::Mail(error.to_string()))?;
        SmtpMailer::transport(self)?.send(message).await.map_err(|error| SmtpFault::Mail(words(&error)))?;
        Ok(())
    }

    fn sender(&self) -> Result<Address, SmtpConfigError> {
        let from: lettre::message::Mailbox = self.from.parse().map_err(|_| SmtpConfigError::From(self.from.clone()))?;
        Ok(from.email)
    }

    fn tls(&self) -> Result<TlsParameters, SmtpFault> {
        let made = TlsParameters::new(self.host.clone());
        Ok(made.map_err(|error| SmtpConfigError::Tls(error.to_string()))?)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpFault> {
        let tls = if self.encryption == Encryption::Tls { Some(self.tls()?) } else { None };
        let server = (self.host.as_str(), self.port.unwrap_or_else(|| self.encryption.usual_port()));
        // lettre's own limit is for each address of the name.
        let us = ClientId::default();
        let connecting = AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &us, tls, None);
        match tokio::time::timeout(self.timeout, connecting).await {
            Err(_) => Err(SmtpFault::Unreachable(format!("no answer within {:?}", self.timeout))),
            Ok(Err(error)) if error.is_tls() => Err(SmtpFault::Tls(words(&error))),
            Ok(Err(error)) => Err(SmtpFault::Unreachable(words(&error))),
            Ok(Ok(connection)) => Ok(connection),
        }
    }

    async fn converse(&self, connection: &mut AsyncSmtpConnection, from: &Address) -> Result<SmtpTrial, SmtpFault> {
        if self.encryption == Encryption::StartTls {
            if !connection.can_starttls() {
                return Err(SmtpFault::NoStartTls);
            }
            let begun = connection.starttls(self.tls()?, &ClientId::default()).await;
            begun.map_err(|error| SmtpFault::Tls(words(&error)))?;
        }
        if let (Some(user), Some(password)) = (&self.username, &self.password) {
            if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                return Err(SmtpFault::NoLogin);
            }
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            let login = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            login.map_err(|error| SmtpFault::Login(words(&error)))?;
        }
        let sender = connection.command(MailFrom::new(Some(from.clone()), Vec::new())).await;
        sender.map_err(|error| SmtpFault::Sender(words(&error)))?;
        let recipient = connection.command(Rcpt::new(from.clone(), Vec::new())).await;
        recipient.map_err(|error| SmtpFault::Recipient {
            recipient: from.to_string(),
            unknown_mailbox: words(&error).contains("5.1."),
            reason: words(&error),
        })?;
        let _ = connection.command(Rset).await;
        Ok(SmtpTrial { encrypted: connection.is_encrypted(), logged_in: self.username.is_some() })
    }
}

/// One line: the error and what it comes from.
fn words(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
