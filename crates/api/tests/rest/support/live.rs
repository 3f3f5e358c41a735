//! Who is in which room, as a test says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use hubbub_domain::{LiveParticipant, LiveRooms, ParticipantId, RoomId, Timestamp, UserId};
use parking_lot::Mutex;

#[derive(Default)]
pub(crate) struct FakeLiveRooms {
    seats: Mutex<HashMap<RoomId, Vec<LiveParticipant>>>,
    mood: Mutex<Mood>,
    draining: AtomicBool,
}

/// What happens when it is asked.
#[derive(Clone, Copy, Default)]
pub(crate) enum Mood {
    #[default]
    Answers,
    Panics,
    Hangs,
}

impl FakeLiveRooms {
    /// What happens from now on.
    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    /// The server is about to end.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    async fn feel(&self) {
        let mood = *self.mood.lock();
        match mood {
            Mood::Answers => {}
            Mood::Panics => panic!("broken by a test"),
            Mood::Hangs => std::future::pending().await,
        }
    }

    /// Seats somebody.
    pub(crate) fn seat(&self, room: RoomId, username: &str, muted_by_moderator: bool) {
        self.seats.lock().entry(room).or_default().push(LiveParticipant {
            id: ParticipantId::new(),
            user: UserId::new(),
            username: username.to_owned(),
            display_name: username.to_uppercase(),
            avatar_version: None,
            muted: muted_by_moderator,
            muted_by_moderator,
            joined_at: Timestamp(1_795_255_200_000_000),
        });
    }
}

#[async_trait]
impl LiveRooms for FakeLiveRooms {
    async fn counts(&self, rooms: &[RoomId]) -> Vec<u32> {
        let live = self.seats.lock();
        rooms.iter().map(|room| live.get(room).map_or(0, |seats| u32::try_from(seats.len()).unwrap())).collect()
    }

    async fn participants(&self, room: RoomId) -> Vec<LiveParticipant> {
        self.feel().await;
        self.seats.lock().get(&room).cloned().unwrap_or_default()
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
