//! Opaque names of calls, peers and m-lines.

use std::fmt;

/// A call: the peers that may hear each other. Chosen by whoever sends commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u128);

/// One client's media connection. Chosen by whoever sends commands; unique among all calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u128);

/// The identification tag of an m-line (RFC 5888, section 4): 1 to 16 token characters. There are thousands of them, so that they
/// take no memory elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mid {
    /// Filled up with zeroes, which no token has.
    bytes: [u8; Self::LENGTH_MAX],
    length: u8,
}

impl Mid {
    const LENGTH_MAX: usize = 16;

    /// Checks a tag; `None` when it is empty, longer than 16 bytes or not an RFC 8866 token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&b);
        let mut bytes = [0; Self::LENGTH_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        let length = u8::try_from(text.len()).ok()?;
        (length > 0 && text.bytes().all(token)).then_some(Self { bytes, length })
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Debug for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mid").field(&self.as_str()).finish()
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mids_are_short_tokens_and_are_in_the_order_of_their_text() {
        let mid = |text| Mid::parse(text).expect("a tag");
        for text in ["0", "mic", "exactly16letters"] {
            assert_eq!((mid(text).as_str(), mid(text).to_string().as_str()), (text, text));
        }
        for text in ["", "seventeen-letters", "a b", "ä", "a\0"] {
            assert_eq!(Mid::parse(text), None, "{text}");
        }
        assert_eq!(format!("{:?}", mid("mic")), r#"Mid("mic")"#);
        let mut mids = ["b", "a", "ab", "aa", "abc"].map(mid);
        mids.sort_unstable();
        assert_eq!(mids.map(|mid| mid.to_string()), ["a", "aa", "ab", "abc", "b"]);
    }
}
