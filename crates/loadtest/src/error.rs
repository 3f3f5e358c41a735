//! Why a peer could not do what it was told: one line each, fit for a terminal.

use thiserror::Error;

/// What went wrong.
#[derive(Debug, Error)]
pub enum LoadTestError {
    /// The target is not a URL that a Hubbub server could have.
    #[error("the URL {url:?} is not usable: {reason}; expected http://host:port or https://host")]
    BadUrl {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The target is not this machine, and nobody said that it may be loaded.
    #[error(
        "{host} is not this machine: a load test can take a server down, so pass --i-own-this-server if it is yours"
    )]
    ForeignTarget {
        /// The host of the URL.
        host: String,
    },
    /// Nobody answers.
    #[error("the server at {url} cannot be reached: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the network says.
        reason: String,
    },
    /// Somebody answers, but not as Hubbub does.
    #[error("{url} does not answer as a Hubbub server does: {reason}")]
    NotHubbub {
        /// Where.
        url: String,
        /// What was odd.
        reason: String,
    },
    /// The server refused a request.
    #[error("the server refused {what}: {code} ({detail})")]
    Refused {
        /// What was asked for.
        what: String,
        /// The stable code of the problem document or error message.
        code: String,
        /// Its text.
        detail: String,
    },
    /// The socket closed while it was needed.
    #[error("the WebSocket closed: {0}")]
    Closed(String),
    /// The WebRTC library failed.
    #[error("the media connection failed: {0}")]
    Media(#[from] rtc::shared::error::Error),
    /// ICE or DTLS failed.
    #[error("the media connection failed: {0}")]
    Connection(String),
    /// The engine cannot work here.
    #[error("{what} failed: {reason}")]
    Engine {
        /// What it tried.
        what: &'static str,
        /// What the system says, and what would help.
        reason: String,
    },
    /// The file with what speakers should say is not usable.
    #[error("the audio file {file} is not usable: {reason}")]
    BadAudio {
        /// Which file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something took too long.
    #[error("{what} took longer than {seconds} s")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        seconds: u64,
    },
    /// The accounts file cannot be used.
    #[error("the accounts file {path} {reason}")]
    Accounts {
        /// Which.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server's metrics cannot be read.
    #[error("the server's metrics at {url} cannot be used: {reason}")]
    Metrics {
        /// Where.
        url: String,
        /// Why not.
        reason: String,
    },
    /// There are not enough accounts.
    #[error("too few accounts: {available} for {needed} (speakers and listeners need one each)")]
    TooFewAccounts {
        /// Peers to run.
        needed: usize,
        /// Accounts given.
        available: usize,
    },
}
