//! The list of a room's people that a newcomer gets, in pieces, so that no socket keeps a buffer as large as a large room.

use hubbub_domain::ParticipantId;
use hubbub_protocol::Participant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::convert;
use crate::room::People;

/// How many of them `joined` itself holds.
const IN_JOINED: usize = 16;
/// How many bytes of entries one further message holds.
const MESSAGE_BYTES: usize = 2048;

/// What everybody's entries are put between: a [`hubbub_protocol::ServerMessage::Participants`] as it goes over the wire. Entries are
/// kept as text, so that somebody who joins a large room costs no more than copying it.
const BEGIN: &str = r#"{"type":"participants","participants":["#;
const END: &str = "]}";

/// The list for `me`, in order of joining: what `joined` holds, `me` always among them, and the messages that bring the rest.
pub(crate) fn of<L: Clone + PartialEq>(
    people: &mut People<L>,
    me: ParticipantId,
) -> (Vec<Participant>, Vec<Utf8Bytes>) {
    let mut others = 0;
    let is_in_joined = |&id: &ParticipantId| {
        others += usize::from(id != me);
        id == me || others < IN_JOINED
    };
    let in_joined: Vec<ParticipantId> = people.seats().map(|(id, _)| id).filter(is_in_joined).collect();
    let first = in_joined.iter().filter_map(|id| people.participant(*id)).map(convert::participant_info).collect();
    let mut messages = Vec::new();
    if in_joined.len() == people.len() {
        return (first, messages);
    }
    let mut in_joined = in_joined.into_iter().peekable();
    let mut text = String::new();
    for (id, entry) in people.entries(|live| entry(&convert::participant_info(live))) {
        if in_joined.next_if_eq(&id).is_some() {
            continue;
        }
        if text.len() + entry.len() > BEGIN.len() + MESSAGE_BYTES {
            messages.push((std::mem::take(&mut text) + END).into());
        }
        text.push_str(if text.is_empty() { BEGIN } else { "," });
        text.push_str(entry);
    }
    if !text.is_empty() {
        messages.push((text + END).into());
    }
    (first, messages)
}

fn entry(participant: &Participant) -> String {
    serde_json::to_string(participant).expect("participants have no failing serializers")
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
