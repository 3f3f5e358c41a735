//! Who is in which room, for the rest of the server.

use async_trait::async_trait;
use hubbub_domain::{LiveParticipant, LiveRooms, RoomId};

use crate::Signaling;

#[async_trait]
impl LiveRooms for Signaling {
    async fn counts(&self, rooms: &[RoomId]) -> Vec<u32> {
        rooms.iter().map(|&id| self.inner.registry.find(id).map_or(0, |room| room.count())).map(counted).collect()
    }

    async fn first_participants(&self, room: RoomId, most: usize) -> (Vec<LiveParticipant>, u32) {
        let first = self.inner.registry.find(room).map(|room| room.first_participants(most));
        let (participants, count) = first.unwrap_or_default();
        (participants, counted(count))
    }

    fn is_draining(&self) -> bool {
        self.inner.around.draining.is_cancelled()
    }
}

fn counted(people: usize) -> u32 {
    u32::try_from(people).unwrap_or(u32::MAX)
}
