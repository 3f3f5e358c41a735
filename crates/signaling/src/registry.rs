//! The rooms in use on this node.
//!
//! Other nodes will not reach in here: what they ask of a room, they ask through [`hubbub_domain::LiveRooms`].

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use hubbub_domain::RoomId;
use parking_lot::Mutex;

use crate::live::{LiveRoom, Surroundings};

/// Rooms by id. A room is here while it is in use ([`InUse`]), while somebody is in it, and while a moderator's mute is
/// remembered. The lock is held for look-ups only; a room's own lock may be taken inside it, never the other way round.
pub(crate) struct Registry {
    around: Arc<Surroundings>,
    rooms: Mutex<HashMap<RoomId, Entry>>,
}

struct Entry {
    room: Arc<LiveRoom>,
    users: usize,
}

/// A room that stays in the registry for as long as this lives.
pub(crate) struct InUse {
    registry: Arc<Registry>,
    room: Arc<LiveRoom>,
}

impl Registry {
    pub(crate) fn new(around: Arc<Surroundings>) -> Self {
        Self { around, rooms: Mutex::default() }
    }

    /// The room `id`, made if nobody uses it yet. It need not be stored: that is for the caller to find out.
    pub(crate) fn enter(self: &Arc<Self>, id: RoomId) -> InUse {
        let mut rooms = self.rooms.lock();
        let entry = rooms.entry(id).or_insert_with(|| Entry { room: LiveRoom::new(id, self.around.clone()), users: 0 });
        entry.users += 1;
        InUse { registry: self.clone(), room: entry.room.clone() }
    }

    /// The room `id` if it is in use.
    pub(crate) fn find(self: &Arc<Self>, id: RoomId) -> Option<InUse> {
        let mut rooms = self.rooms.lock();
        let entry = rooms.get_mut(&id)?;
        entry.users += 1;
        Some(InUse { registry: self.clone(), room: entry.room.clone() })
    }

    /// Every room that is in use now.
    pub(crate) fn all(self: &Arc<Self>) -> Vec<InUse> {
        let mut rooms = self.rooms.lock();
        let used = |entry: &mut Entry| {
            entry.users += 1;
            InUse { registry: self.clone(), room: entry.room.clone() }
        };
        rooms.values_mut().map(used).collect()
    }

    fn release(&self, id: RoomId) {
        let mut rooms = self.rooms.lock();
        let Some(entry) = rooms.get_mut(&id) else { return };
        entry.users -= 1;
        if entry.users == 0 && entry.room.is_forgettable() {
            rooms.remove(&id);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.rooms.lock().len()
    }
}

impl Deref for InUse {
    type Target = LiveRoom;

    fn deref(&self) -> &LiveRoom {
        &self.room
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.registry.release(self.room.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::surroundings;

    #[test]
    fn a_room_nobody_got_into_is_forgotten_with_its_last_user() {
        let registry = Arc::new(Registry::new(surroundings()));
        let id = RoomId::new();
        assert!(registry.find(id).is_none());
        let first = registry.enter(id);
        let second = registry.find(id).unwrap();
        drop(first);
        assert_eq!(registry.len(), 1);
        drop(second);
        assert_eq!(registry.len(), 0);
    }
}
