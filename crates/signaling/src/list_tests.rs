use std::collections::HashSet;

use hubbub_domain::UserId;
use hubbub_protocol::ServerMessage;

use super::*;
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
            assert_eq!(first.len(), count.min(IN_JOINED), "{count}");
            assert!(first.iter().any(|participant| participant.id == me.0), "{count}");
            assert!(further.iter().all(|text| text.len() <= BEGIN.len() + MESSAGE_BYTES + END.len() + 1));
            let listed: HashSet<_> = read(first, &further).into_iter().map(|participant| participant.id).collect();
            assert_eq!(listed, ids.iter().map(|id| id.0).collect(), "{count}");
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
