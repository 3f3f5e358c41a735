//! The list of a room's people that a newcomer gets, in pieces, so that no socket keeps a buffer as large as a large room.

use hubbub_domain::{LiveParticipant, ParticipantId};
use hubbub_protocol::{Participant, ServerMessage};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::convert;
use crate::outbox::encode;
use crate::room::People;

/// The list for `me`, in order of joining: what `joined` holds, `me` always among them, and the messages that bring the rest.
pub(crate) fn of<L: Clone + PartialEq>(
    people: &mut People<L>,
    me: ParticipantId,
) -> (Vec<Participant>, Vec<Utf8Bytes>) {
    let (mut first, further) = people.list(me, write);
    if first.iter().all(|participant| participant.id != me) {
        first.extend(people.participant(me));
    }
    (first.into_iter().map(convert::participant_info).collect(), further)
}

fn write(page: Vec<LiveParticipant>) -> Utf8Bytes {
    encode(&ServerMessage::Participants { participants: page.into_iter().map(convert::participant_info).collect() })
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
