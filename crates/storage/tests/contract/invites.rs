//! Invitations.

use std::collections::BTreeSet;

use hubbub_domain::storage::{AcceptInvite, Invites, Rooms};
use hubbub_domain::{Invite, InviteId, Room, RoomId, UserId};
use hubbub_storage::Database;

use super::fixtures::{NOW, at, private_room, user};

async fn invite(db: &Database, room: &Room, token_hash: [u8; 32], uses_left: Option<u32>) {
    let invite = Invite {
        id: InviteId::new(),
        room: room.id,
        created_by: room.owner,
        token_hash,
        expires_at: at(60),
        uses_left,
        created_at: NOW,
    };
    db.create_invite(invite).await.unwrap();
}

async fn is_member(db: &Database, room: &Room, user: UserId) -> bool {
    db.room(room.id, user).await.unwrap().unwrap().is_member
}

async fn members(db: &Database, room: RoomId) -> BTreeSet<UserId> {
    db.room_members(room).await.unwrap().into_iter().collect()
}

pub(crate) async fn an_invitation_makes_a_member(db: Database) {
    let ada = user(&db, "ada").await;
    let [bob, eve, zoe] = [user(&db, "bob").await.id, user(&db, "eve").await.id, user(&db, "zoe").await.id];
    let room = private_room(&db, &ada, "Secret").await;
    let accepted = AcceptInvite::Accepted(Box::new(room.clone()));
    invite(&db, &room, [1; 32], Some(2)).await;
    invite(&db, &room, [2; 32], None).await;

    assert_eq!(db.accept_invite([1; 32], bob, at(1)).await.unwrap(), accepted);
    assert!(is_member(&db, &room, bob).await);
    assert_eq!(db.accept_invite([1; 32], bob, at(2)).await.unwrap(), accepted, "once more takes no use");
    assert_eq!(db.accept_invite([1; 32], ada.id, at(2)).await.unwrap(), accepted, "the owner needs none");
    assert!(!is_member(&db, &room, ada.id).await);
    assert_eq!(db.accept_invite([1; 32], eve, at(3)).await.unwrap(), accepted);
    assert_eq!(db.accept_invite([1; 32], zoe, at(4)).await.unwrap(), AcceptInvite::Invalid, "used up");
    assert!(!is_member(&db, &room, zoe).await);
    assert_eq!(db.accept_invite([1; 32], eve, at(4)).await.unwrap(), accepted, "the last one may click again");
    assert_eq!(members(&db, room.id).await, BTreeSet::from([bob, eve]));
    let other = private_room(&db, &ada, "Other").await;
    assert_eq!(members(&db, other.id).await, BTreeSet::new());
    assert_eq!(members(&db, RoomId::new()).await, BTreeSet::new(), "of a room that is not there");

    for (i, guest) in ["one", "two", "three"].into_iter().enumerate() {
        let guest = user(&db, guest).await.id;
        let now = at(i64::try_from(i).unwrap());
        assert_eq!(db.accept_invite([2; 32], guest, now).await.unwrap(), accepted, "without limit");
    }
}

pub(crate) async fn useless_invitations_are_all_the_same(db: Database) {
    let ada = user(&db, "ada").await;
    let bob = user(&db, "bob").await.id;
    let room = private_room(&db, &ada, "Secret").await;
    invite(&db, &room, [1; 32], None).await;
    assert_eq!(db.accept_invite([9; 32], bob, NOW).await.unwrap(), AcceptInvite::Invalid, "unknown");
    assert_eq!(db.accept_invite([1; 32], bob, at(60)).await.unwrap(), AcceptInvite::Invalid, "expired");
    assert!(!is_member(&db, &room, bob).await);
    assert!(matches!(db.accept_invite([1; 32], bob, at(59)).await.unwrap(), AcceptInvite::Accepted(_)));
    db.delete_room(room.id).await.unwrap();
    assert_eq!(db.accept_invite([1; 32], bob, at(1)).await.unwrap(), AcceptInvite::Invalid, "the room is gone");
}

pub(crate) async fn the_last_use_goes_to_one(db: Database) {
    let ada = user(&db, "ada").await;
    let room = private_room(&db, &ada, "Secret").await;
    invite(&db, &room, [1; 32], Some(1)).await;
    let mut guests = Vec::new();
    for i in 0..8 {
        guests.push(user(&db, &format!("guest{i}")).await.id);
    }
    let attempts: Vec<_> = guests
        .iter()
        .map(|&guest| {
            let db = db.clone();
            tokio::spawn(async move { db.accept_invite([1; 32], guest, NOW).await.unwrap() })
        })
        .collect();
    let mut accepted = 0;
    for (attempt, &guest) in attempts.into_iter().zip(&guests) {
        let is_in = attempt.await.unwrap() != AcceptInvite::Invalid;
        assert_eq!(is_member(&db, &room, guest).await, is_in, "a refused guest is no member");
        accepted += usize::from(is_in);
    }
    assert_eq!(accepted, 1);
}

pub(crate) async fn two_tabs_take_one_use(db: Database) {
    let ada = user(&db, "ada").await;
    let [bob, eve] = [user(&db, "bob").await.id, user(&db, "eve").await.id];
    let room = private_room(&db, &ada, "Secret").await;
    invite(&db, &room, [1; 32], Some(2)).await;
    let tabs: Vec<_> = (0..8)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.accept_invite([1; 32], bob, NOW).await.unwrap() })
        })
        .collect();
    for tab in tabs {
        assert!(matches!(tab.await.unwrap(), AcceptInvite::Accepted(_)));
    }
    assert!(matches!(db.accept_invite([1; 32], eve, NOW).await.unwrap(), AcceptInvite::Accepted(_)), "one use is left");
}
