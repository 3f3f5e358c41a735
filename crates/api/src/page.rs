//! Lists that are given a page at a time: what is looked for, how much of it, and where a page ends.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubbub_domain::{Timestamp, text};
use uuid::Uuid;

use crate::error::Check;

/// Longest text to search for, in characters.
const MAX_SEARCH: usize = 100;

/// The words to look for; `None` for none.
pub(crate) fn search(check: &mut Check, text: Option<&str>) -> Option<String> {
    let words = check.optional("search", text.map(|words| text::single_line(words, 0, MAX_SEARCH)));
    words.filter(|words| !words.is_empty())
}

/// Where the page before ended, as `parse` reads it.
pub(crate) fn after<C>(check: &mut Check, text: Option<&str>, parse: impl FnOnce(&str) -> Option<C>) -> Option<C> {
    let after = parse(text?);
    if after.is_none() {
        check.fail("cursor", "cursor", "is none; send the nextCursor of the page before, or leave it out");
    }
    after
}

/// How many rows are on a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageSize(u32);

impl PageSize {
    /// As many as asked for, up to `most`; `default` unless asked otherwise.
    pub(crate) fn parse(check: &mut Check, text: Option<&str>, default: u32, most: u32) -> Self {
        match text.map(str::parse::<u32>) {
            None => Self(default),
            Some(Ok(limit)) if (1..=most).contains(&limit) => Self(limit),
            Some(_) => {
                check.fail("limit", "range", format!("must be a number from 1 to {most}"));
                Self(default)
            }
        }
    }

    /// How many rows to read: one more than are shown tells whether there is a next page.
    pub(crate) const fn to_read(self) -> u32 {
        self.0 + 1
    }

    /// Cuts what was read to what is shown; where that ends, if there is a next page.
    pub(crate) fn cut<T, C>(self, rows: &mut Vec<T>, cursor: impl FnOnce(&T) -> C) -> Option<C> {
        let more = rows.len() > self.0 as usize;
        rows.truncate(self.0 as usize);
        rows.last().filter(|_| more).map(cursor)
    }
}

/// A row's place in a list that is sorted by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) time: Timestamp,
    /// For rows of the same moment.
    pub(crate) id: Uuid,
}

impl Place {
    /// As opaque text: base64url of time (8 bytes) and id (16 bytes).
    pub(crate) fn encode(self) -> String {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.time.0.to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// From text; `None` for a text that [`Self::encode`] never made.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (time, id) = bytes.split_first_chunk::<8>()?;
        let time = i64::from_be_bytes(*time);
        (time >= 0).then_some(Self { time: Timestamp(time), id: Uuid::from_slice(id).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_the_wire() {
        let place = Place { time: Timestamp(1_795_255_200_000_001), id: Uuid::now_v7() };
        assert_eq!(Place::decode(&place.encode()), Some(place));
    }

    #[test]
    fn anything_else_is_refused() {
        let negative = Place { time: Timestamp(-1), id: Uuid::now_v7() }.encode();
        for bad in ["", "x", "AAAA", "-1", "' OR 1=1", negative.as_str(), &"A".repeat(10_000)] {
            assert_eq!(Place::decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_page_with_more_behind_it_says_where_it_ends() {
        let size = PageSize::parse(&mut Check::default(), Some("2"), 50, 200);
        for (read, shown, end) in [(0, 0, None), (2, 2, None), (3, 2, Some(1))] {
            let mut rows: Vec<u32> = (0..read).collect();
            assert_eq!(size.cut(&mut rows, |last| *last), end);
            assert_eq!(rows.len(), shown);
        }
    }
}
