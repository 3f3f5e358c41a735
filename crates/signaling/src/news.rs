//! What the people of a room are told of each other: at once where they are few, several changes together where they are many.
//!
//! Each change told by itself costs one write a socket, so that a thousand people who join one after the other would cost a
//! million writes. In a room of many, what changes within [`window`] of the last telling waits for the end of that window
//! and is then told in one message ([`ServerMessage::News`]). The order of changes is that of their happening, for everybody,
//! and nobody hears of a participant in another message before they were added: what waits for a socket goes ahead of it
//! ([`News::catch_up`]). What only says how somebody or something is now is told in its last form alone: who mutes and unmutes all the
//! time, or changes their name, is no more news than who did it once.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use hubbub_domain::ParticipantId;
use hubbub_protocol::ServerMessage;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

use crate::metrics::Metrics;
use crate::outbox::{Link, encode};
use crate::room::People;

/// Rooms of no more people are told everything at once.
const FEW: usize = 32;
/// The time a person adds to the window: 2 000 writes a second at most, however many people there are.
const WINDOW_A_PERSON: Duration = Duration::from_micros(500);
/// Nobody waits longer for the news.
const WINDOW_MAX: Duration = Duration::from_secs(2);

/// How long after a telling the next one waits in a room of `people`.
pub(crate) fn window(people: usize) -> Duration {
    if people <= FEW {
        return Duration::ZERO;
    }
    u32::try_from(people).map_or(WINDOW_MAX, |people| (WINDOW_A_PERSON * people).min(WINDOW_MAX))
}

/// How many changes one message holds at most: some 25 KB.
const TOGETHER: usize = 100;
/// What several are put between.
const BEGIN: &str = r#"{"type":"news","messages":["#;
const END: &str = "]}";

/// One change.
struct Item {
    message: ServerMessage,
    text: Utf8Bytes,
    /// Who is not told: they know.
    except: Option<ParticipantId>,
    /// A later one says all that it says. It keeps its number.
    is_outdated: bool,
}

/// What a change says the state of, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Profile(Uuid),
    /// Whether a moderator did it makes two of it: who was muted by one and is no more has something else to do than who never was.
    Mute(Uuid, bool),
    Room,
}

impl Subject {
    const fn of(message: &ServerMessage) -> Option<Self> {
        match message {
            ServerMessage::UpdatePeer { participant } => Some(Self::Profile(participant.id)),
            ServerMessage::MuteInfo { participant_id, muted_by_moderator, .. } => {
                Some(Self::Mute(*participant_id, *muted_by_moderator))
            }
            ServerMessage::RoomUpdated { .. } => Some(Self::Room),
            _ => None,
        }
    }
}

/// The changes that wait, oldest first.
#[derive(Default)]
pub(crate) struct News {
    items: Vec<Item>,
    /// Where the last one about a subject is among them.
    last: HashMap<Subject, usize>,
    /// The number of the first one; they are counted for as long as the room lives.
    first: u64,
    told_at: Option<Instant>,
    /// Whether somebody will come and tell.
    pub(crate) awaited: bool,
}

impl News {
    /// The number of the next change. A seat is told of those from the one on that was next when it was taken.
    pub(crate) fn next(&self) -> u64 {
        self.first + u64::try_from(self.items.len()).unwrap_or(u64::MAX)
    }

    /// Adds a change for everybody but `except`.
    pub(crate) fn push(&mut self, message: ServerMessage, except: Option<ParticipantId>) {
        let before = Subject::of(&message).and_then(|subject| self.last.insert(subject, self.items.len()));
        if let Some(before) = before.and_then(|index| self.items.get_mut(index))
            // Whoever was to hear of that one hears of this one.
            && (except.is_none() || before.except == except)
        {
            before.is_outdated = true;
            before.text = Utf8Bytes::default();
        }
        self.items.push(Item { text: encode(&message), message, except, is_outdated: false });
    }

    /// When they are due in a room of `people`.
    pub(crate) fn due(&self, people: usize) -> Option<Instant> {
        self.told_at.map(|told_at| told_at + window(people))
    }

    /// As if the last telling were then: the next one waits at least until then, in a room of many.
    #[cfg(test)]
    pub(crate) fn hold(&mut self, until: Instant) {
        self.told_at = Some(until);
    }

    /// Tells everybody what waits.
    pub(crate) fn tell(&mut self, people: &mut People<Link>, metrics: &Metrics, now: Instant) {
        self.told_at = Some(now);
        let next = self.next();
        self.last.clear();
        let items = mem::take(&mut self.items);
        let first = mem::replace(&mut self.first, next);
        if items.is_empty() {
            return;
        }
        let items: Vec<&Item> = items.iter().collect();
        let blocks: Vec<Option<Utf8Bytes>> = items.chunks(TOGETHER).map(|block| together(&current(block))).collect();
        let all: Arc<[Utf8Bytes]> = blocks.iter().flatten().cloned().collect();
        let mut told_all = 0;
        for (id, seat) in people.seats_mut() {
            let from = mem::replace(&mut seat.told, next);
            let Some(link) = &seat.link else { continue };
            if from <= first && items.iter().all(|item| item.except != Some(id)) {
                link.send_shared(&all);
                told_all += 1;
            } else {
                tell_some(link, (&items, &blocks), first, from, id, metrics);
            }
        }
        for block in items.chunks(TOGETHER) {
            count(&current(block), told_all, metrics);
        }
    }

    /// Tells one seat what waits for it.
    pub(crate) fn catch_up(&self, people: &mut People<Link>, id: ParticipantId, metrics: &Metrics) {
        let Some(seat) = people.seat_mut(id).filter(|seat| seat.told < self.next()) else { return };
        let from = mem::replace(&mut seat.told, self.next());
        if let Some(link) = &seat.link {
            let items: Vec<&Item> = self.items.iter().collect();
            tell_some(link, (&items, &[]), self.first, from, id, metrics);
        }
    }
}

/// Tells `id` the items from number `from` on that are not of its own doing; `first` is the first one's number. `whole` is what each
/// [`TOGETHER`] of the items are as a message, where that is known: in a hall that many come to, each of them is told most of it.
fn tell_some(
    link: &Link,
    (items, whole): (&[&Item], &[Option<Utf8Bytes>]),
    first: u64,
    from: u64,
    id: ParticipantId,
    metrics: &Metrics,
) {
    let known = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
    let mut texts = Vec::new();
    for (number, block) in items.chunks(TOGETHER).enumerate() {
        let known = known.saturating_sub(number * TOGETHER);
        let new: Vec<&Item> = block.iter().copied().skip(known).filter(|item| item.except != Some(id)).collect();
        let is_whole = new.len() == block.len();
        let new = current(&new);
        count(&new, 1, metrics);
        texts.extend(match whole.get(number) {
            Some(text) if is_whole => text.clone(),
            _ => together(&new),
        });
    }
    if !texts.is_empty() {
        link.send_shared(&texts.into());
    }
}

/// Those that are not outdated.
fn current<'a>(items: &[&'a Item]) -> Vec<&'a Item> {
    items.iter().copied().filter(|item| !item.is_outdated).collect()
}

/// One change as it is, several in a message.
fn together(items: &[&Item]) -> Option<Utf8Bytes> {
    match items {
        [] => None,
        [one] => Some(one.text.clone()),
        several => {
            let texts: Vec<&str> = several.iter().map(|item| item.text.as_str()).collect();
            Some([BEGIN, &texts.join(","), END].concat().into())
        }
    }
}

/// Counts changes as told to so many, and what they come in.
fn count(items: &[&Item], receivers: u64, metrics: &Metrics) {
    for item in items {
        metrics.sent(&item.message, receivers);
    }
    if items.len() > 1 {
        metrics.sent(&ServerMessage::News { messages: Vec::new() }, receivers);
    }
}

#[cfg(test)]
#[path = "news_tests.rs"]
mod tests;
