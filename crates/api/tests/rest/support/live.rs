//! Who is in which room, as a test says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hubbub_domain::{
    AuditRoom, AuditUser, Client, LiveParticipant, LivePeer, LiveRoom, LiveRooms, MediaLink, MediaRoute, ParticipantId,
    PeerMedia, RoomId, Seated, Supervision, Timestamp, UserId,
};
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
    pub(crate) fn seat(&self, room: RoomId, username: &str, muted_by_moderator: bool) -> ParticipantId {
        let id = ParticipantId::new();
        self.seats.lock().entry(room).or_default().push(LiveParticipant {
            id,
            user: UserId::new(),
            username: username.to_owned(),
            display_name: username.to_uppercase(),
            avatar_version: None,
            muted: muted_by_moderator,
            muted_by_moderator,
            joined_at: Timestamp(1_795_255_200_000_000),
        });
        id
    }
}

#[async_trait]
impl LiveRooms for FakeLiveRooms {
    async fn counts(&self, rooms: &[RoomId]) -> Vec<u32> {
        let live = self.seats.lock();
        rooms.iter().map(|room| live.get(room).map_or(0, |seats| u32::try_from(seats.len()).unwrap())).collect()
    }

    async fn first_participants(&self, room: RoomId, most: usize) -> (Vec<LiveParticipant>, u32) {
        self.feel().await;
        let live = self.seats.lock();
        let Some(seats) = live.get(&room) else { return (Vec::new(), 0) };
        (seats.iter().take(most).cloned().collect(), u32::try_from(seats.len()).unwrap())
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Everybody came with the same and is heard the same.
#[async_trait]
impl Supervision for FakeLiveRooms {
    async fn rooms(&self) -> Vec<LiveRoom> {
        let live = self.seats.lock();
        live.iter().filter(|(_, seats)| !seats.is_empty()).map(|(&id, seats)| describe(id, seats)).collect()
    }

    async fn peers(&self, room: RoomId, after: Option<ParticipantId>, limit: usize) -> Vec<LivePeer> {
        let (seats, _) = self.first_participants(room, usize::MAX).await;
        let later = seats.into_iter().filter(|seat| after.is_none_or(|after| seat.id > after));
        let link = MediaLink { bitrate: 32_000, loss: Some(0.025), jitter: Some(Duration::from_micros(3_460)) };
        let media = PeerMedia {
            connected: true,
            route: Some(MediaRoute { tcp: false, ipv6: true, relayed: false }),
            round_trip: Some(Duration::from_micros(23_040)),
            speaks: true,
            uplink: link,
            downlink: MediaLink::default(),
        };
        let client = Client { browser: Some("Firefox 143".to_owned()), system: None };
        later
            .map(|participant| LivePeer {
                participant,
                online: true,
                client: client.clone(),
                media: Some(media.clone()),
            })
            .take(limit)
            .collect()
    }

    async fn room(&self, room: RoomId) -> Option<LiveRoom> {
        self.seats.lock().get(&room).filter(|seats| !seats.is_empty()).map(|seats| describe(room, seats))
    }

    async fn seated(&self, participant: ParticipantId) -> Option<Seated> {
        let live = self.seats.lock();
        live.iter().find_map(|(&id, seats)| {
            let seat = seats.iter().find(|seat| seat.id == participant)?;
            let user = AuditUser { id: seat.user, username: seat.username.clone() };
            Some(Seated { room: AuditRoom { id, name: "Tea".to_owned() }, user })
        })
    }

    async fn kick(&self, participant: ParticipantId) -> bool {
        self.seats.lock().values_mut().any(|seats| {
            let before = seats.len();
            seats.retain(|seat| seat.id != participant);
            seats.len() < before
        })
    }

    async fn set_muted(&self, participant: ParticipantId, muted: bool) -> bool {
        let mut live = self.seats.lock();
        let Some(seat) = live.values_mut().flatten().find(|seat| seat.id == participant) else { return false };
        (seat.muted, seat.muted_by_moderator) = (true, muted);
        true
    }

    async fn close(&self, room: RoomId) -> u32 {
        self.seats.lock().remove(&room).map_or(0, |seats| u32::try_from(seats.len()).unwrap())
    }
}

fn describe(id: RoomId, seats: &[LiveParticipant]) -> LiveRoom {
    LiveRoom {
        id,
        name: "Tea".to_owned(),
        owner: UserId::new(),
        is_private: true,
        max_participants: 100,
        participants: u32::try_from(seats.len()).unwrap(),
        since: seats[0].joined_at,
    }
}
