//! Certificate fingerprints (RFC 8122, section 5).

use std::fmt::{self, Write as _};

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};

/// A hash function a fingerprint may use. SHA-1 and MD5 are not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|h| h.name().eq_ignore_ascii_case(name))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &SHA256,
            Self::Sha384 => &SHA384,
            Self::Sha512 => &SHA512,
        }
    }
}

/// The hash of a certificate. Prints as the value of `a=fingerprint`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fingerprint {
    hash: Hash,
    bytes: Vec<u8>,
}

impl Fingerprint {
    /// The SHA-256 fingerprint of a certificate (DER).
    pub(crate) fn of_certificate(der: &[u8]) -> Self {
        Self { hash: Hash::Sha256, bytes: digest::digest(&SHA256, der).as_ref().to_vec() }
    }

    /// Reads the value of `a=fingerprint`. `Ok(None)` for a hash function that is not accepted here.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn parse(value: &str) -> Result<Option<Self>, String> {
        let (name, hex) =
            value.split_once(' ').ok_or("a=fingerprint needs a hash function, a space and hexadecimal bytes")?;
        let Some(hash) = Hash::parse(name) else { return Ok(None) };
        let bytes: Option<Vec<u8>> = hex.trim().split(':').map(hex_byte).collect();
        let length = hash.algorithm().output_len();
        match bytes {
            Some(bytes) if bytes.len() == length => Ok(Some(Self { hash, bytes })),
            _ => Err(format!("a=fingerprint:{} needs {length} bytes in hexadecimal, separated by colons", hash.name())),
        }
    }

    /// Whether one of them is the fingerprint of this certificate (DER), which is hashed once with each function they use.
    pub(crate) fn any_matches(all: &[Self], der: &[u8]) -> bool {
        Hash::ALL.into_iter().any(|hash| {
            let mut of_hash = all.iter().filter(|fingerprint| fingerprint.hash == hash).peekable();
            of_hash.peek().is_some() && {
                let digest = digest::digest(hash.algorithm(), der);
                of_hash.any(|fingerprint| fingerprint.bytes == digest.as_ref())
            }
        })
    }
}

fn hex_byte(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| u8::from_str_radix(text, 16).ok())?
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
        f.write_str(self.hash.name())?;
        // Digit by digit: every m-line of every answer has one, and formatting each byte took a hundredth of a join.
        let mut separator = ' ';
        for byte in &self.bytes {
            f.write_char(separator)?;
            f.write_char(DIGITS[usize::from(byte >> 4)])?;
            f.write_char(DIGITS[usize::from(byte & 15)])?;
            separator = ':';
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_it_reads() {
        let fingerprint = Fingerprint::of_certificate(b"certificate");
        let text = fingerprint.to_string();
        assert_eq!(Fingerprint::parse(&text), Ok(Some(fingerprint.clone())));
        let lower = text.to_lowercase();
        assert_eq!(Fingerprint::parse(&lower), Ok(Some(fingerprint.clone())));
        let all = [fingerprint];
        assert!(Fingerprint::any_matches(&all, b"certificate"));
        assert!(!Fingerprint::any_matches(&all, b"certificatf") && !Fingerprint::any_matches(&[], b"certificate"));
    }

    #[test]
    fn longer_hashes_match_too() {
        for (name, algorithm) in [("sha-384", &SHA384), ("SHA-512", &SHA512)] {
            let digest = digest::digest(algorithm, b"der");
            let hex: Vec<_> = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
            let fingerprint = Fingerprint::parse(&format!("{name} {}", hex.join(":"))).unwrap().unwrap();
            let all = [Fingerprint::of_certificate(b"another"), fingerprint];
            let matches = |der: &[u8]| Fingerprint::any_matches(&all, der);
            assert!(matches(b"der") && matches(b"another") && !matches(b"other"));
        }
    }

    #[test]
    fn weak_hashes_are_not_accepted_and_bad_ones_are_named() {
        assert_eq!(Fingerprint::parse("sha-1 00:11"), Ok(None));
        for bad in ["sha-256", "sha-256 ", "sha-256 00:11", "sha-256 zz", "sha-256 +1:+2"] {
            assert!(Fingerprint::parse(bad).unwrap_err().contains("a=fingerprint"), "{bad}");
        }
    }
}
