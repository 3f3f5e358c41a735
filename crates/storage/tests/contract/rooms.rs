//! Rooms.

use hubbub_domain::room::{MaxForwardedSpeakers, MaxParticipants, RoomDescription, RoomName};
use hubbub_domain::storage::{AcceptInvite, Invites, RoomCursor, Rooms};
use hubbub_domain::{Invite, InviteId, NewRoom, Room, RoomAccess, RoomId, RoomPatch, User, UserId};
use hubbub_storage::Database;

use super::fixtures::{NOW, at, new_room, private_room, room, user};

async fn listed(db: &Database, user: UserId, search: Option<&str>) -> Vec<Room> {
    db.rooms(user, search, None, 100).await.unwrap()
}

pub(crate) async fn made_changed_and_deleted(db: Database) {
    let ada = user(&db, "ada").await;
    let bob = user(&db, "bob").await;
    let tea = db.create_room(ada.id, new_room("Tea", "at\nfive", false), 1, NOW).await.unwrap().unwrap();
    assert_eq!((tea.owner, tea.name.as_str(), tea.description.as_str()), (ada.id, "Tea", "at\nfive"));
    assert_eq!((tea.is_private, tea.max_participants), (false, MaxParticipants::DEFAULT));
    assert_eq!((tea.created_at, tea.updated_at), (NOW, NOW));
    assert_eq!(tea.max_forwarded_speakers, None);
    let expected = RoomAccess { room: tea.clone(), is_member: false };
    assert_eq!(db.room(tea.id, bob.id).await.unwrap(), Some(expected));
    assert_eq!(db.room(RoomId::new(), bob.id).await.unwrap(), None);

    let patch = RoomPatch { name: Some(RoomName::parse("Coffee").unwrap()), ..RoomPatch::default() };
    let renamed = db.update_room(tea.id, patch, at(1)).await.unwrap().unwrap();
    assert_eq!(renamed, Room { name: RoomName::parse("Coffee").unwrap(), updated_at: at(1), ..tea.clone() });
    assert_eq!(
        listed(&db, bob.id, Some("coffee five")).await,
        std::slice::from_ref(&renamed),
        "a search sees the new name"
    );
    assert_eq!(listed(&db, bob.id, Some("tea")).await, []);

    let patch = RoomPatch {
        name: None,
        description: Some(RoomDescription::parse("").unwrap()),
        is_private: Some(true),
        max_participants: Some(MaxParticipants::new(10_000).unwrap()),
        max_forwarded_speakers: Some(MaxForwardedSpeakers::new(3, 8).unwrap()),
    };
    let changed = db.update_room(tea.id, patch, at(2)).await.unwrap().unwrap();
    assert_eq!((changed.name.as_str(), changed.description.as_str()), ("Coffee", ""));
    assert_eq!((changed.is_private, changed.max_participants.get()), (true, 10_000));
    assert_eq!(changed.forwarded_speakers(8), 3);
    let nothing = db.update_room(tea.id, RoomPatch::default(), at(3)).await.unwrap().unwrap();
    assert_eq!(nothing, Room { updated_at: at(3), ..changed });
    let one = MaxForwardedSpeakers::new(1, 8).unwrap();
    let quiet = NewRoom { max_forwarded_speakers: Some(one), ..new_room("Quiet", "", false) };
    let quiet = db.create_room(ada.id, quiet, 9, NOW).await.unwrap().unwrap();
    assert_eq!(db.room(quiet.id, ada.id).await.unwrap().unwrap().room, quiet);
    assert_eq!(quiet.max_forwarded_speakers, Some(one));
    assert_eq!(listed(&db, ada.id, Some("five")).await, [], "a search does not see the old description");
    assert_eq!(db.update_room(RoomId::new(), RoomPatch::default(), at(3)).await.unwrap(), None);

    assert!(db.delete_room(tea.id).await.unwrap());
    assert!(!db.delete_room(tea.id).await.unwrap());
    assert_eq!(db.room(tea.id, ada.id).await.unwrap(), None);
    assert_eq!(db.update_room(tea.id, RoomPatch::default(), at(3)).await.unwrap(), None);
}

pub(crate) async fn a_moderators_mute_is_remembered_until_it_is_lifted(db: Database) {
    let [ada, bob, eve] = [user(&db, "ada").await, user(&db, "bob").await, user(&db, "eve").await];
    let (tea, other) = (room(&db, &ada, "Tea", "", NOW).await.id, room(&db, &ada, "Other", "", NOW).await.id);
    for (user, muted) in [(bob.id, true), (bob.id, true), (eve.id, true), (eve.id, false), (eve.id, false)] {
        db.set_room_mute(tea, user, muted).await.unwrap();
    }
    assert_eq!(db.room_mutes(tea).await.unwrap(), [bob.id]);
    assert_eq!(db.room_mutes(other).await.unwrap(), []);
    db.set_room_mute(RoomId::new(), bob.id, true).await.unwrap();
    db.set_room_mute(tea, UserId::new(), true).await.unwrap();
    assert_eq!(db.room_mutes(tea).await.unwrap(), [bob.id]);
    assert!(db.delete_room(tea).await.unwrap());
    assert_eq!(db.room_mutes(tea).await.unwrap(), []);
}

pub(crate) async fn nobody_gets_more_rooms_than_allowed_by_asking_at_once(db: Database) {
    let (ada, bob) = (user(&db, "ada").await, user(&db, "bob").await);
    room(&db, &ada, "The first", "", NOW).await;
    let requests: Vec<_> = (0..20)
        .map(|n| {
            let (db, owner) = (db.clone(), if n < 16 { ada.id } else { bob.id });
            tokio::spawn(
                async move { (owner, db.create_room(owner, new_room("Tea", "", false), 4, NOW).await.unwrap()) },
            )
        })
        .collect();
    let (mut adas, mut bobs) = (Vec::new(), 0);
    for request in requests {
        match request.await.unwrap() {
            (owner, Some(made)) if owner == ada.id => adas.push(made),
            (_, made) => bobs += usize::from(made.is_some()),
        }
    }
    assert_eq!((adas.len(), bobs), (3, 4), "with the first it is four each");
    assert_eq!(listed(&db, ada.id, None).await.len(), 8);

    assert_eq!(db.create_room(ada.id, new_room("Tea", "", false), 4, NOW).await.unwrap(), None);
    assert_eq!(db.room_count().await.unwrap(), 8);
    assert!(db.delete_room(adas[0].id).await.unwrap());
    assert_eq!(db.room_count().await.unwrap(), 7);
    assert!(db.create_room(ada.id, new_room("Tea", "", false), 4, NOW).await.unwrap().is_some(), "one is free again");
    assert_eq!(db.create_room(bob.id, new_room("Tea", "", false), 0, NOW).await.unwrap(), None);
}

pub(crate) async fn private_rooms_are_listed_for_insiders_only(db: Database) {
    let [ada, bob, eve] = [user(&db, "ada").await, user(&db, "bob").await, user(&db, "eve").await];
    let secret = private_room(&db, &ada, "Secret").await;
    let invite = Invite {
        id: InviteId::new(),
        room: secret.id,
        created_by: ada.id,
        token_hash: [5; 32],
        expires_at: at(60),
        uses_left: None,
        created_at: NOW,
    };
    db.create_invite(invite).await.unwrap();
    assert!(matches!(db.accept_invite([5; 32], bob.id, NOW).await.unwrap(), AcceptInvite::Accepted(_)));

    for insider in [&ada, &bob] {
        assert_eq!(listed(&db, insider.id, None).await, std::slice::from_ref(&secret));
        assert_eq!(listed(&db, insider.id, Some("SECRET")).await, std::slice::from_ref(&secret));
    }
    assert_eq!(listed(&db, eve.id, None).await, []);
    assert_eq!(listed(&db, eve.id, Some("secret")).await, []);
    let open = room(&db, &eve, "Open", "", at(1)).await;
    let all = db.all_rooms(None, None, 10).await.unwrap();
    assert_eq!(all, [open.clone(), secret.clone()], "whoever looks after the server sees all");
    let after = Some(RoomCursor { created_at: open.created_at, id: open.id });
    assert_eq!(db.all_rooms(None, after, 10).await.unwrap(), std::slice::from_ref(&secret));
    assert_eq!(db.all_rooms(None, None, 1).await.unwrap(), std::slice::from_ref(&open));
    assert_eq!(db.all_rooms(Some("OPEN"), None, 10).await.unwrap(), std::slice::from_ref(&open));
    assert!(db.delete_room(open.id).await.unwrap());
    let is_member = async |user: &User| db.room(secret.id, user.id).await.unwrap().unwrap().is_member;
    assert_eq!((is_member(&ada).await, is_member(&bob).await, is_member(&eve).await), (false, true, false));

    assert!(db.delete_room(secret.id).await.unwrap(), "members and invitations go with it");
    assert_eq!(listed(&db, bob.id, None).await, []);
    assert_eq!(db.accept_invite([5; 32], eve.id, NOW).await.unwrap(), AcceptInvite::Invalid);
}

pub(crate) async fn pages_follow_each_other_without_gaps(db: Database) {
    let ada = user(&db, "ada").await;
    let mut newest_first = Vec::new();
    for i in 0..25 {
        // Three rooms a moment: the id decides among them.
        newest_first.push(room(&db, &ada, &format!("Room {i}"), "", at(i / 3)).await);
    }
    newest_first.sort_by_key(|room| std::cmp::Reverse((room.created_at, room.id)));
    assert_eq!(listed(&db, ada.id, None).await, newest_first);
    assert_eq!(db.rooms(ada.id, None, None, 0).await.unwrap(), []);

    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = db.rooms(ada.id, None, cursor, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() == 4 || seen.len() + page.len() == 25);
        cursor = Some(RoomCursor { created_at: last.created_at, id: last.id });
        seen.extend(page);
        if seen.len() == 8 {
            room(&db, &ada, "Made while paging", "", at(100)).await;
        }
    }
    assert_eq!(seen, newest_first);
    let after_newest = RoomCursor { created_at: newest_first[0].created_at, id: newest_first[0].id };
    assert_eq!(db.rooms(ada.id, Some("room 7"), Some(after_newest), 100).await.unwrap().len(), 2, "Room 7 and Room 17");
}

pub(crate) async fn words_are_found_ignoring_case_and_diacritics(db: Database) {
    let ada = user(&db, "ada").await;
    room(&db, &ada, "Éclairs & Straßenmusik", "Süßes, jeden Tag", at(1)).await;
    room(&db, &ada, "ЁЛКИ-палки", "", at(2)).await;
    room(&db, &ada, "Καλημέρα ΚΌΣΜΟΣ", "", at(3)).await;
    room(&db, &ada, "日本語カフェ", "Łódź", at(4)).await;
    for (search, names) in [
        ("eclair", vec!["Éclairs & Straßenmusik"]),
        ("E\u{301}CLAIRS", vec!["Éclairs & Straßenmusik"]),
        ("strassen", vec!["Éclairs & Straßenmusik"]),
        ("STRAẞE susses", vec!["Éclairs & Straßenmusik"]),
        ("tag   musik", vec!["Éclairs & Straßenmusik"]),
        ("tag елки", vec![]),
        ("елки", vec!["ЁЛКИ-палки"]),
        ("κοσμος", vec!["Καλημέρα ΚΌΣΜΟΣ"]),
        ("本語", vec!["日本語カフェ"]),
        ("lodz", vec!["日本語カフェ"]),
        ("musik süßes,", vec!["Éclairs & Straßenmusik"]),
        ("nothing", vec![]),
    ] {
        let found = listed(&db, ada.id, Some(search)).await;
        assert_eq!(found.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), names, "{search}");
    }
    for everything in ["", "   "] {
        assert_eq!(listed(&db, ada.id, Some(everything)).await.len(), 4);
    }
}

pub(crate) async fn searches_are_never_patterns(db: Database) {
    let ada = user(&db, "ada").await;
    room(&db, &ada, "100% _real_ \"talk\" \\o/ it's", "", at(1)).await;
    room(&db, &ada, "plain", "", at(2)).await;
    for search in ["%", "_", "100%", "\"talk\"", "\\o/", "it's", "\"", "\\"] {
        assert_eq!(listed(&db, ada.id, Some(search)).await.len(), 1, "{search}");
    }
    for search in
        ["p%n", "pl_in", "*", "plain*", "plain OR real", "NEAR(plain)", "') OR 1=1 --", "\0", "pla\0in\u{1}", "$1"]
    {
        let found = listed(&db, ada.id, Some(search)).await;
        assert!(found.len() <= usize::from(search.contains('\0')) * 2, "{search:?} found {}", found.len());
    }
    let long = "plain ".repeat(10_000);
    assert_eq!(listed(&db, ada.id, Some(&long)).await.len(), 1);
}
