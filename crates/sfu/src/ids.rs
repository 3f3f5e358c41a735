//! Opaque names of calls, peers and m-lines.

use std::fmt;

/// A call: the peers that may hear each other. Chosen by whoever sends commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u128);

/// One client's media connection. Chosen by whoever sends commands; unique among all calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u128);

/// The identification tag of an m-line (RFC 5888, section 4): 1 to 16 token characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mid(String);

impl Mid {
    /// Checks a tag; `None` when it is empty, longer than 16 bytes or not an RFC 8866 token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&b);
        ((1..=16).contains(&text.len()) && text.bytes().all(token)).then(|| Self(text.to_owned()))
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
