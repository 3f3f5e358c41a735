//! What a client asked for and did not get.

use std::borrow::Cow;

use hubbub_domain::StorageError;
use hubbub_protocol::{ErrorCode, ServerMessage};
use tracing::{error, warn};

/// An `error` to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    message: Cow<'static, str>,
}

impl Refusal {
    /// A refusal that says what was wrong and what would be right.
    pub(crate) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// The message needs a seat.
    pub(crate) fn not_joined() -> Self {
        Self::new(ErrorCode::NotJoined, "this socket has no seat; send join first")
    }

    /// Storage did not answer; its reason goes to the log alone.
    pub(crate) fn storage(cause: &StorageError) -> Self {
        match cause {
            StorageError::Unavailable(_) | StorageError::Full(_) => {
                warn!(error = %cause, "a message was refused");
                Self::new(ErrorCode::Unavailable, "the database is away; try again later")
            }
            StorageError::Failed(_) => {
                error!(error = %cause, "a message was refused");
                Self::new(ErrorCode::Internal, "the server failed; its log says why")
            }
        }
    }

    /// As a message.
    pub(crate) fn into_message(self, reply_to: Option<u32>) -> ServerMessage {
        ServerMessage::Error { reply_to, code: self.code, message: self.message.into_owned() }
    }
}
