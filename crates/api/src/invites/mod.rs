//! Invitations to private rooms.

pub(crate) mod accept;

use std::str::FromStr;

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Problem;
use crate::extract::PathParam;

/// 32 random bytes that let their holder in. Only their SHA-256 is stored: with so many random bits a slow hash would add
/// nothing.
pub(crate) struct InviteToken([u8; 32]);

impl InviteToken {
    /// A fresh one from the operating system's generator.
    pub(crate) fn generate() -> Result<Self, Problem> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|error| Problem::internal(&error))?;
        Ok(Self(bytes))
    }

    /// What is stored.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        hash
    }

    /// What is sent to people.
    pub(crate) fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// Not what a token looks like.
pub(crate) struct NoToken;

impl FromStr for InviteToken {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoToken)?;
        bytes.try_into().map(Self).map_err(|_| NoToken)
    }
}

impl PathParam for InviteToken {
    fn not_found() -> Problem {
        Problem::invite_invalid()
    }
}
