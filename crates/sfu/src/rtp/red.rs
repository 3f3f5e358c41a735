//! Redundant audio (RFC 2198): a packet that carries earlier packets' payloads before its own.

/// The most redundant blocks a packet may have. Browsers send one or two; each one is a packet's worth of bytes.
pub(crate) const BLOCKS_MAX: usize = 8;

/// More follow (RFC 2198, section 3).
const FOLLOWED: u8 = 0x80;

/// One redundant block: what another packet has carried, or should have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// How much earlier than the packet's own timestamp, in clock units; 14 bits.
    pub(crate) age: u16,
    /// Where it begins in the packet's payload.
    pub(crate) start: usize,
    /// Where it ends there.
    pub(crate) end: usize,
}

/// A payload of redundant audio. Offsets count from the payload's first byte and lie within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Red {
    blocks: [Block; BLOCKS_MAX],
    count: usize,
    /// Where the primary block begins: it reaches to the end, and is never empty.
    pub(crate) primary: usize,
}

impl Red {
    /// Reads a payload whose blocks are all of payload type `codec`.
    ///
    /// `None` when lengths do not add up, nothing is left for the primary block, there are more than [`BLOCKS_MAX`]
    /// redundant ones or one is of another codec than the one negotiated.
    pub(crate) fn parse(payload: &[u8], codec: u8) -> Option<Self> {
        let mut blocks = [Block::default(); BLOCKS_MAX];
        let (mut count, mut at) = (0, 0);
        loop {
            let head = *payload.get(at)?;
            if head & !FOLLOWED != codec {
                return None;
            }
            if head & FOLLOWED == 0 {
                break;
            }
            let [_, high, middle, low] = *payload.get(at..)?.first_chunk()?;
            let block = blocks.get_mut(count)?;
            block.age = u16::from_be_bytes([high, middle]) >> 2;
            // Its length, until all headers are read and the place is known.
            block.end = usize::from(u16::from_be_bytes([middle & 0x03, low]));
            (count, at) = (count + 1, at + 4);
        }
        let mut primary = at + 1;
        for block in &mut blocks[..count] {
            (block.start, block.end) = (primary, primary + block.end);
            primary = block.end;
        }
        (primary < payload.len()).then_some(Self { blocks, count, primary })
    }

    /// The redundant blocks, oldest first as browsers write them.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks[..self.count]
    }

    /// The payload of a packet that is missing: `back` packets before this one, of the `missing` ones right before it.
    /// `apart` is by how much this packet's timestamp is later than that of the last one before the gap.
    ///
    /// Blocks say how old they are and not which packet they were. That is certain only when packets are evenly spaced
    /// over the gap, or when the gap is of one packet; in doubt nothing is taken.
    pub(crate) fn find(&self, back: u32, missing: u32, apart: u32) -> Option<Block> {
        let fits = |block: &&Block| {
            let age = u32::from(block.age);
            let inside = block.start < block.end && age > 0 && age < apart;
            let even = u64::from(age) * u64::from(missing + 1) == u64::from(back) * u64::from(apart);
            inside && (missing == 1 || even)
        };
        self.blocks().iter().filter(fits).min_by_key(|block| block.age).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPUS: u8 = 111;

    /// A payload with these redundant blocks (age, bytes) and this primary one.
    fn write(blocks: &[(u16, &[u8])], primary: &[u8]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (age, bytes) in blocks {
            let word = u32::from(FOLLOWED | OPUS) << 24 | u32::from(*age) << 10 | bytes.len() as u32;
            payload.extend(word.to_be_bytes());
        }
        payload.push(OPUS);
        for (_, bytes) in blocks {
            payload.extend_from_slice(bytes);
        }
        payload.extend_from_slice(primary);
        payload
    }

    #[test]
    fn two_blocks_and_a_primary_one() {
        let payload = write(&[(1920, &[1, 2, 3]), (960, &[4, 5])], &[6]);
        let red = Red::parse(&payload, OPUS).expect("RED");
        assert_eq!(&payload[red.primary..], [6]);
        let blocks: Vec<_> = red.blocks().iter().map(|b| (b.age, &payload[b.start..b.end])).collect();
        assert_eq!(blocks, [(1920, &[1, 2, 3][..]), (960, &[4, 5][..])]);
    }

    #[test]
    fn the_largest_fields_are_read_whole() {
        let long = [7; 1023];
        let payload = write(&[(0x3fff, &long)], &[1]);
        let red = Red::parse(&payload, OPUS).expect("RED");
        assert_eq!((red.blocks()[0].age, red.blocks()[0].end - red.blocks()[0].start), (0x3fff, 1023));
    }

    #[test]
    fn a_packet_may_have_no_redundancy() {
        let red = Red::parse(&[OPUS, 9, 9], OPUS).expect("RED");
        assert_eq!((red.primary, red.blocks().len()), (1, 0));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let good = write(&[(960, &[1, 2, 3])], &[4]);
        assert!(Red::parse(&good, OPUS).is_some());
        for len in 0..good.len() {
            assert_eq!(Red::parse(&good[..len], OPUS), None, "cut to {len}");
        }
        let mut longer = good.clone();
        longer[3] = 4;
        assert_eq!(Red::parse(&longer, OPUS), None, "the redundant block would take the primary one");
        longer[2] |= 0x03;
        longer[3] = 0xff;
        assert_eq!(Red::parse(&longer, OPUS), None, "more than there is");
        assert_eq!(Red::parse(&[FOLLOWED | OPUS; 64], OPUS), None, "nothing but headers");
    }

    #[test]
    fn another_codec_inside_is_refused() {
        let mut payload = write(&[(960, &[1])], &[2]);
        payload[0] = FOLLOWED | 13;
        assert_eq!(Red::parse(&payload, OPUS), None);
        assert_eq!(Red::parse(&[13, 1], OPUS), None);
    }

    #[test]
    fn more_blocks_than_anybody_needs_are_refused() {
        let blocks = [(960, &[1u8][..]); BLOCKS_MAX + 1];
        assert!(Red::parse(&write(&blocks[..BLOCKS_MAX], &[1]), OPUS).is_some());
        assert_eq!(Red::parse(&write(&blocks, &[1]), OPUS), None);
    }

    #[test]
    fn a_missing_packet_is_found_by_its_age() {
        let red = Red::parse(&write(&[(1920, &[2]), (960, &[1])], &[0]), OPUS).expect("RED");
        let age = |back, missing, apart| red.find(back, missing, apart).map(|block| block.age);
        assert_eq!(age(1, 1, 1920), Some(960), "the only one missing");
        assert_eq!((age(1, 2, 2880), age(2, 2, 2880)), (Some(960), Some(1920)));
        assert_eq!((age(1, 5, 5760), age(2, 5, 5760), age(3, 5, 5760)), (Some(960), Some(1920), None));
        assert_eq!(age(1, 1, 960), None, "as old as the packet before the gap");
        assert_eq!(age(1, 1, 5000), Some(960), "one is missing: no other can be meant");
        assert_eq!(age(1, 2, 5000), None, "two are, of unknown lengths");
    }

    #[test]
    fn an_empty_block_is_no_packet() {
        let red = Red::parse(&write(&[(960, &[])], &[0]), OPUS).expect("RED");
        assert_eq!(red.find(1, 1, 1920), None);
    }

    proptest! {
        #[test]
        fn nothing_points_outside_the_payload(
            heads in proptest::collection::vec((any::<u16>(), 0u16..40), 0..12),
            tail in proptest::collection::vec(any::<u8>(), 0..120),
            noise in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut payload = Vec::new();
            for (age, len) in heads {
                payload.extend((u32::from(FOLLOWED | OPUS) << 24 | u32::from(age >> 2) << 10 | u32::from(len)).to_be_bytes());
            }
            payload.push(OPUS);
            payload.extend(tail);
            for payload in [payload, noise] {
                let Some(red) = Red::parse(&payload, OPUS) else { continue };
                prop_assert!(red.primary < payload.len());
                for block in red.blocks() {
                    prop_assert!(block.start <= block.end && block.end <= red.primary);
                }
            }
        }
    }
}
