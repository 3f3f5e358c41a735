//! The one answer to "may this user do this to that room?", and to "may this user do this to the server?".

use thiserror::Error;

use crate::ids::UserId;
use crate::room::RoomAccess;
use crate::user::{Role, User};

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
    /// Only an admin of the server may.
    #[error("only admins of this server may do this")]
    AdminsOnly,
    /// Admins do this to others only, so that nobody shuts themselves out by a slip of the mouse.
    #[error("you cannot do this to yourself; ask another admin")]
    NotToOneself,
}

/// What an admin does to the server as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminAction {
    /// See who has an account, with addresses.
    ViewUsers,
    /// See who is in which room, private ones too, and how their audio gets through.
    ViewLive,
    /// Read the audit log.
    ViewAudit,
    /// Let an address count as proved.
    Verify(UserId),
    /// Keep somebody out, or let them in again.
    Block(UserId),
    /// End all of somebody's logins.
    EndSessions(UserId),
    /// Make somebody an admin, or an admin somebody who is not.
    ChangeRole(UserId),
    /// Send somebody out of a room, or mute them there.
    Moderate,
    /// Send everybody out of a room, or delete it.
    CloseRoom,
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

/// Whether `user` may do `action` to the server.
///
/// # Errors
/// [`Denied`] says what is missing.
pub fn may_administer(user: &User, action: AdminAction) -> Result<(), Denied> {
    if user.role != Role::Admin || user.blocked_at.is_some() || !user.email_verified {
        return Err(Denied::AdminsOnly);
    }
    match action {
        AdminAction::Block(target) | AdminAction::ChangeRole(target) if target == user.id => Err(Denied::NotToOneself),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::ids::RoomId;
    use crate::room::{MaxParticipants, Room, RoomDescription, RoomName};
    use crate::user::{Bio, DisplayName, Email, Username};

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

    fn user(role: Role) -> User {
        let username = Username::parse("ada").unwrap();
        User {
            id: UserId::new(),
            email: Email::parse("ada@example.org").unwrap(),
            email_verified: true,
            display_name: DisplayName::from(&username),
            username,
            bio: Bio::parse("").unwrap(),
            avatar_version: None,
            role,
            blocked_at: None,
            created_at: Timestamp(0),
        }
    }

    fn every_admin_action(target: UserId) -> [AdminAction; 9] {
        [
            AdminAction::ViewUsers,
            AdminAction::ViewLive,
            AdminAction::ViewAudit,
            AdminAction::Verify(target),
            AdminAction::Block(target),
            AdminAction::EndSessions(target),
            AdminAction::ChangeRole(target),
            AdminAction::Moderate,
            AdminAction::CloseRoom,
        ]
    }

    #[test]
    fn only_an_admin_who_can_log_in_looks_after_the_server() {
        let admin = user(Role::Admin);
        let blocked = User { blocked_at: Some(Timestamp(1)), ..user(Role::Admin) };
        let unproved = User { email_verified: false, ..user(Role::Admin) };
        for action in every_admin_action(UserId::new()) {
            assert_eq!(may_administer(&admin, action), Ok(()), "{action:?}");
            for nobody in [&user(Role::Member), &blocked, &unproved] {
                assert_eq!(may_administer(nobody, action), Err(Denied::AdminsOnly), "{action:?}");
            }
        }
    }

    #[test]
    fn admins_neither_block_themselves_nor_change_their_own_role() {
        let admin = user(Role::Admin);
        for action in every_admin_action(admin.id) {
            let refused = matches!(action, AdminAction::Block(_) | AdminAction::ChangeRole(_));
            let expected = if refused { Err(Denied::NotToOneself) } else { Ok(()) };
            assert_eq!(may_administer(&admin, action), expected, "{action:?}");
        }
    }

    #[test]
    fn being_an_admin_opens_no_private_room() {
        // `may` does not ask for the role: a call is private to those inside, and admins look after it from outside.
        let admin = user(Role::Admin);
        let access = room(UserId::new(), true, false);
        assert!(ALL.iter().all(|&action| may(admin.id, action, &access) == Err(Denied::Private)));
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
