//! What an operator may set, with the defaults the documentation names.

use std::time::Duration;

use thiserror::Error;

use crate::secret::ServerSecret;

/// How logins behave. [`Config::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// From which all keys are derived.
    pub secret: ServerSecret,
    /// `iss` of every token; tokens of another issuer are refused. Default `hubbub`.
    pub issuer: String,
    /// Where people reach the server, without a slash at the end (`https://talk.example.org`); mail links there.
    /// `None` leaves the link out.
    pub public_url: Option<String>,
    /// How long an access token is good for. Default 15 minutes: a longer one stays good longer after it leaked.
    pub access_lifetime: Duration,
    /// How long after login refreshing ends for good. Default 30 days.
    pub refresh_lifetime: Duration,
    /// How long after a rotation the token before it still gets the new pair, so that two tabs may refresh at once.
    /// Default and maximum 10 s: a longer one gives a thief more time.
    pub refresh_grace: Duration,
    /// How long a WebSocket ticket is good for. Default 30 s.
    pub ticket_lifetime: Duration,
    /// How long a mailed code is good for. Default 15 minutes.
    pub code_lifetime: Duration,
    /// Wrong tries that kill a code. Default 5: a guesser has 5 chances in a million.
    pub code_tries: u32,
    /// How long after a code was made asking for another one sends nothing. Default 30 s.
    pub resend_cooldown: Duration,
    /// No refused code is answered sooner than this, so that the time tells nothing about the address. Default 100 ms.
    pub refused_code_floor: Duration,
    /// Whether the first account whose address is proved becomes an admin, on a server that has no admin and no other proved
    /// account. Default: yes.
    pub first_user_is_admin: bool,
    /// How passwords are hashed.
    pub password: PasswordConfig,
}

/// argon2id (RFC 9106) and how much of it may run at once.
#[derive(Clone, Debug)]
pub struct PasswordConfig {
    /// Memory for one hash in KiB. Default 19 456, as OWASP's Password Storage Cheat Sheet has it.
    pub memory_kib: u32,
    /// Passes over the memory. Default 2.
    pub iterations: u32,
    /// Lanes. Default 1.
    pub parallelism: u32,
    /// Hashes computed at once. Default half the cores, at least 1, so that a flood of logins leaves cores to media.
    pub workers: usize,
    /// Requests that may wait for a worker; more are refused as busy. Default 64: about two seconds of work.
    pub queue: usize,
}

impl Config {
    /// The defaults around a secret.
    #[must_use]
    pub fn new(secret: ServerSecret) -> Self {
        Self {
            secret,
            issuer: "hubbub".to_owned(),
            public_url: None,
            access_lifetime: Duration::from_secs(15 * 60),
            refresh_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            refresh_grace: Duration::from_secs(10),
            ticket_lifetime: Duration::from_secs(30),
            code_lifetime: Duration::from_secs(15 * 60),
            code_tries: 5,
            resend_cooldown: Duration::from_secs(30),
            refused_code_floor: Duration::from_millis(100),
            first_user_is_admin: true,
            password: PasswordConfig::default(),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let seconds = |key, value: Duration, min, max| {
            if (Duration::from_secs(min)..=Duration::from_secs(max)).contains(&value) {
                Ok(())
            } else {
                Err(ConfigError::Duration { key, min, max, actual: value })
            }
        };
        seconds("access_lifetime", self.access_lifetime, 1, 24 * 60 * 60)?;
        seconds("refresh_lifetime", self.refresh_lifetime, 60, 366 * 24 * 60 * 60)?;
        seconds("refresh_grace", self.refresh_grace, 0, 10)?;
        seconds("ticket_lifetime", self.ticket_lifetime, 1, 300)?;
        seconds("code_lifetime", self.code_lifetime, 60, 24 * 60 * 60)?;
        seconds("resend_cooldown", self.resend_cooldown, 0, 60 * 60)?;
        seconds("refused_code_floor", self.refused_code_floor, 0, 5)?;
        if !(1..=10).contains(&self.code_tries) {
            return Err(ConfigError::CodeTries(self.code_tries));
        }
        if self.issuer.is_empty() {
            return Err(ConfigError::Issuer);
        }
        if self.password.workers == 0 {
            return Err(ConfigError::Workers);
        }
        Ok(())
    }
}

impl Default for PasswordConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1, workers: (cores / 2).max(1), queue: 64 }
    }
}

/// Why a configuration was refused. Names the key and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The server's secret does not have 32 bytes.
    #[error("the server's secret must have 32 bytes, has {actual}")]
    SecretLength {
        /// Bytes found.
        actual: usize,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// A duration out of range.
    #[error("{key} must be {min} to {max} seconds, is {actual:?}")]
    Duration {
        /// Which.
        key: &'static str,
        /// Fewest seconds.
        min: u64,
        /// Most seconds.
        max: u64,
        /// What was set.
        actual: Duration,
    },
    /// Too few or too many tries for a code.
    #[error("code_tries must be 1 to 10, is {0}")]
    CodeTries(u32),
    /// Tokens need an issuer.
    #[error("issuer must not be empty")]
    Issuer,
    /// Nothing could ever be hashed.
    #[error("password.workers must be at least 1")]
    Workers,
    /// argon2 refuses the parameters.
    #[error("password.memory_kib, password.iterations and password.parallelism do not fit together: {0}")]
    Argon2(String),
}
