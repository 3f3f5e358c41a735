//! Values that must not reach a log: they print as `…` and are compared in constant time where they are compared.

use std::fmt;

use crate::config::ConfigError;

/// A text that is handed to a client or a mail server and printed nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The 32 random bytes from which every key of an installation is derived. All nodes share them; whoever has them can
/// log in as anybody.
#[derive(Clone)]
pub struct ServerSecret([u8; 32]);

impl ServerSecret {
    /// How many bytes it has.
    pub const LEN: usize = 32;

    /// A fresh one from the operating system's generator.
    ///
    /// # Errors
    /// [`ConfigError::NoRandomness`] when the operating system gives none.
    pub fn generate() -> Result<Self, ConfigError> {
        let mut bytes = [0; Self::LEN];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ConfigError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// Takes the bytes of an earlier one.
    ///
    /// # Errors
    /// [`ConfigError::SecretLength`] unless there are exactly 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ConfigError> {
        bytes.try_into().map(Self).map_err(|_| ConfigError::SecretLength { actual: bytes.len() })
    }

    /// The bytes, to be kept in a file that only the server's user may read.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSecret(…)")
    }
}
