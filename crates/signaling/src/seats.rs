//! Where each seat is: the way from a peer of the media plane, or from a login that ended, to the room.

use std::collections::{HashMap, HashSet};

use hubbub_domain::{ParticipantId, RoomId, SessionId};
use parking_lot::Mutex;

/// Every taken seat of this node. Its lock is held for a look-up only, also while a room's is.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<HashMap<ParticipantId, (RoomId, SessionId)>>);

impl Seats {
    /// A seat was taken, or has a socket of another login now.
    pub(crate) fn insert(&self, seat: ParticipantId, room: RoomId, session: SessionId) {
        self.0.lock().insert(seat, (room, session));
    }

    pub(crate) fn remove(&self, seat: ParticipantId) {
        self.0.lock().remove(&seat);
    }

    /// The room a seat is in.
    pub(crate) fn room_of(&self, seat: ParticipantId) -> Option<RoomId> {
        self.0.lock().get(&seat).map(|&(room, _)| room)
    }

    /// The seats taken with a login.
    pub(crate) fn of_session(&self, session: SessionId) -> Vec<(ParticipantId, RoomId)> {
        let seats = self.0.lock();
        seats.iter().filter(|(_, (_, s))| *s == session).map(|(&seat, &(room, _))| (seat, room)).collect()
    }

    /// How many seats are taken, and in how many rooms.
    pub(crate) fn totals(&self) -> (usize, usize) {
        let seats = self.0.lock();
        let rooms: HashSet<RoomId> = seats.values().map(|&(room, _)| room).collect();
        (seats.len(), rooms.len())
    }
}
