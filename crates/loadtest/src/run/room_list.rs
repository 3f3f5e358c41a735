//! The rooms of a test, and who sits where.

use futures_util::{StreamExt, stream};
use uuid::Uuid;

use crate::engine::Role;
use crate::error::LoadTestError;
use crate::scenario::{LARGEST_ROOM, Rooms, SMALLEST_ROOM, Scenario, Vary};
use crate::session::Session;

/// Rooms that are deleted at the same time.
const AT_ONCE: usize = 8;

/// Which seat is whose. Seats have numbers: with more peers there are more seats, and those there were stay the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seating {
    rooms: usize,
    speakers: usize,
    listeners: usize,
    scenario_talk: crate::engine::TalkPattern,
    by_room: bool,
}

impl Seating {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let by_room = scenario.find_max.as_ref().is_some_and(|search| search.vary == Vary::Rooms);
        Self {
            rooms: scenario.rooms.count(),
            speakers: scenario.speakers,
            listeners: scenario.listeners,
            scenario_talk: scenario.talk,
            by_room,
        }
    }

    /// The room (from 0) and the role of a seat. Room after room when rooms are what is raised; otherwise first the speakers
    /// of all rooms, so that there is something to hear, and then a listener to each room in turn.
    pub(super) fn seat(&self, number: usize) -> (usize, Role) {
        let stream = u32::try_from(number).unwrap_or(u32::MAX);
        let speaker = Role::Speaker { stream, talk: self.scenario_talk };
        if self.by_room {
            let peers = (self.speakers + self.listeners).max(1);
            let role = if number % peers < self.speakers { speaker } else { Role::Listener };
            return (number / peers, role);
        }
        let role = if number < self.rooms * self.speakers { speaker } else { Role::Listener };
        (number % self.rooms.max(1), role)
    }
}

/// The rooms there are.
pub(super) struct RoomList {
    kind: Rooms,
    seats: u32,
    made: Vec<(Session, Uuid)>,
}

impl RoomList {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let raised = scenario.find_max.as_ref().is_some_and(|search| search.vary == Vary::Listeners);
        let seats = if raised { LARGEST_ROOM } else { scenario.peers_per_room().clamp(SMALLEST_ROOM, LARGEST_ROOM) };
        Self { kind: scenario.rooms, seats: u32::try_from(seats).unwrap_or(u32::MAX), made: Vec::new() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        match self.kind {
            Rooms::Existing(_) => 1,
            Rooms::New(_) => self.made.len(),
        }
    }

    /// The id of a room; `None` when it was not made yet.
    pub(super) fn id(&self, room: usize) -> Option<Uuid> {
        match self.kind {
            Rooms::Existing(id) => Some(id),
            Rooms::New(_) => self.made.get(room).map(|(_, id)| *id),
        }
    }

    /// Makes one more, which `owner` owns.
    pub(super) async fn make(&mut self, owner: &Session) -> Result<(), LoadTestError> {
        let name = format!("Load test {}", self.made.len() + 1);
        let id = owner.create_room(&name, self.seats).await?;
        self.made.push((owner.clone(), id));
        Ok(())
    }

    /// Deletes those that were made; how many could not be.
    pub(super) async fn delete(&mut self) -> usize {
        stream::iter(self.made.drain(..))
            .map(|(owner, id)| async move { owner.delete_room(id).await })
            .buffer_unordered(AT_ONCE)
            .filter(|deleted| std::future::ready(deleted.is_err()))
            .count()
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::FindMax;

    fn seats(scenario: &Scenario, count: usize) -> Vec<(usize, bool)> {
        let seating = Seating::of(scenario);
        (0..count).map(|number| seating.seat(number)).map(|(room, role)| (room, role != Role::Listener)).collect()
    }

    #[test]
    fn speakers_come_first_and_listeners_to_each_room_in_turn() {
        let scenario = Scenario { rooms: Rooms::New(2), speakers: 2, listeners: 2, ..Scenario::default() };
        let expected = [(0, true), (1, true), (0, true), (1, true), (0, false), (1, false), (0, false), (1, false)];
        assert_eq!(seats(&scenario, 8), expected);
    }

    #[test]
    fn rooms_are_filled_one_after_the_other_when_more_of_them_are_tried() {
        let find_max = Some(FindMax { vary: Vary::Rooms, ..FindMax::default() });
        let scenario = Scenario { rooms: Rooms::New(1), speakers: 1, listeners: 2, find_max, ..Scenario::default() };
        assert_eq!(seats(&scenario, 5), [(0, true), (0, false), (0, false), (1, true), (1, false)]);
    }

    #[test]
    fn every_speaker_has_a_number_of_its_own() {
        let scenario = Scenario { rooms: Rooms::New(7), speakers: 3, listeners: 0, ..Scenario::default() };
        let seating = Seating::of(&scenario);
        let mut streams: Vec<u32> = (0..21)
            .filter_map(|number| match seating.seat(number).1 {
                Role::Speaker { stream, .. } => Some(stream),
                Role::Listener => None,
            })
            .collect();
        streams.dedup();
        assert_eq!(streams.len(), 21);
    }
}
