//! Puts a ClientHello together before any DTLS library sees it, and reads what decides which version answers it.
//!
//! A ClientHello with post-quantum key shares comes in several fragments (RFC 6347, section 4.2.3; the same in RFC 9147,
//! section 5.5), lost, repeated and in any order. What is kept of it is bounded: an attacker who sends nothing but tiny
//! fragments gets them thrown away by the batch.

/// Datagrams kept for one ClientHello; two or three are usual. With one more all of them are forgotten. Less than the
/// association takes at once ([`super::server::QUEUE_MAX`]).
const DATAGRAMS_MAX: usize = 24;
/// The largest ClientHello; those of browsers have 300 to 2 000 bytes.
const HELLO_MAX: usize = 16 * 1024;

const RECORD_HEADER: usize = 13;
const HANDSHAKE_HEADER: usize = 12;
const CONTENT_HANDSHAKE: u8 = 22;
const TYPE_CLIENT_HELLO: u8 = 1;

const EXTENSION_USE_SRTP: u16 = 14;
const EXTENSION_SUPPORTED_VERSIONS: u16 = 43;
const DTLS_1_2: u16 = 0xFEFD;
const DTLS_1_3: u16 = 0xFEFC;
/// SRTP_AEAD_AES_128_GCM and SRTP_AEAD_AES_256_GCM (RFC 7714, section 14.2).
const AEAD_PROFILES: [u16; 2] = [0x0007, 0x0008];

/// What a ClientHello says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    offers_dtls12: bool,
    offers_dtls13: bool,
    /// An AEAD profile is among the SRTP profiles.
    offers_aead_srtp: bool,
    /// The first of the SRTP profiles is an AEAD one.
    prefers_aead_srtp: bool,
}

/// What a datagram did for the ClientHello.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It carries no part of a ClientHello.
    Useless,
    /// More is missing.
    Incomplete,
    /// All is there; the datagrams are to be replayed to the association.
    Complete { hello: Hello, datagrams: Vec<Vec<u8>> },
}

/// Collects the fragments of one ClientHello.
#[derive(Debug, Default)]
pub(super) struct HelloReader {
    datagrams: Vec<Vec<u8>>,
    body: Vec<u8>,
    /// Which bytes of `body` have come.
    have: Vec<bool>,
    missing: usize,
}

impl HelloReader {
    /// Takes a datagram.
    pub(super) fn push(&mut self, datagram: &[u8]) -> Progress {
        let mut fragments = fragments(datagram).peekable();
        let Some(total) = fragments.peek().map(|first| first.total) else { return Progress::Useless };
        if self.datagrams.len() == DATAGRAMS_MAX {
            *self = Self::default();
        }
        // All fragments are added, whether or not an earlier one was news. A datagram has parts of one ClientHello: with another
        // length in each of its fragments it would have everything made anew a hundred times.
        let news = fragments.filter(|fragment| fragment.total == total && self.add(fragment)).count();
        if news > 0 {
            self.datagrams.push(datagram.to_vec());
        }
        if self.missing > 0 {
            return Progress::Incomplete;
        }
        let Self { datagrams, body, .. } = std::mem::take(self);
        match Hello::parse(&body) {
            Some(hello) => Progress::Complete { hello, datagrams },
            None => Progress::Useless,
        }
    }

    /// Returns whether any byte was new.
    fn add(&mut self, fragment: &Fragment<'_>) -> bool {
        if fragment.total != self.body.len() {
            // Another ClientHello than before: the later one counts.
            *self = Self {
                datagrams: Vec::new(),
                body: vec![0; fragment.total],
                have: vec![false; fragment.total],
                missing: fragment.total,
            };
        }
        let range = fragment.offset..fragment.offset + fragment.bytes.len();
        self.body[range.clone()].copy_from_slice(fragment.bytes);
        let missing = self.missing;
        for have in &mut self.have[range] {
            self.missing -= usize::from(!*have);
            *have = true;
        }
        self.missing < missing
    }

    #[cfg(any(test, feature = "fuzz"))]
    pub(super) fn bytes_held(&self) -> usize {
        self.datagrams.iter().map(Vec::capacity).sum::<usize>() + self.body.capacity() + self.have.capacity()
    }
}

struct Fragment<'a> {
    total: usize,
    offset: usize,
    bytes: &'a [u8],
}

/// The parts of a ClientHello in a datagram's unencrypted records.
fn fragments(datagram: &[u8]) -> impl Iterator<Item = Fragment<'_>> {
    let mut records = datagram;
    let mut messages: &[u8] = &[];
    std::iter::from_fn(move || {
        loop {
            if messages.is_empty() {
                let header = records.get(..RECORD_HEADER)?;
                let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
                let record = records.get(RECORD_HEADER..RECORD_HEADER + length)?;
                records = &records[RECORD_HEADER + length..];
                let epoch_zero = header[3..5] == [0, 0];
                if header[0] == CONTENT_HANDSHAKE && epoch_zero {
                    messages = record;
                }
                continue;
            }
            let Some((fragment, rest)) = split_fragment(messages) else {
                messages = &[];
                continue;
            };
            messages = rest;
            if let Some(fragment) = fragment {
                return Some(fragment);
            }
        }
    })
}

/// The first handshake fragment of a record, `None` in the pair when it is not a ClientHello's; `None` when malformed.
fn split_fragment(messages: &[u8]) -> Option<(Option<Fragment<'_>>, &[u8])> {
    let header = messages.get(..HANDSHAKE_HEADER)?;
    let u24 =
        |at: usize| usize::from(header[at]) << 16 | usize::from(header[at + 1]) << 8 | usize::from(header[at + 2]);
    let (total, offset, length) = (u24(1), u24(6), u24(9));
    let bytes = messages.get(HANDSHAKE_HEADER..HANDSHAKE_HEADER + length)?;
    let rest = &messages[HANDSHAKE_HEADER + length..];
    let usable = header[0] == TYPE_CLIENT_HELLO && length > 0 && total <= HELLO_MAX && offset + length <= total;
    Some((usable.then_some(Fragment { total, offset, bytes }), rest))
}

impl Hello {
    /// Whether to answer with DTLS 1.3. dimpl chooses the SRTP profile by its own order in DTLS 1.2 and by the client's in
    /// DTLS 1.3, so a client that has AEAD but prefers HMAC-SHA1 gets AEAD by DTLS 1.2.
    pub(super) const fn wants_dtls13(&self) -> bool {
        let loses_aead = self.offers_aead_srtp && !self.prefers_aead_srtp;
        self.offers_dtls13 && !(loses_aead && self.offers_dtls12)
    }

    /// Reads a whole ClientHello (RFC 8446, section 4.1.2, with the cookie of RFC 9147, section 5.3).
    fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader(body);
        reader.take(2 + 32)?;
        reader.vector8()?;
        reader.vector8()?;
        reader.vector16()?;
        reader.vector8()?;
        let mut extensions = Reader(reader.vector16().unwrap_or_default());
        let mut hello =
            Self { offers_dtls12: true, offers_dtls13: false, offers_aead_srtp: false, prefers_aead_srtp: false };
        while !extensions.0.is_empty() {
            let kind = extensions.u16()?;
            let mut data = Reader(extensions.vector16()?);
            match kind {
                EXTENSION_SUPPORTED_VERSIONS => {
                    let versions = data.vector8()?;
                    hello.offers_dtls12 = u16s(versions).any(|version| version == DTLS_1_2);
                    hello.offers_dtls13 = u16s(versions).any(|version| version == DTLS_1_3);
                }
                EXTENSION_USE_SRTP => {
                    let profiles = data.vector16()?;
                    let is_aead = |profile: u16| AEAD_PROFILES.contains(&profile);
                    hello.offers_aead_srtp = u16s(profiles).any(is_aead);
                    hello.prefers_aead_srtp = u16s(profiles).next().is_some_and(is_aead);
                }
                _ => {}
            }
        }
        Some(hello)
    }
}

fn u16s(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|b| u16::from_be_bytes([b[0], b[1]]))
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.take(1)?[0];
        self.take(usize::from(length))
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello with these versions (none: no extension) and SRTP profiles, padded to be large.
    fn hello(versions: &[u16], profiles: &[u16]) -> Vec<u8> {
        let list = |values: &[u16]| values.iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<u8>>();
        let mut extensions = Vec::new();
        let mut extension = |kind: u16, data: &[u8]| {
            extensions.extend_from_slice(&kind.to_be_bytes());
            extensions.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
            extensions.extend_from_slice(data);
        };
        extension(51, &[0x5A; 1200]);
        if !versions.is_empty() {
            extension(43, &[&[u8::try_from(2 * versions.len()).unwrap()][..], &list(versions)].concat());
        }
        if !profiles.is_empty() {
            let length = u16::try_from(2 * profiles.len()).unwrap().to_be_bytes();
            extension(14, &[&length[..], &list(profiles), &[0]].concat());
        }
        let mut body = vec![0xFE, 0xFD];
        body.extend_from_slice(&[1; 32]);
        body.extend_from_slice(&[0, 0, 0, 2, 0x13, 0x01, 1, 0]);
        body.extend_from_slice(&u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend_from_slice(&extensions);
        body
    }

    /// A datagram with one record with one fragment.
    fn datagram(kind: u8, total: usize, offset: usize, bytes: &[u8]) -> Vec<u8> {
        let u24 = |n: usize| u32::try_from(n).unwrap().to_be_bytes()[1..].to_vec();
        let mut record = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0];
        record.extend_from_slice(&u16::try_from(12 + bytes.len()).unwrap().to_be_bytes());
        record.push(kind);
        record.extend_from_slice(&u24(total));
        record.extend_from_slice(&[0, 0]);
        record.extend_from_slice(&u24(offset));
        record.extend_from_slice(&u24(bytes.len()));
        record.extend_from_slice(bytes);
        record
    }

    fn read(body: &[u8]) -> Hello {
        match HelloReader::default().push(&datagram(1, body.len(), 0, body)) {
            Progress::Complete { hello, datagrams } => {
                assert_eq!(datagrams.len(), 1);
                hello
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_version_follows_what_keeps_aead() {
        const SHA1: u16 = 1;
        const GCM: u16 = 7;
        for (versions, profiles, dtls13) in [
            (&[DTLS_1_3, DTLS_1_2][..], &[GCM, SHA1][..], true),
            (&[DTLS_1_3, DTLS_1_2], &[8, GCM, SHA1], true),
            (&[DTLS_1_3, DTLS_1_2], &[SHA1, GCM], false),
            (&[DTLS_1_3, DTLS_1_2], &[0x0A0A, SHA1, GCM], false),
            (&[DTLS_1_3, DTLS_1_2], &[SHA1], true),
            (&[DTLS_1_3], &[SHA1, GCM], true),
            (&[DTLS_1_2], &[GCM], false),
            (&[], &[GCM], false),
            (&[DTLS_1_3], &[], true),
        ] {
            assert_eq!(read(&hello(versions, profiles)).wants_dtls13(), dtls13, "{versions:x?} {profiles:x?}");
        }
    }

    #[test]
    fn a_datagram_is_part_of_one_hello_and_nothing_is_made_anew_in_the_middle_of_it() {
        let mut reader = HelloReader::default();
        let empty: Vec<u8> = (0..80).flat_map(|n| datagram(1, HELLO_MAX - n % 2, 0, &[])).collect();
        assert_eq!(reader.push(&empty), Progress::Useless, "fragments of nothing");
        assert_eq!(reader.bytes_held(), 0);
        // The first length counts: one byte of it in each fragment, and others of another length between.
        let byte = |n: usize| datagram(1, HELLO_MAX - n % 2, n, &[7]);
        let mixed: Vec<u8> = (0..80).flat_map(byte).collect();
        assert_eq!(reader.push(&mixed), Progress::Incomplete);
        assert_eq!((reader.body.len(), reader.missing), (HELLO_MAX, HELLO_MAX - 40));
    }

    #[test]
    fn fragments_in_any_order_and_repeated_are_put_together() {
        let body = hello(&[DTLS_1_3], &[7]);
        let whole = read(&body);
        let mut parts: Vec<_> =
            body.chunks(200).enumerate().map(|(i, chunk)| datagram(1, body.len(), 200 * i, chunk)).collect();
        parts.reverse();
        let mut reader = HelloReader::default();
        let last = parts.pop().unwrap();
        for part in parts.iter().chain(&parts) {
            assert_eq!(reader.push(part), Progress::Incomplete);
        }
        let Progress::Complete { hello, datagrams } = reader.push(&last) else { panic!("not complete") };
        assert_eq!((hello, datagrams.len()), (whole, parts.len() + 1), "repeated ones are not kept");
    }

    #[test]
    fn two_fragments_in_one_datagram_both_count() {
        let body = hello(&[DTLS_1_3], &[7]);
        let (a, b) = body.split_at(600);
        let both = [datagram(1, body.len(), 0, a), datagram(1, body.len(), 600, b)].concat();
        assert!(matches!(HelloReader::default().push(&both), Progress::Complete { .. }));
    }

    #[test]
    fn what_is_no_client_hello_is_no_use() {
        let body = hello(&[], &[7]);
        for bad in [
            vec![],
            vec![22; 12],
            datagram(2, body.len(), 0, &body),
            datagram(1, 0, 0, &[]),
            datagram(1, HELLO_MAX + 1, 0, &body),
            datagram(1, 10, 5, &body[..6]),
            datagram(1, 4, 0, &[0; 4]),
            datagram(1, body.len(), 0, &body)[..200].to_vec(),
        ] {
            assert_eq!(HelloReader::default().push(&bad), Progress::Useless, "{bad:02x?}");
        }
        let mut encrypted = datagram(1, body.len(), 0, &body);
        encrypted[4] = 1;
        assert_eq!(HelloReader::default().push(&encrypted), Progress::Useless);
    }

    #[test]
    fn what_tiny_fragments_make_us_hold_is_bounded() {
        let mut reader = HelloReader::default();
        let mut most = 0;
        for n in 0..100_000_usize {
            let total = HELLO_MAX - n / 50_000;
            reader.push(&datagram(1, total, n % total, &[7]));
            most = most.max(reader.bytes_held());
        }
        assert!(most < 64 * 1024, "{most} bytes");
    }

    #[test]
    fn every_truncation_is_refused() {
        let body = hello(&[DTLS_1_3], &[7, 1]);
        for length in 0..body.len() {
            if let Some(hello) = Hello::parse(&body[..length]) {
                assert!(!hello.offers_aead_srtp, "only without its extensions, {length}");
            }
        }
    }
}
