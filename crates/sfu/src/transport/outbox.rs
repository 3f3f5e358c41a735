//! Datagrams on their way out.

use std::ops::Range;

use super::Path;

/// Datagrams and bytes that wait to be sent at most, or a little more: few enough to stay in the cache between encrypting and the
/// system call, whoever they are for.
const DATAGRAMS_MAX: usize = 512;
const BYTES_MAX: usize = 128 * 1024;

/// Datagrams to one address that lie one behind the other, so that one system call can take them all (UDP GSO).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagrams<'a> {
    pub(crate) path: Path,
    pub(crate) bytes: &'a [u8],
    /// How long each datagram is; the last one may be shorter. Not 0.
    pub(crate) segment: usize,
}

impl<'a> Datagrams<'a> {
    /// Each datagram by itself.
    pub(crate) fn each(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        self.bytes.chunks(self.segment)
    }

    /// How many there are.
    pub(crate) const fn count(self) -> usize {
        self.bytes.len().div_ceil(self.segment)
    }
}

#[derive(Clone, Debug)]
struct Entry {
    path: Path,
    range: Range<usize>,
    segment: usize,
}

/// Datagrams to send, in order, in one buffer that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    datagrams: usize,
    workbench: Vec<u8>,
}

impl Outbox {
    /// An empty one.
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new(), entries: Vec::new(), datagrams: 0, workbench: Vec::new() }
    }

    /// Lends so many bytes in which datagrams can be put together before they are pushed; what is in them is left from before.
    pub(crate) fn with_workbench<T>(&mut self, len: usize, work: impl FnOnce(&mut Self, &mut [u8]) -> T) -> T {
        let mut workbench = std::mem::take(&mut self.workbench);
        if workbench.len() < len {
            workbench.resize(len, 0);
        }
        let result = work(self, &mut workbench[..len]);
        self.workbench = workbench;
        result
    }

    /// Adds a datagram.
    pub(crate) fn push(&mut self, path: Path, datagram: &[u8]) {
        self.append(path, datagram.len(), |bytes| bytes.extend_from_slice(datagram));
    }

    /// Adds what `write` appends to the bytes it is given: datagrams of `segment` bytes, of which only the last one may be shorter.
    /// When it appends nothing, nothing is added.
    pub(crate) fn append(&mut self, path: Path, segment: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let range = start..self.bytes.len();
        if !range.is_empty() {
            let segment = segment.clamp(1, range.len());
            self.datagrams += range.len().div_ceil(segment);
            self.entries.push(Entry { path, range, segment });
        }
    }

    /// First in, first out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Datagrams<'_>> + Clone {
        self.entries.iter().map(|entry| Datagrams {
            path: entry.path,
            bytes: &self.bytes[entry.range.clone()],
            segment: entry.segment,
        })
    }

    /// Each datagram by itself, first in, first out.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (Path, &[u8])> + Clone {
        self.iter().flat_map(|datagrams| datagrams.each().map(move |datagram| (datagrams.path, datagram)))
    }

    /// How many datagrams there are.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) const fn len(&self) -> usize {
        self.datagrams
    }

    /// Whether so much waits that it should be sent before more is added.
    pub(crate) const fn is_full(&self) -> bool {
        self.datagrams >= DATAGRAMS_MAX || self.bytes.len() >= BYTES_MAX
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all datagrams and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.datagrams = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_come_out_as_they_went_in() {
        let path = |port| Path::udp(([127, 0, 0, 1], port).into());
        let mut outbox = Outbox::new();
        outbox.push(path(1), &[1, 2, 3]);
        outbox.append(path(2), 2, |bytes| bytes.extend_from_slice(&[4, 5, 6, 7, 8]));
        outbox.append(path(3), 2, |_| {});
        let all: Vec<(Path, &[u8])> = outbox.datagrams().collect();
        assert_eq!(all, [(path(1), &[1, 2, 3][..]), (path(2), &[4, 5]), (path(2), &[6, 7]), (path(2), &[8])]);
        assert_eq!(outbox.len(), 4);
        assert_eq!(outbox.iter().map(|datagrams| datagrams.count()).collect::<Vec<_>>(), [1, 3]);
        outbox.clear();
        assert_eq!(outbox.len(), 0);
        assert!(outbox.is_empty() && outbox.datagrams().next().is_none());
    }

    #[test]
    fn many_datagrams_fill_it_and_so_do_large_ones() {
        let path = Path::udp(([127, 0, 0, 1], 1).into());
        for (size, count) in [(1, DATAGRAMS_MAX), (1024, 128)] {
            let mut outbox = Outbox::new();
            for _ in 0..count {
                assert!(!outbox.is_full());
                outbox.push(path, &vec![0; size]);
            }
            assert!(outbox.is_full());
            outbox.clear();
            assert!(!outbox.is_full());
        }
    }
}
