//! Datagrams on their way out.

use std::ops::Range;

use super::Path;

/// Datagrams to send, in order, in one buffer that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    datagrams: Vec<(Path, Range<usize>)>,
}

impl Outbox {
    /// An empty one.
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new(), datagrams: Vec::new() }
    }

    /// Adds a datagram.
    pub(crate) fn push(&mut self, path: Path, datagram: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(datagram);
        self.datagrams.push((path, start..self.bytes.len()));
    }

    /// The datagrams, first in, first out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Path, &[u8])> + Clone {
        self.datagrams.iter().map(|(path, range)| (*path, &self.bytes[range.clone()]))
    }

    /// How many datagrams there are.
    pub(crate) const fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Forgets all datagrams and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
    }
}
