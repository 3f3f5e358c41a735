//! The six digits that prove an address: drawn uniformly, kept only as a keyed hash bound to the user and to this code.

use std::fmt;

use aws_lc_rs::hmac;
use hubbub_domain::{EmailCodeId, UserId};
use rand::RngExt as _;

use crate::keys::{mac, same};

/// Six decimal digits.
pub(crate) struct Code(String);

impl Code {
    pub(crate) const DIGITS: usize = 6;

    /// A uniformly drawn code.
    pub(crate) fn generate() -> Self {
        Self(format!("{:06}", rand::rng().random_range(0..1_000_000_u32)))
    }

    /// What somebody typed: six ASCII digits, with white space around or between them ignored.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        (digits.len() == Self::DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then_some(Self(digits))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// HMAC-SHA-256 with the server's key: a leaked table of hashes cannot be searched for the million codes.
    pub(crate) fn hash(&self, key: &hmac::Key, user: UserId, id: EmailCodeId) -> [u8; 32] {
        mac(key, &[user.0.as_bytes(), id.0.as_bytes(), self.0.as_bytes()])
    }

    pub(crate) fn matches(&self, key: &hmac::Key, user: UserId, id: EmailCodeId, hash: &[u8; 32]) -> bool {
        same(&self.hash(key, user, id), hash)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_six_digits_and_use_the_whole_range() {
        let mut first_digits = [0_u32; 10];
        for _ in 0..10_000 {
            let code = Code::generate();
            assert_eq!(code.0.len(), 6);
            first_digits[usize::from(code.0.as_bytes()[0] - b'0')] += 1;
        }
        // 1 000 each are expected, with a standard deviation of 30.
        assert!(first_digits.iter().all(|&n| (800..1_200).contains(&n)), "{first_digits:?}");
    }

    #[test]
    fn only_six_ascii_digits_are_a_code() {
        assert_eq!(Code::parse(" 012 345 ").unwrap().as_str(), "012345");
        for bad in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "-12345", "12.345"] {
            assert!(Code::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_hash_is_bound_to_key_user_and_code() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let other_key = hmac::Key::new(hmac::HMAC_SHA256, &[2; 32]);
        let (user, id) = (UserId::new(), EmailCodeId::new());
        let code = Code::parse("123456").unwrap();
        let hash = code.hash(&key, user, id);
        assert!(code.matches(&key, user, id, &hash));
        assert!(!code.matches(&other_key, user, id, &hash));
        assert!(!code.matches(&key, UserId::new(), id, &hash));
        assert!(!code.matches(&key, user, EmailCodeId::new(), &hash));
        assert!(!Code::parse("123457").unwrap().matches(&key, user, id, &hash));
    }
}
