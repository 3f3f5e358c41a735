//! Who is muted in a room, and who may say so.

use hubbub_domain::{AuditRoom, AuditUser, ParticipantId};
use hubbub_protocol::{ErrorCode, ServerMessage};
use hubbub_sfu::Command;

use super::{LiveRoom, State};
use crate::convert;
use crate::outbox::Link;
use crate::refusal::Refusal;
use crate::room::{MutedByModerator, Mutes, People};

/// What a moderator did: muted somebody, or lifted that.
pub(crate) struct Moderated {
    pub(crate) moderator: AuditUser,
    pub(crate) user: AuditUser,
    pub(crate) room: AuditRoom,
}

impl LiveRoom {
    /// Mutes or unmutes `target`, or `me` oneself, and tells everybody. Gives what a moderator did to
    /// somebody, for storage to remember.
    pub(crate) fn mute(
        &self,
        me: ParticipantId,
        link: &Link,
        target: Option<ParticipantId>,
        muted: bool,
        reply_to: Option<u32>,
    ) -> Result<Option<Moderated>, Refusal> {
        let mut guard = self.state.lock();
        let State { people, news, .. } = &mut *guard;
        let people = Self::seated(people, me, link)?;
        let target = target.unwrap_or(me);
        if target != me && !people.seat(me).is_some_and(|seat| people.can_moderate(seat.user)) {
            return Err(Refusal::new(ErrorCode::Forbidden, "only the room's owner may mute others"));
        }
        let before = people.mutes(target).ok_or(Refusal::new(
            ErrorCode::ParticipantNotFound,
            "nobody in this room has this participantId; take it from joined or add-peer",
        ))?;
        if target == me {
            people.mute_self(me, muted).map_err(|MutedByModerator| {
                Refusal::new(ErrorCode::MutedByModerator, "a moderator muted you; only a moderator can lift that")
            })?;
        } else {
            people.mute_by_moderator(target, muted);
        }
        let after = people.mutes(target).unwrap_or(before);
        self.apply_mutes(people, target, before, after);
        news.catch_up(people, me, &self.around.metrics);
        link.send(mute_info(reply_to, target, after));
        if (before.muted(), before.by_moderator) != (after.muted(), after.by_moderator) {
            self.broadcast(people, news, Some(me), mute_info(None, target, after));
        }
        if before.by_moderator == after.by_moderator {
            return Ok(None);
        }
        let room = AuditRoom::from(people.settings());
        Ok(people.named(me).zip(people.named(target)).map(|(moderator, user)| Moderated { moderator, user, room }))
    }

    /// An admin mutes somebody from outside as a moderator does, or lifts that; whether somebody sits there.
    pub(crate) fn mute_by_admin(&self, id: ParticipantId, muted: bool) -> bool {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(people) = &mut state.people else { return false };
        let Some(before) = people.mutes(id) else { return false };
        people.mute_by_moderator(id, muted);
        let after = people.mutes(id).unwrap_or(before);
        self.apply_mutes(people, id, before, after);
        if before != after {
            self.broadcast(people, &mut state.news, None, mute_info(None, id, after));
        }
        true
    }

    /// Tells the media plane when somebody's mute changed what is forwarded.
    fn apply_mutes(&self, people: &People<Link>, id: ParticipantId, before: Mutes, after: Mutes) {
        if before.muted() != after.muted() {
            let (peer, grants) = (convert::peer(id), people.grants(id));
            self.around.media.send(Command::SetGrants { peer, grants });
        }
    }
}

fn mute_info(reply_to: Option<u32>, id: ParticipantId, mutes: Mutes) -> ServerMessage {
    ServerMessage::MuteInfo {
        reply_to,
        participant_id: id.0,
        muted: mutes.muted(),
        muted_by_moderator: mutes.by_moderator,
    }
}
