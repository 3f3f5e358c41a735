//! For tests, of this crate and of those that use it: storage in memory, a clock that is moved by hand, mail and events
//! that are caught. Nothing here is in the server.

mod storage;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hubbub_domain::user::{Email, User, Username};
use hubbub_domain::{Clock, DomainEvent, EventBus, ManualClock, Timestamp};

pub use self::storage::MemoryStorage;
use crate::{Auth, Config, LoggedIn, Mail, MailError, Mailer, PasswordConfig, Registration, ServerSecret};

/// A password that is accepted.
pub const PASSWORD: &str = "a herd of purple otters";

/// Keeps every mail.
#[derive(Debug, Default)]
pub struct CapturedMails(Mutex<Vec<Mail>>);

impl CapturedMails {
    /// Everything sent so far, oldest first. Mail that is sent after an answer may still be missing: see
    /// [`Harness::mails`].
    #[must_use]
    pub fn all(&self) -> Vec<Mail> {
        self.0.lock().expect("no code panics while it holds this lock").clone()
    }
}

#[async_trait]
impl Mailer for CapturedMails {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        self.0.lock().expect("no code panics while it holds this lock").push(mail);
        Ok(())
    }
}

/// Keeps every event.
#[derive(Debug, Default)]
pub struct CapturedEvents(Mutex<Vec<DomainEvent>>);

impl CapturedEvents {
    /// Everything published so far, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<DomainEvent> {
        self.0.lock().expect("no code panics while it holds this lock").clone()
    }
}

impl EventBus for CapturedEvents {
    fn publish(&self, event: DomainEvent) {
        self.0.lock().expect("no code panics while it holds this lock").push(event);
    }
}

/// An [`Auth`] and everything around it.
#[derive(Clone)]
pub struct Harness {
    /// What is tested.
    pub auth: Auth,
    /// Its storage.
    pub storage: Arc<MemoryStorage>,
    /// Its clock; stands still until it is moved.
    pub clock: Arc<ManualClock>,
    /// Its mail.
    pub mailer: Arc<CapturedMails>,
    /// Its events.
    pub events: Arc<CapturedEvents>,
}

/// A configuration with cheap passwords and no floor under refused codes, and otherwise the defaults.
#[must_use]
pub fn config() -> Config {
    let secret = ServerSecret::generate().expect("a test machine has random bytes");
    Config {
        refused_code_floor: Duration::ZERO,
        password: PasswordConfig { memory_kib: 8, iterations: 1, parallelism: 1, workers: 2, queue: 64 },
        ..Config::new(secret)
    }
}

/// A harness around [`config`], at some moment in 2026.
#[must_use]
pub fn auth() -> Harness {
    auth_with(config())
}

/// A harness around a configuration.
///
/// # Panics
/// When the configuration is refused.
#[must_use]
pub fn auth_with(config: Config) -> Harness {
    let storage = Arc::new(MemoryStorage::default());
    let clock = Arc::new(ManualClock::new(Timestamp(1_790_000_000_123_456)));
    let (mailer, events) = (Arc::new(CapturedMails::default()), Arc::new(CapturedEvents::default()));
    let auth = Auth::new(config, storage.clone(), clock.clone(), mailer.clone(), events.clone());
    Harness { auth: auth.expect("the test's configuration is right"), storage, clock, mailer, events }
}

impl Harness {
    /// The current time of its clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// All mail, with that which is sent after an answer.
    pub async fn mails(&self) -> Vec<Mail> {
        self.auth.flush().await;
        self.mailer.all()
    }

    /// The code in the newest mail to `email`.
    ///
    /// # Panics
    /// When there is none.
    pub async fn last_code(&self, email: &str) -> String {
        let mails = self.mails().await;
        let newest = mails.iter().rev().find(|mail| mail.to.as_str() == email).expect("a mail to this address");
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
        newest.text.lines().map(str::trim).find(is_code).expect("a code in the newest mail").to_owned()
    }

    /// Registers `username` with the address `username@example.org` and [`PASSWORD`].
    ///
    /// # Panics
    /// When that is refused.
    pub async fn register(&self, username: &str) {
        let registration = Registration {
            email: Email::parse(&format!("{username}@example.org")).expect("a plain name makes an address"),
            username: Username::parse(username).expect("a plain name"),
            password: PASSWORD.to_owned(),
        };
        self.auth.register(registration).await.expect("registering works");
    }

    /// Registers `username` and proves the address.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn verified_user(&self, username: &str) -> User {
        self.register(username).await;
        let email = Email::parse(&format!("{username}@example.org")).expect("a plain name makes an address");
        let code = self.last_code(email.as_str()).await;
        self.auth.verify_email(&email, &code, None).await.expect("the mailed code is right");
        let stored = hubbub_domain::storage::Users::user_by_email(&*self.storage, &email).await;
        stored.expect("memory answers").expect("the account was just made").0
    }

    /// Registers `username`, proves the address and logs in.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn logged_in(&self, username: &str) -> LoggedIn {
        let user = self.verified_user(username).await;
        self.auth.login(&user.email, PASSWORD, "test").await.expect("the password is right")
    }
}
