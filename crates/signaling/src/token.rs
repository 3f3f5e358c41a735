//! Resume tokens: 32 random bytes for the client, their SHA-256 for the seat.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a seat keeps of its resume token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of what a client presents.
    pub(crate) fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }
}

/// A new token and its hash.
pub(crate) fn generate() -> (String, TokenHash) {
    let bytes: [u8; 32] = rand::random();
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let hash = TokenHash::of(&token);
    (token, hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_match_their_own_hash_only() {
        let (first, first_hash) = generate();
        let (second, second_hash) = generate();
        assert_eq!(first.len(), 43);
        assert_ne!(first, second);
        assert_eq!(TokenHash::of(&first), first_hash);
        assert_ne!(TokenHash::of(&first), second_hash);
    }
}
