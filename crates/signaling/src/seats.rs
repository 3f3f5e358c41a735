//! Where each seat is: the way from a peer of the media plane, or from a login that ended, to the room.

use std::collections::{HashMap, HashSet};

use hubbub_domain::{ParticipantId, RoomId, SessionId, UserId};
use parking_lot::Mutex;

#[derive(Clone, Copy, Debug)]
struct Place {
    room: RoomId,
    session: SessionId,
    user: UserId,
}

/// Every taken seat of this node. Its lock is held for a look-up only, also while a room's is.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<HashMap<ParticipantId, Place>>);

impl Seats {
    /// A seat was taken, or has a socket of another login now.
    pub(crate) fn insert(&self, seat: ParticipantId, room: RoomId, session: SessionId, user: UserId) {
        self.0.lock().insert(seat, Place { room, session, user });
    }

    pub(crate) fn remove(&self, seat: ParticipantId) {
        self.0.lock().remove(&seat);
    }

    /// The room a seat is in.
    pub(crate) fn room_of(&self, seat: ParticipantId) -> Option<RoomId> {
        self.0.lock().get(&seat).map(|place| place.room)
    }

    /// The seats taken with a login.
    pub(crate) fn of_session(&self, session: SessionId) -> Vec<(ParticipantId, RoomId)> {
        self.find(|place| place.session == session)
    }

    /// The seats that a user has, one a room.
    pub(crate) fn of_user(&self, user: UserId) -> Vec<(ParticipantId, RoomId)> {
        self.find(|place| place.user == user)
    }

    fn find(&self, wanted: impl Fn(&Place) -> bool) -> Vec<(ParticipantId, RoomId)> {
        let seats = self.0.lock();
        seats.iter().filter(|(_, place)| wanted(place)).map(|(&seat, place)| (seat, place.room)).collect()
    }

    /// How many seats are taken, and in how many rooms.
    pub(crate) fn totals(&self) -> (usize, usize) {
        let seats = self.0.lock();
        let rooms: HashSet<RoomId> = seats.values().map(|place| place.room).collect();
        (seats.len(), rooms.len())
    }
}
