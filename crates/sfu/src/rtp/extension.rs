//! Header extension elements (RFC 8285) and the ones we read: audio level (RFC 6464) and mid (RFC 9143).

/// The profile of one-byte headers (RFC 8285, section 4.2).
const ONE_BYTE: u16 = 0xbede;
/// The profiles of two-byte headers, the low four bits being free (RFC 8285, section 4.3).
const TWO_BYTE: u16 = 0x1000;

/// How loud a packet is (RFC 6464, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AudioLevel {
    /// 0 (loudest) to 127 (silence): the negated level in dBov.
    pub(crate) attenuation: u8,
    /// The sender takes it for voice.
    pub(crate) voice: bool,
}

impl AudioLevel {
    pub(crate) fn parse(element: &[u8]) -> Option<Self> {
        let byte = *element.first()?;
        Some(Self { attenuation: byte & 0x7f, voice: byte & 0x80 != 0 })
    }
}

/// The element with this id in a header extension of this profile.
pub(crate) fn find(profile: u16, elements: &[u8], id: u8) -> Option<&[u8]> {
    Elements { profile, rest: elements }.find(|(found, _)| *found == id).map(|(_, element)| element)
}

/// Walks elements; ends at the first one that does not fit.
struct Elements<'a> {
    profile: u16,
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let skip = self.rest.iter().take_while(|byte| **byte == 0).count();
        let rest = &self.rest[skip..];
        let (id, len, body) = if self.profile == ONE_BYTE {
            let (head, body) = rest.split_first()?;
            // Id 15 ends the extension (RFC 8285, section 4.2).
            if head >> 4 == 15 {
                return None;
            }
            (head >> 4, usize::from(head & 0x0f) + 1, body)
        } else if self.profile & 0xfff0 == TWO_BYTE {
            let (head, body) = rest.split_first_chunk::<2>()?;
            (head[0], usize::from(head[1]), body)
        } else {
            return None;
        };
        let (element, rest) = body.split_at_checked(len)?;
        self.rest = rest;
        Some((id, element))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_byte_headers() {
        let elements = [0x31, 1, 2, 0, 0, 0x10, 0x85, 0];
        assert_eq!(find(ONE_BYTE, &elements, 3), Some(&[1, 2][..]));
        let level = find(ONE_BYTE, &elements, 1).and_then(AudioLevel::parse);
        assert_eq!(level, Some(AudioLevel { attenuation: 5, voice: true }));
        assert_eq!(find(ONE_BYTE, &elements, 2), None);
    }

    #[test]
    fn two_byte_headers() {
        let elements = [3, 0, 0, 1, 1, 0x7f, 0, 0];
        assert_eq!(find(0x1000, &elements, 3), Some(&[][..]), "an element may be empty");
        let level = find(0x1007, &elements, 1).and_then(AudioLevel::parse);
        assert_eq!(level, Some(AudioLevel { attenuation: 127, voice: false }));
        assert_eq!(AudioLevel::parse(&[]), None);
    }

    #[test]
    fn what_does_not_fit_ends_the_walk() {
        assert_eq!(find(ONE_BYTE, &[0x1f, 1], 1), None, "longer than the extension");
        assert_eq!(find(0x1000, &[1, 200, 1], 1), None, "longer than the extension");
        assert_eq!(find(ONE_BYTE, &[0xf0, 0, 0x10, 5], 1), None, "id 15 ends it");
        assert_eq!(find(0xabcd, &[0x10, 5], 1), None, "an unknown profile");
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(profile in any::<u16>(), bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for profile in [profile, ONE_BYTE, TWO_BYTE] {
                let all: usize = Elements { profile, rest: &bytes }.map(|(_, element)| element.len()).sum();
                prop_assert!(all <= bytes.len());
            }
        }
    }
}
