//! A room's people in pages of a few, in order of joining, so that what was written for a page serves everybody until somebody on it
//! changes: a list of a thousand people is not written anew for each who comes.

use std::collections::BTreeMap;
use std::ops::Bound;

use hubbub_domain::ParticipantId;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

/// How many people a page holds at most.
pub(crate) const PAGE: usize = 16;

/// Who is on which page. A page reaches from its key to the next one's; the first has the lowest key there can be, and is always there.
#[derive(Debug)]
pub(crate) struct Pages(BTreeMap<ParticipantId, Page>);

#[derive(Debug, Default)]
struct Page {
    people: usize,
    /// What was written for it, as long as that is so.
    text: Option<Utf8Bytes>,
}

/// From whom to whom a page reaches.
pub(crate) type Span = (Bound<ParticipantId>, Bound<ParticipantId>);

const FIRST: ParticipantId = ParticipantId(Uuid::nil());

impl Default for Pages {
    fn default() -> Self {
        Self(BTreeMap::from([(FIRST, Page::default())]))
    }
}

impl Pages {
    /// Somebody came. Ids are made in order; one that were not would make its page larger.
    pub(crate) fn insert(&mut self, id: ParticipantId) {
        let is_last = self.0.last_key_value().is_some_and(|(&key, _)| key <= id);
        let Some((_, page)) = self.page_of(id) else { return };
        if page.people >= PAGE && is_last {
            self.0.insert(id, Page { people: 1, text: None });
        } else {
            page.people += 1;
            page.text = None;
        }
    }

    /// Somebody who was there left. What is left of two pages goes on one as soon as it fits.
    pub(crate) fn remove(&mut self, id: ParticipantId) {
        let Some((key, page)) = self.page_of(id) else { return };
        page.people = page.people.saturating_sub(1);
        page.text = None;
        let people = page.people;
        if let Some((&next, after)) = self.0.range((Bound::Excluded(key), Bound::Unbounded)).next()
            && people + after.people <= PAGE
        {
            self.merge(key, next);
        } else if let Some((&before, page)) = self.0.range(..key).next_back()
            && people + page.people <= PAGE
        {
            self.merge(before, key);
        }
    }

    /// Somebody looks different.
    pub(crate) fn change(&mut self, id: ParticipantId) {
        if let Some((_, page)) = self.page_of(id) {
            page.text = None;
        }
    }

    /// All pages in order: from whom to whom each reaches, how many are on it, and what was written for it.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Span, usize, &mut Option<Utf8Bytes>)> {
        let keys: Vec<ParticipantId> = self.0.keys().copied().skip(1).collect();
        let ends = keys.into_iter().map(Bound::Excluded).chain([Bound::Unbounded]);
        let pages = self.0.iter_mut().zip(ends);
        pages.map(|((&key, page), end)| ((Bound::Included(key), end), page.people, &mut page.text))
    }

    fn page_of(&mut self, id: ParticipantId) -> Option<(ParticipantId, &mut Page)> {
        self.0.range_mut(..=id).next_back().map(|(&key, page)| (key, page))
    }

    fn merge(&mut self, page: ParticipantId, next: ParticipantId) {
        let Some(next) = self.0.remove(&next) else { return };
        if let Some(page) = self.0.get_mut(&page) {
            page.people += next.people;
            page.text = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ops::RangeBounds;

    use super::*;

    fn id(number: u128) -> ParticipantId {
        ParticipantId(Uuid::from_u128(number))
    }

    /// Whom each page has, of these people, and whether something is written for it.
    fn look(pages: &mut Pages, people: &BTreeSet<u128>) -> Vec<(Vec<u128>, bool)> {
        let look = |(span, count, text): (Span, usize, &mut Option<Utf8Bytes>)| {
            let on_it: Vec<u128> = people.iter().copied().filter(|number| span.contains(&id(*number))).collect();
            assert_eq!(on_it.len(), count);
            (on_it, text.is_some())
        };
        pages.iter_mut().map(look).collect()
    }

    fn write(pages: &mut Pages) {
        pages.iter_mut().for_each(|(_, _, text)| *text = Some("written".into()));
    }

    #[test]
    fn whoever_comes_is_on_the_last_page_until_it_is_full() {
        let (mut pages, mut people) = (Pages::default(), BTreeSet::new());
        for number in 1..=40 {
            write(&mut pages);
            pages.insert(id(number));
            people.insert(number);
            let seen = look(&mut pages, &people);
            assert_eq!(seen.len(), people.len().div_ceil(PAGE));
            let (last, before) = seen.split_last().expect("a page");
            assert!(last.0.contains(&number) && !last.1, "what was written for it is not so any more");
            assert!(before.iter().all(|(on_it, written)| on_it.len() == PAGE && *written), "{seen:?}");
        }
    }

    #[test]
    fn a_change_is_one_pages() {
        let (mut pages, people) = (Pages::default(), (1..=40).collect());
        (1..=40).for_each(|number| pages.insert(id(number)));
        write(&mut pages);
        pages.change(id(20));
        let written: Vec<bool> = look(&mut pages, &people).into_iter().map(|(_, written)| written).collect();
        assert_eq!(written, [true, false, true]);
    }

    #[test]
    fn pages_that_empty_are_put_together() {
        let (mut pages, mut people): (Pages, BTreeSet<u128>) = (Pages::default(), (1..=640).collect());
        people.iter().for_each(|number| pages.insert(id(*number)));
        // In no order: 397 is prime to 640.
        for (left, number) in (0..640).map(|n| 1 + n * 397 % 640).enumerate() {
            write(&mut pages);
            pages.remove(id(number));
            people.remove(&number);
            let seen = look(&mut pages, &people);
            assert!(seen.windows(2).all(|two| two[0].0.len() + two[1].0.len() > PAGE), "{seen:?}");
            assert!(seen.iter().filter(|(_, written)| !written).count() == 1, "{left}: {seen:?}");
        }
        pages.insert(id(1000));
        assert_eq!(look(&mut pages, &[1000].into()), [(vec![1000], false)]);
    }

    #[test]
    fn somebody_with_an_id_between_others_is_found() {
        let (mut pages, mut people): (Pages, BTreeSet<u128>) = (Pages::default(), (1..=40).map(|n| n * 10).collect());
        people.iter().for_each(|number| pages.insert(id(*number)));
        for number in [5, 155, 165, 325] {
            write(&mut pages);
            pages.insert(id(number));
            people.insert(number);
            let seen = look(&mut pages, &people);
            assert!(seen.iter().all(|(on_it, written)| on_it.contains(&number) != *written), "{seen:?}");
        }
    }
}
