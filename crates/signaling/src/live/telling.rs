//! What a room tells its people.

use hubbub_domain::ParticipantId;
use hubbub_protocol::{LeftReason, MediaState, RemoveReason, ServerMessage, SlotAssignment};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::LiveRoom;
use crate::convert;
use crate::news::News;
use crate::outbox::{Link, encode};
use crate::room::{People, Seat};

impl LiveRoom {
    /// Tells a socket that came back what its seat has besides what `joined` says.
    pub(super) fn replay(people: &People<Link>, id: ParticipantId, link: &Link) {
        let Some(seat) = people.seat(id) else { return };
        let assignments: Vec<SlotAssignment> =
            seat.slots.iter().map(|(mid, &speaker)| convert::slot(mid, Some(speaker))).collect();
        if seat.media == Some(MediaState::Lost) {
            link.send(ServerMessage::MediaState { state: MediaState::Lost });
        } else if !assignments.is_empty() {
            link.send(ServerMessage::Slots { assignments });
        }
    }

    /// Who speaks now. What waits to be told goes with it.
    pub(crate) fn show_speakers(&self, message: &ServerMessage) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(people) = &mut state.people else { return };
        state.news.tell(people, &self.around.metrics, Instant::now());
        let text = encode(message);
        let mut receivers = 0;
        for (_, link) in people.links() {
            link.show_speakers(Some(text.clone()));
            receivers += 1;
        }
        self.around.metrics.sent(message, receivers);
        state.speakers = Some(text);
    }

    pub(super) fn tell_removed(
        &self,
        people: &mut People<Link>,
        news: &mut News,
        except: Option<ParticipantId>,
        (id, seat): (ParticipantId, &Seat<Link>),
        reason: RemoveReason,
    ) {
        info!(room.id = %self.id, user.id = %seat.user, participant.id = %id, reason = ?reason, "participant left");
        self.broadcast(people, news, except, ServerMessage::RemovePeer { participant_id: id.0, reason });
    }

    pub(super) fn tell_left(&self, link: &Link, reply_to: Option<u32>, reason: LeftReason) {
        link.show_speakers(None);
        link.send(ServerMessage::Left { reply_to, room_id: self.id.0, reason });
    }

    /// Tells everybody but `except`, now or soon.
    pub(super) fn broadcast(
        &self,
        people: &mut People<Link>,
        news: &mut News,
        except: Option<ParticipantId>,
        message: ServerMessage,
    ) {
        news.push(message, except);
        let now = Instant::now();
        match (news.due(people.len()).filter(|due| now < *due), Handle::try_current()) {
            (Some(due), Ok(runtime)) => {
                if !std::mem::replace(&mut news.awaited, true) {
                    let this = self.this.clone();
                    runtime.spawn(async move {
                        sleep_until(due).await;
                        if let Some(room) = this.upgrade() {
                            room.tell_news();
                        }
                    });
                }
            }
            _ => news.tell(people, &self.around.metrics, now),
        }
    }

    /// Tells what waited long enough.
    pub(super) fn tell_news(&self) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.news.awaited = false;
        if let Some(people) = &mut state.people {
            state.news.tell(people, &self.around.metrics, Instant::now());
        }
    }
}
