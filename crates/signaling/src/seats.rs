//! Where each seat is: the way from a peer of the media plane, or from a login that ended, to the room.

use std::collections::HashMap;

use hubbub_domain::{ParticipantId, RoomId, SessionId, UserId};
use parking_lot::Mutex;

use crate::connection_test;

#[derive(Clone, Copy, Debug)]
struct Place {
    room: RoomId,
    session: SessionId,
    user: UserId,
}

/// Every taken seat of this node. Its lock is held for a look-up only, also while a room's is.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    places: HashMap<ParticipantId, Place>,
    /// How many seats each room in use has; 0 where the first is about to be taken.
    of_room: HashMap<RoomId, usize>,
}

impl Table {
    fn remove(&mut self, seat: ParticipantId) {
        let Some(Place { room, .. }) = self.places.remove(&seat) else { return };
        let Some(count) = self.of_room.get_mut(&room) else { return };
        *count -= 1;
        if *count == 0 {
            self.of_room.remove(&room);
        }
    }
}

impl Seats {
    /// Whether `room` is in use or may be, where `most` rooms may. One that may counts as in use from now on: a seat in it
    /// must follow at once.
    pub(crate) fn open(&self, room: RoomId, most: usize) -> bool {
        let of_room = &mut self.0.lock().of_room;
        if of_room.len() >= most && !of_room.contains_key(&room) {
            return false;
        }
        of_room.entry(room).or_default();
        true
    }

    /// A seat was taken, or has a socket of another login now.
    pub(crate) fn insert(&self, seat: ParticipantId, room: RoomId, session: SessionId, user: UserId) {
        let table = &mut *self.0.lock();
        if table.places.insert(seat, Place { room, session, user }).is_none() {
            *table.of_room.entry(room).or_default() += 1;
        }
    }

    pub(crate) fn remove(&self, seat: ParticipantId) {
        self.0.lock().remove(seat);
    }

    /// The room a seat is in.
    pub(crate) fn room_of(&self, seat: ParticipantId) -> Option<RoomId> {
        self.0.lock().places.get(&seat).map(|place| place.room)
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
        let table = self.0.lock();
        table.places.iter().filter(|(_, place)| wanted(place)).map(|(&seat, place)| (seat, place.room)).collect()
    }

    /// What is taken at the moment.
    pub(crate) fn totals(&self) -> Totals {
        let table = self.0.lock();
        let tests = table.of_room.iter().filter(|(room, _)| connection_test::is_test(**room));
        let (test_rooms, test_seats) = tests.fold((0, 0), |(rooms, seats), (_, here)| (rooms + 1, seats + here));
        let (seats, rooms) = (table.places.len() - test_seats, table.of_room.len() - test_rooms);
        Totals { seats, rooms, tests: test_seats }
    }
}

/// How many seats are taken, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// In rooms.
    pub(crate) seats: usize,
    /// In how many.
    pub(crate) rooms: usize,
    /// In connection tests.
    pub(crate) tests: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_in_use_while_somebody_has_a_seat_there() {
        let (seats, rooms) = (Seats::default(), [RoomId::new(), RoomId::new(), RoomId::new()]);
        let [ada, bob] = [ParticipantId::new(), ParticipantId::new()];
        let sit = |seat, room| seats.insert(seat, room, SessionId::new(), UserId::new());
        assert!(seats.open(rooms[0], 2));
        sit(ada, rooms[0]);
        sit(ada, rooms[0]);
        assert!(seats.open(rooms[1], 2) && seats.open(rooms[0], 2), "one that is in use stays open");
        sit(bob, rooms[1]);
        assert!(!seats.open(rooms[2], 2));
        assert_eq!(seats.totals(), Totals { seats: 2, rooms: 2, tests: 0 });
        seats.remove(ada);
        seats.remove(ada);
        assert_eq!(seats.totals(), Totals { seats: 1, rooms: 1, tests: 0 });
        assert!(seats.open(rooms[2], 2));
    }
}
