//! ICE over TCP (RFC 6544), passive side: datagrams in a byte stream, each behind its length in two bytes (RFC 4571).

use thiserror::Error;

use super::stun;

/// The largest datagram accepted in a frame; what fits an Ethernet packet and a little more.
pub(crate) const FRAME_MAX: usize = 2048;

/// The smallest: a datagram of nothing is never sent.
const FRAME_MIN: usize = 1;

const LENGTH_BYTES: usize = 2;

/// The stream makes no sense; the connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a frame of {0} bytes; 1 to 2048 are accepted (RFC 4571)")]
pub(crate) struct FrameError(pub(crate) usize);

/// Takes the stream apart, however it arrives. Holds at most one frame.
#[derive(Debug, Default)]
pub(crate) struct FrameDecoder {
    buffer: Vec<u8>,
}

impl FrameDecoder {
    /// Takes what was read and hands every whole datagram to `each`.
    ///
    /// # Errors
    /// A length that is not accepted. Datagrams before it were handed out; the decoder is of no more use.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&mut [u8])) -> Result<(), FrameError> {
        while !bytes.is_empty() {
            let wanted = self.wanted()?;
            let take = (wanted - self.buffer.len()).min(bytes.len());
            let (now, later) = bytes.split_at(take);
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() > LENGTH_BYTES && self.buffer.len() == self.wanted()? {
                each(&mut self.buffer[LENGTH_BYTES..]);
                self.buffer.clear();
            } else if self.buffer.len() == LENGTH_BYTES {
                self.wanted()?;
            }
        }
        Ok(())
    }

    /// Bytes of the length, or once that is there of the whole frame.
    fn wanted(&self) -> Result<usize, FrameError> {
        let Some(length) = self.buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(LENGTH_BYTES) };
        let length = usize::from(u16::from_be_bytes(*length));
        if (FRAME_MIN..=FRAME_MAX).contains(&length) { Ok(LENGTH_BYTES + length) } else { Err(FrameError(length)) }
    }
}

/// Appends a datagram's frame to what is to be written.
///
/// # Errors
/// When the datagram is empty or larger than [`FRAME_MAX`]; then nothing is appended.
pub(crate) fn encode_frame(datagram: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
    let length = u16::try_from(datagram.len())
        .ok()
        .filter(|length| (FRAME_MIN..=FRAME_MAX).contains(&usize::from(*length)))
        .ok_or(FrameError(datagram.len()))?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(datagram);
    Ok(())
}

/// What a TCP connection is for, by its first bytes, on a port that serves other protocols too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting<'a> {
    /// Too few bytes to tell; at most 600 are needed.
    Unclear,
    /// ICE over TCP: a frame (RFC 4571) with a STUN Binding request for this user name fragment of ours.
    IceCheck(&'a str),
    /// Something else: HTTP begins with a letter, TLS with the byte 22.
    Other,
}

impl<'a> Greeting<'a> {
    /// Reads the first bytes of a connection. Nothing is verified but their form.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        /// A STUN header, and a USERNAME (513 bytes at most: RFC 8489, section 14.3) behind a few short attributes.
        const ENOUGH: usize = 600;
        // The length of a frame that is not too long, the type of a request, its length, the magic cookie.
        let possible = match bytes {
            [] => true,
            [high] => usize::from(*high) <= FRAME_MAX >> 8,
            [high, low, head @ ..] => {
                let frame = usize::from(u16::from_be_bytes([*high, *low]));
                (stun::HEADER..=FRAME_MAX).contains(&frame) && stun::may_be_request(head)
            }
        };
        if !possible {
            return Self::Other;
        }
        match bytes.get(LENGTH_BYTES..).and_then(stun::local_ufrag) {
            Some(ufrag) => Self::IceCheck(ufrag),
            None if bytes.len() < ENOUGH => Self::Unclear,
            None => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_known_by_its_first_bytes() {
        let mut message = rtc_stun::message::Message::new();
        message.typ = rtc_stun::message::BINDING_REQUEST;
        message.write_header();
        message.add(rtc_stun::attributes::ATTR_USERNAME, b"AAours:theirs");
        let mut stream = Vec::new();
        encode_frame(&message.raw, &mut stream).unwrap();
        let known = (0..=stream.len()).find(|len| Greeting::of(&stream[..*len]) != Greeting::Unclear).unwrap();
        assert!(known > 2 + 20 && Greeting::of(&stream[..known]) == Greeting::IceCheck("AAours"));
        stream.extend_from_slice(&[9; 100]);
        assert_eq!(Greeting::of(&stream), Greeting::IceCheck("AAours"), "whatever follows");
    }

    #[test]
    fn everything_else_is_left_to_others_as_soon_as_possible() {
        assert_eq!(Greeting::of(b""), Greeting::Unclear);
        for other in [&b"G"[..], b"GET / HTTP/1.1\r\n", &[0x16], &[0x16, 3, 1], &[0x80], &[0xFF; 30], &[0, 19], &[8, 1]]
        {
            assert_eq!(Greeting::of(other), Greeting::Other, "{other:?}");
        }
        let (no_cookie, response) = ([0, 28, 0, 1, 0, 8, 1, 2, 3, 4], [0, 28, 1, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42]);
        assert_eq!(Greeting::of(&no_cookie), Greeting::Other);
        assert_eq!(Greeting::of(&response), Greeting::Other);
        let mut nameless = vec![2, 88, 0, 1, 2, 68, 0x21, 0x12, 0xA4, 0x42];
        nameless.resize(599, 0);
        assert_eq!(Greeting::of(&nameless), Greeting::Unclear);
        nameless.push(0);
        assert_eq!(Greeting::of(&nameless), Greeting::Other);
    }

    fn decode(stream: &[u8], step: usize) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut decoder = FrameDecoder::default();
        let mut all = Vec::new();
        for chunk in stream.chunks(step) {
            decoder.push(chunk, |datagram| all.push(datagram.to_vec()))?;
        }
        Ok(all)
    }

    #[test]
    fn frames_survive_any_cutting_of_the_stream() {
        let datagrams = [vec![1], vec![2; 100], vec![3; FRAME_MAX], vec![4, 4]];
        let mut stream = Vec::new();
        for datagram in &datagrams {
            encode_frame(datagram, &mut stream).unwrap();
        }
        for step in [1, 2, 3, 7, 1000, stream.len()] {
            assert_eq!(decode(&stream, step).unwrap(), datagrams, "in steps of {step}");
        }
    }

    #[test]
    fn a_bad_length_ends_the_stream_as_soon_as_it_is_read() {
        assert_eq!(decode(&[0, 0], 1), Err(FrameError(0)));
        assert_eq!(decode(&[0xFF, 0xFF], 2), Err(FrameError(65535)));
        assert_eq!(decode(&[0x08, 0x01, 9], 3), Err(FrameError(FRAME_MAX + 1)));
        assert_eq!(decode(b"GET / HTTP/1.1\r\n\r\n", 20), Err(FrameError(0x4745)));
    }

    #[test]
    fn what_cannot_be_decoded_is_not_encoded() {
        let mut out = Vec::new();
        assert_eq!(encode_frame(&[], &mut out), Err(FrameError(0)));
        assert_eq!(encode_frame(&[0; FRAME_MAX + 1], &mut out), Err(FrameError(FRAME_MAX + 1)));
        assert_eq!(encode_frame(&[0; 70_000], &mut out), Err(FrameError(70_000)));
        assert!(out.is_empty());
    }
}
