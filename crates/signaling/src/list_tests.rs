use hubbub_domain::UserId;
use hubbub_protocol::ServerMessage;

use super::*;
use crate::pages::PAGE;
use crate::testing;

fn people(count: usize) -> (People<u32>, Vec<ParticipantId>) {
    let mut people = testing::people(1000);
    let ids = (0..count).map(|_| testing::seated(&mut people, UserId::new(), 0)).collect();
    (people, ids)
}

/// What a client makes of it.
fn read(first: Vec<Participant>, further: &[Utf8Bytes]) -> Vec<Participant> {
    let mut all = first;
    for text in further {
        match serde_json::from_str(text).unwrap() {
            ServerMessage::Participants { participants } => all.extend(participants),
            other => panic!("{other:?}"),
        }
    }
    all
}

#[test]
fn everybody_is_listed_once_however_many_there_are() {
    for count in [1, 2, 15, 16, 17, 18, 40, 300] {
        let (mut people, ids) = people(count);
        for me in [ids[0], ids[count / 2], ids[count - 1]] {
            let (first, further) = of(&mut people, me);
            let on_first = ids.iter().position(|id| *id == me).is_some_and(|place| place < PAGE);
            assert_eq!(first.len(), count.min(PAGE) + usize::from(!on_first), "{count}");
            assert!(first.iter().any(|participant| participant.id == me.0), "{count}");
            let mut listed: Vec<_> = read(first, &further).into_iter().map(|participant| participant.id).collect();
            listed.sort_unstable();
            assert_eq!(listed, ids.iter().map(|id| id.0).collect::<Vec<_>>(), "{count}");
        }
    }
}

#[test]
fn an_entry_is_as_its_participant_is_now() {
    let (mut people, ids) = people(40);
    of(&mut people, ids[0]);
    people.mute_self(ids[30], true).unwrap();
    people.mute_by_moderator(ids[31], true);
    let (first, further) = of(&mut people, ids[0]);
    for participant in read(first, &further) {
        let id = ParticipantId(participant.id);
        assert_eq!(participant, convert::participant_info(people.participant(id).unwrap()));
        assert_eq!(participant.muted, id == ids[30] || id == ids[31]);
    }
}

#[test]
fn the_next_newcomer_gets_the_same_pages_but_those_that_changed() {
    let (mut people, mut ids) = people(100);
    let same = |one: &Utf8Bytes, other: &Utf8Bytes| one.as_ptr() == other.as_ptr();
    let (_, before) = of(&mut people, ids[0]);
    people.mute_self(ids[40], true).unwrap();
    people.remove(ids[70]).unwrap();
    ids.push(testing::seated(&mut people, UserId::new(), 0));
    let (_, after) = of(&mut people, ids[100]);
    let kept: Vec<bool> = before.iter().zip(&after).map(|(one, other)| same(one, other)).collect();
    assert_eq!(kept, [true, false, true, false, true, false]);
    let user = people.seat(ids[20]).unwrap().user;
    assert!(people.update_profile(ids[20], &testing::user(user, "Somebody else")));
    let (_, renamed) = of(&mut people, ids[0]);
    let kept: Vec<bool> = after.iter().zip(&renamed).map(|(one, other)| same(one, other)).collect();
    assert_eq!(kept[..2], [false, true]);
    assert!(renamed[0].contains("Somebody else"));
}
