//! Redundant audio (RFC 2198) as browsers send it: each packet carries the one before it, too.

/// The longest block a header can tell: 10 bits.
const BLOCK_MAX: usize = 0x3FF;
/// The highest age a header can tell, in RTP ticks: 14 bits.
const AGE_MAX: u32 = 0x3FFF;
/// The bit that says that another header follows.
const FOLLOWED: u8 = 0x80;

/// The payload of an earlier packet inside a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    /// By how many RTP ticks it is older than the packet that carries it.
    pub(super) age: u32,
    /// What it said.
    pub(super) payload: &'a [u8],
}

/// A payload with all that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Red<'a> {
    /// Oldest first.
    pub(super) blocks: Vec<Block<'a>>,
    /// The packet's own payload.
    pub(super) primary: &'a [u8],
}

impl<'a> Red<'a> {
    /// Reads a payload whose blocks are all of one codec; `None` when it breaks off.
    pub(super) fn read(payload: &'a [u8]) -> Option<Self> {
        let (mut heads, mut rest) = (Vec::new(), payload);
        loop {
            let (&[first, ..], _) = rest.split_first_chunk::<1>()?;
            if first & FOLLOWED == 0 {
                rest = &rest[1..];
                break;
            }
            let (head, behind) = rest.split_first_chunk::<4>()?;
            let word = u32::from_be_bytes(*head);
            heads.push((word >> 10 & AGE_MAX, word as usize & BLOCK_MAX));
            rest = behind;
        }
        let mut blocks = Vec::with_capacity(heads.len());
        for (age, length) in heads {
            let (payload, behind) = rest.split_at_checked(length)?;
            blocks.push(Block { age, payload });
            rest = behind;
        }
        Some(Self { blocks, primary: rest })
    }
}

/// Writes what stands before a packet's own payload: the headers, and the packet before it where there is one that fits.
pub(super) fn write(codec: u8, before: Option<Block<'_>>, packet: &mut Vec<u8>) {
    let fits = |block: &Block<'_>| block.payload.len() <= BLOCK_MAX && (1..=AGE_MAX).contains(&block.age);
    let before = before.filter(fits);
    if let Some(block) = before {
        let length = u32::try_from(block.payload.len()).unwrap_or(0);
        let head = u32::from(FOLLOWED | codec) << 24 | block.age << 10 | length;
        packet.extend(head.to_be_bytes());
    }
    packet.push(codec);
    packet.extend_from_slice(before.map_or(&[], |block| block.payload));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(before: Option<Block<'_>>, primary: &[u8]) -> Vec<u8> {
        let mut payload = Vec::new();
        write(111, before, &mut payload);
        payload.extend_from_slice(primary);
        payload
    }

    #[test]
    fn what_is_written_is_what_the_standard_says_and_is_read_again() {
        let before = Block { age: 960, payload: &[1, 2, 3] };
        let payload = written(Some(before), &[4, 5]);
        assert_eq!(payload, [0xEF, 0x0F, 0x00, 0x03, 111, 1, 2, 3, 4, 5], "RFC 2198, section 3");
        assert_eq!(Red::read(&payload), Some(Red { blocks: vec![before], primary: &[4, 5] }));
        assert_eq!(Red::read(&written(None, &[4])), Some(Red { blocks: Vec::new(), primary: &[4] }));
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let long = [7; BLOCK_MAX + 1];
        for before in [
            Block { age: 960, payload: &long },
            Block { age: AGE_MAX + 1, payload: &[1] },
            Block { age: 0, payload: &[1] },
        ] {
            assert_eq!(written(Some(before), &[9]), [111, 9], "{} bytes, {} ticks", before.payload.len(), before.age);
        }
        let longest = Block { age: AGE_MAX, payload: &long[1..] };
        assert_eq!(Red::read(&written(Some(longest), &[9])).map(|red| red.blocks), Some(vec![longest]));
    }

    #[test]
    fn more_blocks_are_read_and_what_breaks_off_is_not() {
        let payload = [0xEF, 0x1E, 0x00, 0x02, 0xEF, 0x0F, 0x00, 0x01, 111, 1, 1, 2, 3, 3];
        let red = Red::read(&payload).unwrap();
        let blocks = [Block { age: 1920, payload: &[1, 1][..] }, Block { age: 960, payload: &[2][..] }];
        assert_eq!((&red.blocks[..], red.primary), (&blocks[..], &[3, 3][..]));
        for length in 0..12 {
            assert_eq!(Red::read(&payload[..length]), None, "{length}");
        }
    }
}
