//! Rooms, their texts and limits, and who may enter the private ones.

use std::fmt;

use thiserror::Error;

use crate::clock::Timestamp;
use crate::ids::{InviteId, RoomId, UserId};
use crate::text::{self, TextError};
use crate::user::parsed_text;

parsed_text! {
    /// A room's name: 1 to 80 characters, one line.
    RoomName
}
parsed_text! {
    /// What a room is about: up to 500 characters.
    RoomDescription
}

impl RoomName {
    /// Parses a room's name.
    ///
    /// # Errors
    /// [`TextError`] naming what is wrong.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        text::single_line(text, 1, 80).map(Self)
    }
}

impl RoomDescription {
    /// Parses a description; the empty text is one too.
    ///
    /// # Errors
    /// [`TextError`] naming what is wrong.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        text::multi_line(text, 0, 500).map(Self)
    }
}

/// How many people may be in a room at once: 2 to 10 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaxParticipants(u32);

/// A limit outside 2 to what the server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 2 to {most}, is {actual}")]
pub struct MaxParticipantsError {
    /// The most that are allowed.
    pub most: u32,
    /// What was asked for.
    pub actual: i64,
}

impl MaxParticipants {
    /// What a room gets when its creator does not say.
    pub const DEFAULT: Self = Self(100);

    /// More people than one room was ever tried with.
    pub const MOST: u32 = 10_000;

    /// Checks a limit.
    ///
    /// # Errors
    /// [`MaxParticipantsError`] when it is not 2 to 10 000.
    pub fn new(value: i64) -> Result<Self, MaxParticipantsError> {
        Self::within(value, Self::MOST)
    }

    /// Checks a limit against the most that the server allows.
    ///
    /// # Errors
    /// [`MaxParticipantsError`] when it is not 2 to `most`.
    pub fn within(value: i64, most: u32) -> Result<Self, MaxParticipantsError> {
        let most = most.min(Self::MOST);
        match u32::try_from(value) {
            Ok(v) if (2..=most).contains(&v) => Ok(Self(v)),
            _ => Err(MaxParticipantsError { most, actual: value }),
        }
    }

    /// This, or what the server allows where that is less; at least 2.
    #[must_use]
    pub fn at_most(self, most: u32) -> Self {
        Self(self.0.min(most.max(2)))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// How many speakers are forwarded in a room at the same time: 1 to what the server is configured for, 32 at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaxForwardedSpeakers(u32);

/// A number outside 1 to what the server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 1 to {most}, is {actual}")]
pub struct MaxForwardedSpeakersError {
    /// The most that are allowed.
    pub most: u32,
    /// What was asked for.
    pub actual: i64,
}

impl MaxForwardedSpeakers {
    /// More voices than anybody can follow.
    pub const MOST: u32 = 32;

    /// Checks a number against the most that the server forwards.
    ///
    /// # Errors
    /// [`MaxForwardedSpeakersError`] when it is not 1 to `most`.
    pub fn new(value: i64, most: u32) -> Result<Self, MaxForwardedSpeakersError> {
        let most = most.min(Self::MOST);
        match u32::try_from(value) {
            Ok(v) if (1..=most).contains(&v) => Ok(Self(v)),
            _ => Err(MaxForwardedSpeakersError { most, actual: value }),
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// A place where people talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Which.
    pub id: RoomId,
    /// Who made it; the owner moderates it, changes it and deletes it.
    pub owner: UserId,
    /// Its name.
    pub name: RoomName,
    /// What it is about.
    pub description: RoomDescription,
    /// Whether only the owner and those who accepted an invitation may see and enter it.
    pub is_private: bool,
    /// How many people may be in it at once.
    pub max_participants: MaxParticipants,
    /// How many speakers are forwarded at the same time; `None`: as many as the server is configured for.
    pub max_forwarded_speakers: Option<MaxForwardedSpeakers>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of the above last changed.
    pub updated_at: Timestamp,
}

impl Room {
    /// How many speakers are forwarded at the same time by a server that forwards `most`; one that is configured for fewer
    /// than the room wants forwards those.
    #[must_use]
    pub fn forwarded_speakers(&self, most: u32) -> u32 {
        self.max_forwarded_speakers.map_or(most, |wanted| wanted.get().min(most))
    }
}

/// A room as its creator describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRoom {
    /// Its name.
    pub name: RoomName,
    /// What it is about.
    pub description: RoomDescription,
    /// Whether it is private.
    pub is_private: bool,
    /// How many people may be in it at once.
    pub max_participants: MaxParticipants,
    /// How many speakers are forwarded at the same time; `None`: as many as the server is configured for.
    pub max_forwarded_speakers: Option<MaxForwardedSpeakers>,
}

impl NewRoom {
    /// The room as it is when `owner` makes it at `now`.
    #[must_use]
    pub fn made(self, owner: UserId, now: Timestamp) -> Room {
        Room {
            id: RoomId::new(),
            owner,
            name: self.name,
            description: self.description,
            is_private: self.is_private,
            max_participants: self.max_participants,
            max_forwarded_speakers: self.max_forwarded_speakers,
            created_at: now,
            updated_at: now,
        }
    }
}

/// What the owner changes; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomPatch {
    /// New name.
    pub name: Option<RoomName>,
    /// New description.
    pub description: Option<RoomDescription>,
    /// New privacy.
    pub is_private: Option<bool>,
    /// New limit; people already inside stay.
    pub max_participants: Option<MaxParticipants>,
    /// New number of speakers that are forwarded; counts at once for people already inside.
    pub max_forwarded_speakers: Option<MaxForwardedSpeakers>,
}

/// A room, and what stands between one user and it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomAccess {
    /// The room.
    pub room: Room,
    /// Whether the user accepted an invitation to it (the owner needs none).
    pub is_member: bool,
}

/// An invitation to a private room. Only the hash of its token is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Which.
    pub id: InviteId,
    /// Where it leads.
    pub room: RoomId,
    /// Who made it.
    pub created_by: UserId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// How many more people may accept it; `None` is without limit.
    pub uses_left: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speakers_are_one_to_what_the_server_forwards() {
        for (bad, most, expected) in [(0, 8, 8), (-1, 8, 8), (9, 8, 8), (i64::MAX, 8, 8), (33, 1_000, 32)] {
            let error = MaxForwardedSpeakers::new(bad, most).unwrap_err();
            assert_eq!(error, MaxForwardedSpeakersError { most: expected, actual: bad });
        }
        assert_eq!(MaxForwardedSpeakers::new(8, 8).unwrap().get(), 8);
        let error = MaxForwardedSpeakers::new(9, 8).unwrap_err();
        assert_eq!(error.to_string(), "must be 1 to 8, is 9");
    }

    #[test]
    fn limits_are_two_to_ten_thousand() {
        for bad in [i64::MIN, -1, 0, 1, 10_001, i64::MAX] {
            assert_eq!(MaxParticipants::new(bad), Err(MaxParticipantsError { most: 10_000, actual: bad }));
        }
        assert_eq!(MaxParticipants::within(51, 50).unwrap_err().to_string(), "must be 2 to 50, is 51");
        assert_eq!(MaxParticipants::within(50, 50).unwrap().get(), 50);
        assert_eq!(MaxParticipants::within(10_001, u32::MAX).unwrap_err().most, 10_000);
        assert_eq!([50, 100, 200].map(|most| MaxParticipants::DEFAULT.at_most(most).get()), [50, 100, 100]);
        assert_eq!(MaxParticipants::new(2).unwrap().get(), 2);
        assert_eq!(MaxParticipants::new(10_000).unwrap().get(), 10_000);
    }
}
