//! Reading a client's frame, with errors that say which of the possible mistakes it was.

use serde_json::Value;
use thiserror::Error;

use crate::client::ClientMessage;
use crate::server::ErrorCode;

/// A decoded frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The number the client gave this message; the answer or error carries it as `replyTo`.
    pub id: Option<u32>,
    /// The message itself.
    pub message: ClientMessage,
}

/// Why a frame is not a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not JSON, or not an object.
    #[error("a message is one JSON object with a \"type\": {0}")]
    BadJson(String),
    /// An object without a known `type`.
    #[error("unknown message type {0:?}")]
    UnknownType(String),
    /// A known type with a missing, unknown or ill-typed field.
    #[error("bad {kind:?} message: {detail}")]
    BadMessage {
        /// The type.
        kind: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl DecodeError {
    /// The code under which clients see this error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::BadJson(_) => ErrorCode::BadJson,
            Self::UnknownType(_) => ErrorCode::UnknownType,
            Self::BadMessage { .. } => ErrorCode::BadMessage,
        }
    }
}

/// Decodes one text frame.
///
/// # Errors
/// The message's `id`, when there was one, and what is wrong.
pub fn decode(text: &str) -> Result<Request, (Option<u32>, DecodeError)> {
    let value: Value = serde_json::from_str(text).map_err(|e| (None, DecodeError::BadJson(e.to_string())))?;
    let Value::Object(mut object) = value else {
        return Err((None, DecodeError::BadJson("it is not an object".into())));
    };
    let id = match object.remove("id") {
        None | Some(Value::Null) => None,
        Some(id) => match id.as_u64().and_then(|n| u32::try_from(n).ok()) {
            Some(id) => Some(id),
            None => return Err((None, DecodeError::BadJson("\"id\" must be an integer from 0 to 4294967295".into()))),
        },
    };
    let kind = match object.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        _ => return Err((id, DecodeError::BadJson("\"type\" is missing or not a string".into()))),
    };
    if !ClientMessage::TYPES.contains(&kind.as_str()) {
        return Err((id, DecodeError::UnknownType(kind.chars().take(64).collect())));
    }
    match serde_json::from_value(Value::Object(object)) {
        Ok(message) => Ok(Request { id, message }),
        Err(e) => Err((id, DecodeError::BadMessage { kind, detail: e.to_string().chars().take(300).collect() })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_with_the_message_and_with_the_error() {
        let request = decode(r#"{"type":"leave","id":7}"#).unwrap();
        assert_eq!(request, Request { id: Some(7), message: ClientMessage::Leave {} });
        let (id, error) = decode(r#"{"type":"dance","id":8}"#).unwrap_err();
        assert_eq!((id, error.code()), (Some(8), ErrorCode::UnknownType));
    }

    #[test]
    fn every_type_that_exists_is_known_to_the_decoder() {
        for kind in ClientMessage::TYPES {
            let result = decode(&format!(r#"{{"type":"{kind}"}}"#));
            assert!(!matches!(result, Err((_, DecodeError::UnknownType(_)))), "{kind}");
        }
    }

    #[test]
    fn mistakes_are_told_apart() {
        let code = |text: &str| decode(text).unwrap_err().1.code();
        assert_eq!(code("{"), ErrorCode::BadJson);
        assert_eq!(code("[]"), ErrorCode::BadJson);
        assert_eq!(code("{}"), ErrorCode::BadJson);
        assert_eq!(code(r#"{"type":"ping","id":-1}"#), ErrorCode::BadJson);
        assert_eq!(code(r#"{"type":"Join"}"#), ErrorCode::UnknownType);
        assert_eq!(code(r#"{"type":"join"}"#), ErrorCode::BadMessage);
        assert_eq!(code(r#"{"type":"join","roomId":"x"}"#), ErrorCode::BadMessage);
        assert_eq!(code(r#"{"type":"leave","role":"admin"}"#), ErrorCode::BadMessage);
    }

    #[test]
    fn deeply_nested_json_is_an_error_and_not_a_crash() {
        let deep = "[".repeat(50_000);
        assert_eq!(decode(&deep).unwrap_err().1.code(), ErrorCode::BadJson);
    }
}
