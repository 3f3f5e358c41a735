//! The one answer to "may this user do this to that room?".

use thiserror::Error;

use crate::ids::UserId;
use crate::room::RoomAccess;

/// What somebody wants to do to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See its name, description and who is in it.
    View,
    /// Enter it and listen.
    Join,
    /// Speak in it, unless a moderator muted the participant.
    Speak,
    /// Mute other people in it.
    Moderate,
    /// Invite people into it.
    Invite,
    /// Change its name, description, privacy or limit.
    Update,
    /// Delete it and send everybody out.
    Delete,
}

/// The user may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// The room is private and the user was not invited: not even its name may be told.
    #[error("this room is private; ask its owner for an invitation")]
    Private,
    /// Only the owner may.
    #[error("only the room's owner may do this")]
    OwnerOnly,
}

/// Whether `user` may do `action`.
///
/// # Errors
/// [`Denied`] says what is missing.
pub fn may(user: UserId, action: Action, access: &RoomAccess) -> Result<(), Denied> {
    let owner = access.room.owner == user;
    let inside = owner || access.is_member || !access.room.is_private;
    match action {
        _ if !inside => Err(Denied::Private),
        Action::View | Action::Join | Action::Speak => Ok(()),
        Action::Moderate | Action::Invite | Action::Update | Action::Delete if owner => Ok(()),
        Action::Moderate | Action::Invite | Action::Update | Action::Delete => Err(Denied::OwnerOnly),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::ids::RoomId;
    use crate::room::{MaxParticipants, Room, RoomDescription, RoomName};

    const ALL: [Action; 7] =
        [Action::View, Action::Join, Action::Speak, Action::Moderate, Action::Invite, Action::Update, Action::Delete];

    fn room(owner: UserId, is_private: bool, is_member: bool) -> RoomAccess {
        RoomAccess {
            room: Room {
                id: RoomId::new(),
                owner,
                name: RoomName::parse("Tea").unwrap(),
                description: RoomDescription::parse("").unwrap(),
                is_private,
                max_participants: MaxParticipants::DEFAULT,
                max_forwarded_speakers: None,
                created_at: Timestamp(0),
                updated_at: Timestamp(0),
            },
            is_member,
        }
    }

    #[test]
    fn the_owner_may_do_everything() {
        let owner = UserId::new();
        for private in [false, true] {
            assert!(ALL.iter().all(|&a| may(owner, a, &room(owner, private, false)).is_ok()));
        }
    }

    #[test]
    fn a_stranger_may_do_nothing_to_a_private_room() {
        let stranger = UserId::new();
        assert!(ALL.iter().all(|&a| may(stranger, a, &room(UserId::new(), true, false)) == Err(Denied::Private)));
    }

    #[test]
    fn members_and_guests_of_public_rooms_may_talk_but_not_govern() {
        let user = UserId::new();
        for access in [room(UserId::new(), true, true), room(UserId::new(), false, false)] {
            for action in ALL {
                let expected = match action {
                    Action::View | Action::Join | Action::Speak => Ok(()),
                    _ => Err(Denied::OwnerOnly),
                };
                assert_eq!(may(user, action, &access), expected, "{action:?}");
            }
        }
    }
}
