//! Refresh tokens: 64 opaque bytes in base64url, of which storage keeps only the SHA-256.
//!
//! ```text
//! | session id (16) | secret (32) | tag (16) |
//! ```
//! The tag is an HMAC over the rest. It tells a token that was rotated away, whose reappearance is a theft, from noise
//! made up by somebody who knows a session id; the latter must not be able to end the login.
//!
//! The secret of the next token is an HMAC over the one before: two tabs that refresh with the same token at once get the
//! same next one, although the server keeps no token it could hand out again.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubbub_domain::SessionId;
use uuid::Uuid;

use crate::keys::{Keys, mac, random, same, sha256};
use crate::secret::Secret;

const TAG: usize = 16;
const LEN: usize = 16 + 32 + TAG;

/// A genuine token: made here, once.
#[derive(Clone)]
pub(crate) struct RefreshToken {
    pub(crate) session: SessionId,
    secret: [u8; 32],
    tag: [u8; TAG],
}

impl RefreshToken {
    pub(crate) fn generate(keys: &Keys, session: SessionId) -> Self {
        Self::with_secret(keys, session, random())
    }

    /// The token that follows this one.
    pub(crate) fn next(&self, keys: &Keys) -> Self {
        let secret = mac(&keys.refresh_next, &[self.session.0.as_bytes(), &self.secret]);
        Self::with_secret(keys, self.session, secret)
    }

    /// Reads a token and checks its tag.
    pub(crate) fn parse(keys: &Keys, text: &str) -> Option<Self> {
        if text.len() > 2 * LEN {
            return None;
        }
        let bytes: [u8; LEN] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let session = SessionId(Uuid::from_slice(&bytes[..16]).ok()?);
        let token = Self::with_secret(keys, session, bytes[16..48].try_into().ok()?);
        same(&token.tag, &bytes[48..]).then_some(token)
    }

    /// What storage keeps.
    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(&self.bytes())
    }

    pub(crate) fn reveal(&self) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.bytes()))
    }

    fn with_secret(keys: &Keys, session: SessionId, secret: [u8; 32]) -> Self {
        let mut tag = [0; TAG];
        tag.copy_from_slice(&mac(&keys.refresh_tag, &[session.0.as_bytes(), &secret])[..TAG]);
        Self { session, secret, tag }
    }

    fn bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..16].copy_from_slice(self.session.0.as_bytes());
        bytes[16..48].copy_from_slice(&self.secret);
        bytes[48..].copy_from_slice(&self.tag);
        bytes
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("session", &self.session).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::ServerSecret;

    fn keys(seed: u8) -> Keys {
        Keys::derive(&ServerSecret::from_bytes(&[seed; 32]).unwrap())
    }

    #[test]
    fn a_token_survives_the_wire_and_its_successor_is_always_the_same() {
        let keys = keys(1);
        let token = RefreshToken::generate(&keys, SessionId::new());
        let read = RefreshToken::parse(&keys, token.reveal().expose()).unwrap();
        assert_eq!(read.hash(), token.hash());
        assert_eq!(read.next(&keys).hash(), token.next(&keys).hash());
        assert_ne!(token.next(&keys).hash(), token.hash());
        assert_ne!(token.next(&keys).next(&keys).hash(), token.next(&keys).hash());
    }

    #[test]
    fn changed_cut_and_foreign_tokens_are_noise() {
        let ours = keys(1);
        let token = RefreshToken::generate(&ours, SessionId::new());
        let text = token.reveal().expose().to_owned();
        for position in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            assert!(RefreshToken::parse(&ours, std::str::from_utf8(&changed).unwrap()).is_none(), "byte {position}");
        }
        assert!(RefreshToken::parse(&ours, &text[1..]).is_none());
        assert!(RefreshToken::parse(&ours, "").is_none());
        assert!(RefreshToken::parse(&ours, &"A".repeat(100_000)).is_none());
        assert!(RefreshToken::parse(&keys(2), &text).is_none());
    }
}
