//! What a packet carries, and in which form a listener takes it.

/// Audio on its way through: plain Opus, or redundant audio (RFC 2198) whose blocks are Opus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audio {
    /// The payload type of Opus at the publisher, which stands in the blocks of redundant audio.
    pub(crate) codec: u8,
    /// Where the primary block begins in the payload; 0 when it is plain Opus.
    pub(crate) primary: u16,
}

/// The payload types of one m-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Formats {
    pub(crate) opus: u8,
    pub(crate) red: Option<u8>,
}

impl Formats {
    /// The payload type under which a listener gets the payload, and where it begins for it: redundant audio passes
    /// whole to who has it under the same numbers, as its blocks name the payload type of Opus; else only its primary block does.
    pub(crate) fn take(self, audio: Audio) -> (u8, usize) {
        match self.red {
            _ if audio.primary == 0 => (self.opus, 0),
            Some(red) if audio.codec == self.opus => (red, 0),
            _ => (self.opus, usize::from(audio.primary)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redundancy_passes_whole_or_is_stripped() {
        let red = Audio { codec: 111, primary: 30 };
        let plain = Audio { codec: 111, primary: 0 };
        let with = Formats { opus: 111, red: Some(63) };
        assert_eq!((with.take(red), with.take(plain)), ((63, 0), (111, 0)));
        let without = Formats { opus: 109, red: None };
        assert_eq!((without.take(red), without.take(plain)), ((109, 30), (109, 0)));
        let otherwise = Formats { opus: 96, red: Some(97) };
        assert_eq!(otherwise.take(red), (96, 30), "its blocks would name a payload type unknown to this listener");
    }
}
