//! Who is in which room, for the rest of the server.

use async_trait::async_trait;
use hubbub_domain::{LiveParticipant, LiveRooms, RoomId};

use crate::Signaling;

#[async_trait]
impl LiveRooms for Signaling {
    async fn counts(&self, rooms: &[RoomId]) -> Vec<u32> {
        let count = |&id| self.inner.registry.find(id).map_or(0, |room| room.count());
        rooms.iter().map(count).map(|count| u32::try_from(count).unwrap_or(u32::MAX)).collect()
    }

    async fn participants(&self, room: RoomId) -> Vec<LiveParticipant> {
        self.inner.registry.find(room).map(|room| room.participants()).unwrap_or_default()
    }

    fn is_draining(&self) -> bool {
        self.inner.around.draining.is_cancelled()
    }
}
