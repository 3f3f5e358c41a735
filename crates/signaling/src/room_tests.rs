use hubbub_domain::room::RoomName;

use super::*;
use crate::testing::{NOW, joiner, people as room_for, seated, settings};
use crate::token;

type Socket = &'static str;

fn people(seats: i64) -> People<Socket> {
    room_for(seats)
}

#[test]
fn seats_are_listed_in_order_of_joining() {
    let mut people = people(10);
    let ids: Vec<_> = (0..5).map(|_| seated(&mut people, UserId::new(), "socket")).collect();
    let listed = |most| people.first_participants(most).iter().map(|p| p.id).collect::<Vec<_>>();
    assert_eq!((listed(10), listed(2)), (ids.clone(), ids[..2].to_vec()));
}

#[test]
fn a_full_room_refuses_all_but_those_who_sit_in_it() {
    let mut people = people(2);
    let ada = UserId::new();
    let first = seated(&mut people, ada, "a");
    seated(&mut people, UserId::new(), "b");
    assert_eq!(people.join(joiner(UserId::new(), "c"), NOW).unwrap_err(), Full);
    let again = seated(&mut people, ada, "a2");
    assert_ne!(again, first);
    assert_eq!(people.len(), 2);
}

#[test]
fn a_seat_without_a_socket_counts_until_it_expires() {
    let mut people = people(2);
    let id = seated(&mut people, UserId::new(), "a");
    seated(&mut people, UserId::new(), "b");
    let loss = people.detach(id, &"a").unwrap();
    assert_eq!(people.join(joiner(UserId::new(), "c"), NOW).unwrap_err(), Full);
    assert!(people.expire(id, loss).is_some());
    assert!(people.join(joiner(UserId::new(), "c"), NOW).is_ok());
}

#[test]
fn a_resume_token_gives_the_seat_back_once() {
    let mut people = people(2);
    let user = UserId::new();
    let (_, token) = token::generate();
    let id = match people.join(Joiner { next_resume: token, ..joiner(user, "a") }, NOW).unwrap() {
        Joined::Seated { id, .. } => id,
        other => panic!("{other:?}"),
    };
    people.detach(id, &"a").unwrap();
    let resume = |link| Joiner { resume: Some(token), ..joiner(user, link) };
    match people.join(resume("b"), NOW).unwrap() {
        Joined::Resumed { id: same, displaced } => assert_eq!((same, displaced), (id, None)),
        other => panic!("{other:?}"),
    }
    assert!(people.sits(id, &"b"));
    match people.join(resume("c"), NOW).unwrap() {
        Joined::Seated { id: new, replaced } => {
            assert_ne!(new, id);
            assert_eq!(replaced.unwrap().0, id);
        }
        other => panic!("the token served twice: {other:?}"),
    }
}

#[test]
fn somebody_elses_token_gives_nothing() {
    let mut people = people(3);
    let (_, token) = token::generate();
    let ada = UserId::new();
    people.join(Joiner { next_resume: token, ..joiner(ada, "a") }, NOW).unwrap();
    let thief = Joiner { resume: Some(token), ..joiner(UserId::new(), "t") };
    assert!(matches!(people.join(thief, NOW).unwrap(), Joined::Seated { replaced: None, .. }));
    assert_eq!(people.len(), 2);
}

#[test]
fn a_resume_on_a_new_socket_displaces_one_that_is_half_open() {
    let mut people = people(2);
    let (_, token) = token::generate();
    let user = UserId::new();
    people.join(Joiner { next_resume: token, ..joiner(user, "old") }, NOW).unwrap();
    let joined = people.join(Joiner { resume: Some(token), ..joiner(user, "new") }, NOW).unwrap();
    assert!(matches!(joined, Joined::Resumed { displaced: Some("old"), .. }));
}

#[test]
fn the_timer_of_an_earlier_loss_does_not_end_a_later_one() {
    let mut people = people(2);
    let (_, token) = token::generate();
    let user = UserId::new();
    let Joined::Seated { id, .. } = people.join(Joiner { next_resume: token, ..joiner(user, "a") }, NOW).unwrap()
    else {
        panic!("not seated");
    };
    let first = people.detach(id, &"a").unwrap();
    people.join(Joiner { resume: Some(token), ..joiner(user, "b") }, NOW).unwrap();
    assert!(people.expire(id, first).is_none(), "it came back");
    let second = people.detach(id, &"b").unwrap();
    assert!(people.expire(id, first).is_none(), "that was another loss");
    assert!(people.expire(id, second).is_some());
}

#[test]
fn a_socket_that_lost_its_seat_cannot_detach_it() {
    let mut people = people(2);
    let user = UserId::new();
    let old = seated(&mut people, user, "old");
    let new = seated(&mut people, user, "new");
    assert_eq!(people.detach(old, &"old"), None);
    assert_eq!(people.detach(new, &"old"), None);
}

#[test]
fn own_and_moderators_mutes_are_apart() {
    let mut people = people(2);
    let id = seated(&mut people, UserId::new(), "a");
    let mutes = |own, by_moderator| Some(Mutes { own, by_moderator });
    people.mute_by_moderator(id, true);
    assert_eq!(people.mute_self(id, false), Err(MutedByModerator));
    assert_eq!(people.mutes(id), mutes(false, true));
    people.mute_by_moderator(id, false);
    assert_eq!(people.mutes(id), mutes(true, false), "whether the microphone goes live is theirs to say");
    assert_eq!(people.mute_self(id, false), Ok(()));
    assert_eq!(people.mutes(id), mutes(false, false));
    people.mute_by_moderator(id, false);
    assert_eq!(people.mutes(id), mutes(false, false), "lifting what is not there mutes nobody");
}

#[test]
fn grants_follow_mutes_and_the_muted_still_hear() {
    let mut people = people(2);
    let id = seated(&mut people, UserId::new(), "a");
    assert_eq!(people.grants(id), Grants { speak: true, hear: true, hear_own: false });
    people.mute_by_moderator(id, true);
    assert_eq!(people.grants(id), Grants { speak: false, hear: true, hear_own: false });
    assert_eq!(people.grants(ParticipantId::new()), Grants { speak: false, hear: false, hear_own: false });
}

#[test]
fn a_moderators_mute_outlives_leaving() {
    let mut people = people(2);
    let user = UserId::new();
    let id = seated(&mut people, user, "a");
    people.mute_by_moderator(id, true);
    people.remove(id);
    assert!(!people.is_forgettable());
    let again = seated(&mut people, user, "b");
    assert!(people.participant(again).unwrap().muted_by_moderator);
    people.mute_by_moderator(again, false);
    people.remove(again);
    assert!(people.is_forgettable());
}

#[test]
fn only_the_owner_moderates() {
    let owner = UserId::new();
    let people: People<Socket> = People::new(settings(owner, 2), HashSet::new());
    assert!(people.can_moderate(owner));
    assert!(!people.can_moderate(UserId::new()));
}

#[test]
fn older_settings_do_not_undo_newer_ones() {
    let mut people = people(2);
    let older = people.settings().clone();
    let newer = Room {
        name: RoomName::parse("Coffee").unwrap(),
        updated_at: NOW.plus(std::time::Duration::from_secs(1)),
        ..older.clone()
    };
    assert!(people.update(&newer));
    assert!(!people.update(&older));
    assert_eq!(people.settings().name.as_str(), "Coffee");
    assert!(!people.update(&newer), "nothing to see");
}
