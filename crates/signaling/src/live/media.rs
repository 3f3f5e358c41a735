//! What a seat and the media plane tell each other.

use hubbub_domain::ParticipantId;
use hubbub_protocol::{MediaState, ServerMessage};
use hubbub_sfu::{Command, Mid};

use super::{LiveRoom, State};
use crate::convert;
use crate::outbox::Link;
use crate::refusal::Refusal;
use crate::room::{People, Seat};

impl LiveRoom {
    /// Who is heard in `id`'s slots changed.
    pub(crate) fn set_slots(&self, id: ParticipantId, changes: Vec<(Mid, Option<ParticipantId>)>) {
        let mut guard = self.state.lock();
        let State { people: Some(people), news, .. } = &mut *guard else { return };
        news.catch_up(people, id, &self.around.metrics);
        let Some(seat) = people.seat_mut(id) else { return };
        let assignments = changes.iter().map(|(mid, speaker)| convert::slot(mid, *speaker)).collect();
        for (mid, speaker) in changes {
            match speaker {
                Some(speaker) => seat.slots.insert(mid, speaker),
                None => seat.slots.remove(&mid),
            };
        }
        if let Some(link) = &seat.link {
            link.send(ServerMessage::Slots { assignments });
        }
    }

    /// How `id`'s media connection stands.
    pub(crate) fn set_media(&self, id: ParticipantId, media: MediaState) {
        self.with_seat(id, |seat| {
            seat.media = Some(media);
            // A new connection starts with empty slots, and a lost one has none.
            seat.slots.clear();
            if let Some(link) = &seat.link {
                link.send(ServerMessage::MediaState { state: media });
            }
        });
    }

    /// Hands an order for seat `me`'s media over, after `change` agreed, if `link` sits there.
    pub(crate) fn order(
        &self,
        me: ParticipantId,
        link: &Link,
        change: impl FnOnce(&mut Seat<Link>) -> Result<Command, Refusal>,
    ) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let seat = Self::seat(&mut state.people, me, link)?;
        let command = change(seat)?;
        self.around.media.send(command);
        Ok(())
    }

    /// How many offers of a seat wait for their answers. Only the seat's own socket makes them more.
    pub(crate) fn pending_offers(&self, me: ParticipantId, link: &Link) -> Result<usize, Refusal> {
        let mut state = self.state.lock();
        Ok(Self::seat(&mut state.people, me, link)?.offers.len())
    }

    fn seat<'a>(
        people: &'a mut Option<People<Link>>,
        me: ParticipantId,
        link: &Link,
    ) -> Result<&'a mut Seat<Link>, Refusal> {
        Self::seated(people, me, link)?.seat_mut(me).ok_or_else(Refusal::not_joined)
    }
}
