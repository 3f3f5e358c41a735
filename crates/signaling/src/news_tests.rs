use hubbub_domain::UserId;
use hubbub_protocol::RemoveReason;
use uuid::Uuid;

use super::*;
use crate::outbox::Pending;
use crate::testing;

struct Hall {
    people: People<Link>,
    news: News,
    metrics: Metrics,
}

impl Hall {
    fn new() -> Self {
        Self { people: testing::people(100), news: News::default(), metrics: Metrics::default() }
    }

    fn join(&mut self) -> (ParticipantId, Pending) {
        let (link, pending) = Link::new(16, Arc::default());
        let id = testing::seated(&mut self.people, UserId::new(), link);
        self.people.seat_mut(id).unwrap().told = self.news.next();
        (id, pending)
    }

    fn push(&mut self, number: u128, except: Option<ParticipantId>) {
        let message = ServerMessage::RemovePeer { participant_id: Uuid::from_u128(number), reason: RemoveReason::Left };
        self.news.push(message, except);
    }

    fn tell(&mut self) {
        self.news.tell(&mut self.people, &self.metrics, Instant::now());
    }
}

/// The numbers that a socket was told, each write in brackets of its own.
fn told(pending: &mut Pending) -> Vec<Vec<u128>> {
    let mut writes = Vec::new();
    while let Ok(outgoing) = pending.queue.try_recv() {
        let mut texts = Vec::new();
        outgoing.write_to(&mut texts);
        assert!(texts.len() <= 1 || texts.iter().all(|text| text.starts_with(BEGIN)));
        writes.push(texts.iter().flat_map(|text| numbers(serde_json::from_str(text).unwrap())).collect());
    }
    writes
}

fn numbers(message: ServerMessage) -> Vec<u128> {
    match message {
        ServerMessage::News { messages } => {
            assert!((2..=TOGETHER).contains(&messages.len()));
            messages.into_iter().flat_map(numbers).collect()
        }
        ServerMessage::RemovePeer { participant_id, .. } => vec![participant_id.as_u128()],
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_happened_is_told_in_one_write_and_in_its_order() {
    let mut hall = Hall::new();
    let ((ada, mut to_ada), (_, mut to_ben)) = (hall.join(), hall.join());
    hall.push(1, None);
    hall.push(2, Some(ada));
    hall.push(3, None);
    hall.tell();
    assert_eq!(told(&mut to_ada), [vec![1, 3]], "not of her own doing");
    assert_eq!(told(&mut to_ben), [vec![1, 2, 3]]);
    hall.tell();
    assert!(told(&mut to_ada).is_empty() && told(&mut to_ben).is_empty());
    let sent = hall.metrics.snapshot(crate::metrics::Queues::default(), crate::seats::Totals::default()).messages_out;
    assert!(sent.contains(&("remove-peer", 5)) && sent.contains(&("news", 2)), "{sent:?}");
}

#[test]
fn very_much_comes_in_several_messages() {
    let mut hall = Hall::new();
    let (_, mut to_ada) = hall.join();
    for number in 0..250 {
        hall.push(number, None);
    }
    let (_, mut to_ben) = hall.join();
    for number in 250..450 {
        hall.push(number, None);
    }
    hall.tell();
    assert_eq!(told(&mut to_ada), [(0..450).collect::<Vec<u128>>()]);
    assert_eq!(told(&mut to_ben), [(250..450).collect::<Vec<u128>>()]);
}

#[test]
fn who_joins_meanwhile_is_told_only_of_what_comes_after() {
    let mut hall = Hall::new();
    let (_, mut to_ada) = hall.join();
    hall.push(1, None);
    let (_, mut to_ben) = hall.join();
    hall.push(2, None);
    hall.tell();
    assert_eq!(told(&mut to_ada), [vec![1, 2]]);
    assert_eq!(told(&mut to_ben), [vec![2]]);
}

#[test]
fn who_caught_up_is_not_told_twice() {
    let mut hall = Hall::new();
    let ((ada, mut to_ada), (_, mut to_ben)) = (hall.join(), hall.join());
    hall.push(1, None);
    hall.news.catch_up(&mut hall.people, ada, &hall.metrics);
    hall.news.catch_up(&mut hall.people, ada, &hall.metrics);
    assert_eq!(told(&mut to_ada), [vec![1]]);
    hall.push(2, None);
    hall.tell();
    assert_eq!(told(&mut to_ada), [vec![2]]);
    assert_eq!(told(&mut to_ben), [vec![1, 2]]);
}

fn muted(number: u128, muted: bool) -> ServerMessage {
    mute_info(number, muted, false)
}

fn mute_info(number: u128, muted: bool, muted_by_moderator: bool) -> ServerMessage {
    ServerMessage::MuteInfo { reply_to: None, participant_id: Uuid::from_u128(number), muted, muted_by_moderator }
}

/// Every message that a socket was told.
fn messages(pending: &mut Pending) -> Vec<ServerMessage> {
    let mut texts = Vec::new();
    while let Ok(outgoing) = pending.queue.try_recv() {
        outgoing.write_to(&mut texts);
    }
    let read = texts.iter().map(|text| serde_json::from_str(text).unwrap());
    read.flat_map(|message| match message {
        ServerMessage::News { messages } => messages,
        other => vec![other],
    })
    .collect()
}

#[test]
fn who_changes_all_the_time_is_told_of_once_as_they_are_in_the_end() {
    let mut hall = Hall::new();
    let ((ada, mut to_ada), (_, mut to_ben)) = (hall.join(), hall.join());
    for turn in 0..1_000 {
        hall.news.push(muted(7, turn % 2 == 0), Some(ada));
    }
    hall.push(1, None);
    hall.news.push(muted(8, true), None);
    let (_, mut to_cleo) = hall.join();
    hall.news.push(muted(7, true), Some(ada));
    hall.tell();
    let left = ServerMessage::RemovePeer { participant_id: Uuid::from_u128(1), reason: RemoveReason::Left };
    assert_eq!(messages(&mut to_ada), [left.clone(), muted(8, true)]);
    assert_eq!(messages(&mut to_ben), [left, muted(8, true), muted(7, true)]);
    assert_eq!(messages(&mut to_cleo), [muted(7, true)], "the rest was before she came");
    let sent = hall.metrics.snapshot(crate::metrics::Queues::default(), crate::seats::Totals::default()).messages_out;
    assert!(sent.contains(&("mute-info", 4)), "{sent:?}");
}

/// Who has heard of a moderator's mute stays muted when it is lifted (docs/PROTOCOL.md); who has not would speak again.
#[test]
fn a_moderators_mute_is_told_also_when_it_was_lifted_at_once() {
    let mut hall = Hall::new();
    let (_, mut to_ada) = hall.join();
    for (is_muted, by_moderator) in [(false, false), (true, true), (true, false)] {
        hall.news.push(mute_info(7, is_muted, by_moderator), None);
    }
    hall.tell();
    assert_eq!(messages(&mut to_ada), [mute_info(7, true, true), muted(7, true)]);
}

#[test]
fn what_somebody_was_told_before_or_somebody_else_is_to_hear_stays() {
    let mut hall = Hall::new();
    let ((ada, mut to_ada), (_, mut to_ben)) = (hall.join(), hall.join());
    hall.news.push(muted(7, true), None);
    hall.news.catch_up(&mut hall.people, ada, &hall.metrics);
    assert_eq!(messages(&mut to_ada), [muted(7, true)]);
    hall.news.push(muted(7, false), Some(ada));
    hall.tell();
    assert!(messages(&mut to_ada).is_empty());
    assert_eq!(messages(&mut to_ben), [muted(7, true), muted(7, false)], "the first was for Ada, too");
    hall.news.push(muted(7, true), None);
    hall.tell();
    assert_eq!(messages(&mut to_ada), [muted(7, true)], "what was told is not touched by what comes later");
}

#[test]
fn few_people_never_wait_and_many_never_long() {
    assert_eq!(window(2), Duration::ZERO);
    assert_eq!(window(FEW), Duration::ZERO);
    assert_eq!(window(300), Duration::from_millis(150));
    assert_eq!(window(1_000_000), WINDOW_MAX);
    let mut hall = Hall::new();
    assert_eq!(hall.news.due(300), None, "the first is told at once");
    hall.tell();
    assert!(hall.news.due(300).unwrap() > hall.news.due(2).unwrap());
}
