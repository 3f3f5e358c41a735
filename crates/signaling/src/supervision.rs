//! Live calls as admins of the server see them, and what they do to them.

use std::collections::HashMap;

use async_trait::async_trait;
use hubbub_domain::{AuditRoom, LivePeer, LiveRoom, ParticipantId, RoomId, Seated, Supervision};
use hubbub_sfu::PeerStats;

use crate::outbox::Link;
use crate::registry::InUse;
use crate::room::People;
use crate::{Signaling, connection_test, convert};

#[async_trait]
impl Supervision for Signaling {
    async fn rooms(&self) -> Vec<LiveRoom> {
        let mut rooms: Vec<LiveRoom> =
            self.inner.registry.all().iter().filter_map(|room| room.look(describe).flatten()).collect();
        rooms.sort_by_key(|room| (std::cmp::Reverse(room.participants), room.since, room.id));
        rooms
    }

    async fn peers(&self, room: RoomId, after: Option<ParticipantId>, limit: usize) -> Vec<LivePeer> {
        let Some(room) = self.inner.registry.find(room) else { return Vec::new() };
        let stats = self.inner.around.media.peer_stats(convert::call(room.id)).await;
        let stats: HashMap<ParticipantId, &PeerStats> =
            stats.iter().map(|stats| (convert::participant(stats.peer), stats)).collect();
        let peers = room.look(|people| {
            let later = people.seats().filter(|(id, _)| after.is_none_or(|after| *id > after));
            later
                .filter_map(|(id, seat)| {
                    Some(LivePeer {
                        participant: people.participant(id)?,
                        online: seat.link.is_some(),
                        client: seat.client.clone(),
                        // A peer that has not shown itself yet is none.
                        media: stats.get(&id).filter(|s| s.connected || s.route.is_some()).map(|s| convert::media(s)),
                    })
                })
                .take(limit)
                .collect()
        });
        peers.unwrap_or_default()
    }

    async fn room(&self, room: RoomId) -> Option<LiveRoom> {
        self.inner.registry.find(room)?.look(describe).flatten()
    }

    async fn seated(&self, participant: ParticipantId) -> Option<Seated> {
        self.room_with(participant)?
            .look(|people| {
                let user = people.named(participant)?;
                Some(Seated { room: AuditRoom::from(people.settings()), user })
            })
            .flatten()
    }

    async fn kick(&self, participant: ParticipantId) -> bool {
        self.room_with(participant).is_some_and(|room| room.kick(participant))
    }

    async fn set_muted(&self, participant: ParticipantId, muted: bool) -> bool {
        self.room_with(participant).is_some_and(|room| room.mute_by_admin(participant, muted))
    }

    async fn close(&self, room: RoomId) -> u32 {
        let count = self.inner.registry.find(room).map_or(0, |room| room.close());
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

impl Signaling {
    fn room_with(&self, participant: ParticipantId) -> Option<InUse> {
        self.inner.registry.find(self.inner.around.seats.room_of(participant)?)
    }
}

/// `None` for a room that nobody is in, and for a connection test, which is no call.
fn describe(people: &People<Link>) -> Option<LiveRoom> {
    if connection_test::is_test(people.settings().id) {
        return None;
    }
    let first = people.seats().map(|(_, seat)| seat.joined_at).min()?;
    let settings = people.settings();
    Some(LiveRoom {
        id: settings.id,
        name: settings.name.as_str().to_owned(),
        owner: settings.owner,
        is_private: settings.is_private,
        max_participants: settings.max_participants.get(),
        participants: u32::try_from(people.len()).unwrap_or(u32::MAX),
        since: first,
    })
}
