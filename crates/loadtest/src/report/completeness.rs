//! Whether everybody heard everybody, which loss does not tell: a stream that stops, or never begins, leaves no gap in its
//! sequence numbers.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use crate::engine::{PeerResult, PeerState, Role};
use crate::scenario::Scenario;

/// Of what the others of its room sent, in percent: a peer to which less came is starved. Less would pass a stream that is
/// cut off now and then.
pub(crate) const ENOUGH_PERCENT: f64 = 99.5;
/// The same where the server chooses who is heard: a slot that changes hands may miss a packet each time. Still more than is
/// left when one of eight slots, the default, stays empty.
const ENOUGH_OF_A_CHOICE_PERCENT: f64 = 90.0;
/// What was sent so shortly before counting ends may be under way still. Less would call listeners starved because a machine is
/// busy; more would hide what stops shortly before the end.
const UNDER_WAY: Duration = Duration::from_millis(500);

/// How many peers were starved in the time that was `measured`; `None` where less may come than was sent, and nobody can tell.
/// `pauses`: there is silence in what speakers repeat, which a server need not pass on.
pub(crate) fn starved(scenario: &Scenario, pauses: bool, results: &[PeerResult], measured: Duration) -> Option<usize> {
    let under_way = scenario.find_max.map_or(UNDER_WAY, |search| search.max_latency_p99.max(UNDER_WAY));
    (scenario.is_undisturbed() && !pauses).then(|| count(results, measured, under_way))
}

fn count(results: &[PeerResult], measured: Duration, under_way: Duration) -> usize {
    // Of each room: how many speak, and how many packets they sent. Who has left was counted in another window.
    let mut said: HashMap<Uuid, (u64, u64)> = HashMap::new();
    for speaker in results.iter().filter(|result| is_speaker(result) && result.state != PeerState::Left) {
        let (speakers, packets) = said.entry(speaker.room).or_default();
        *speakers += 1;
        *packets += speaker.packets_sent;
    }
    let late = under_way.as_secs_f64() / measured.as_secs_f64().max(f64::EPSILON);
    let is_starved = |result: &&PeerResult| {
        let (speakers, packets) = said.get(&result.room).copied().unwrap_or_default();
        let (own, own_packets) = if is_speaker(result) { (1, result.packets_sent) } else { (0, 0) };
        heard_too_little(result, speakers - own, packets - own_packets, late)
    };
    results.iter().filter(|result| result.state == PeerState::Connected).filter(is_starved).count()
}

fn is_speaker(result: &PeerResult) -> bool {
    matches!(result.role, Role::Speaker { .. })
}

/// Whether less came to a peer than it should have heard of `others`, who sent so many `packets`; `late` is the share of them that
/// may be under way. What was lost has come in the sense meant here: loss has a figure of its own.
#[expect(clippy::cast_precision_loss, reason = "packets are far fewer than 2^52")]
fn heard_too_little(result: &PeerResult, others: u64, packets: u64, late: f64) -> bool {
    let came: u64 = result.streams.iter().map(|stream| stream.received + stream.lost).sum();
    let slots = result.slots as u64;
    let people_speak = result.streams.iter().any(|stream| stream.foreign > 0);
    let enough = if others > slots || people_speak { ENOUGH_OF_A_CHOICE_PERCENT } else { ENOUGH_PERCENT };
    let should = packets as f64 * slots.min(others) as f64 / others.max(1) as f64;
    (came as f64) < should * (enough / 100.0 - late)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Impairment, JoinTimes, PeerId, Silence, StreamResult, TalkPattern};
    use crate::scenario::FindMax;

    const WINDOW: Duration = Duration::from_secs(30);
    /// What a speaker sends in it.
    const SENT: u64 = 1_500;

    /// Who hears streams of so many packets received and lost.
    fn listener(streams: &[(u64, u64)]) -> PeerResult {
        let stream = |(received, lost): &(u64, u64)| StreamResult {
            received: *received,
            lost: *lost,
            ..StreamResult::default()
        };
        PeerResult {
            id: PeerId(0),
            room: Uuid::nil(),
            role: Role::Listener,
            state: PeerState::Connected,
            join: JoinTimes::default(),
            slots: 8,
            packets_sent: 0,
            send_errors: 0,
            undecryptable: 0,
            streams: streams.iter().map(stream).collect(),
        }
    }

    fn speaker(streams: &[(u64, u64)]) -> PeerResult {
        let role = Role::Speaker { stream: 0, talk: TalkPattern::Continuous };
        PeerResult { role, packets_sent: SENT, ..listener(streams) }
    }

    /// Of those who are in a room with three speakers.
    fn starved_of_three(others: Vec<PeerResult>) -> usize {
        let whole = [(SENT, 0), (SENT, 0)];
        let mut results = vec![speaker(&whole), speaker(&whole), speaker(&whole)];
        results.extend(others);
        count(&results, WINDOW, UNDER_WAY)
    }

    #[test]
    fn streams_that_stop_or_never_begin_starve_whoever_should_hear_them() {
        assert_eq!(starved_of_three(vec![listener(&[(SENT, 0), (SENT, 0), (SENT - 20, 0)])]), 0, "some are under way");
        assert_eq!(starved_of_three(vec![listener(&[(SENT, 0), (SENT, 0)])]), 1, "one of three never begins");
        assert_eq!(starved_of_three(vec![listener(&[(SENT, 0), (SENT, 0), (SENT / 2, 0)])]), 1, "one of three stops");
        assert_eq!(starved_of_three(vec![listener(&[])]), 1, "who hears nothing is among them");
        assert_eq!(count(&[speaker(&[(SENT, 0)]), speaker(&[])], WINDOW, UNDER_WAY), 1, "speakers hear, too");
        assert_eq!(starved_of_three(vec![listener(&[(SENT - 400, 400); 3])]), 0, "what is lost is told by the loss");
    }

    #[test]
    fn only_who_is_there_can_be_starved_and_only_of_its_own_room() {
        let lost = PeerResult { state: PeerState::Lost("timed out".to_owned()), ..listener(&[]) };
        let elsewhere = PeerResult { room: Uuid::from_u128(1), ..listener(&[]) };
        assert_eq!(starved_of_three(vec![lost, elsewhere]), 0);
        let left = PeerResult { state: PeerState::Left, ..speaker(&[]) };
        assert_eq!(starved_of_three(vec![left, listener(&[(SENT, 0); 3])]), 0, "it spoke in another window");
    }

    #[test]
    fn nobody_hears_more_than_there_are_slots() {
        let with_slots = |slots, streams: &[(u64, u64)]| PeerResult { slots, ..listener(streams) };
        assert_eq!(starved_of_three(vec![with_slots(2, &[(SENT - 50, 0); 2])]), 0, "slots change hands");
        assert_eq!(starved_of_three(vec![with_slots(2, &[(SENT, 0)])]), 1, "one of two slots stays empty");
        assert_eq!(starved_of_three(vec![with_slots(3, &[(SENT, 0); 2])]), 1);
    }

    #[test]
    fn what_is_under_way_when_counting_ends_is_not_missed() {
        let results = [speaker(&[]), listener(&[(SENT - 20, 0)]), listener(&[(SENT - 60, 0)])];
        let starved = |under_way| count(&results, WINDOW, under_way);
        assert_eq!((starved(Duration::ZERO), starved(UNDER_WAY), starved(WINDOW)), (2, 1, 0));
    }

    #[test]
    fn it_is_told_only_where_all_that_is_sent_should_come() {
        const PAUSE: Duration = Duration::from_secs(1);
        let results = [speaker(&[]), listener(&[])];
        let told = |change: fn(&mut Scenario)| {
            let mut scenario = Scenario::default();
            change(&mut scenario);
            starved(&scenario, false, &results, WINDOW)
        };
        assert_eq!(told(|_| ()), Some(1));
        assert_eq!(told(|s| s.talk = TalkPattern::Spurts { talk: PAUSE, pause: PAUSE, silence: Silence::Dtx }), None);
        assert_eq!(told(|s| s.churn_per_minute = 1.0), None);
        assert_eq!(told(|s| s.uplink = Impairment { loss: 0.01, ..Impairment::default() }), None);
        assert_eq!(told(|s| s.downlink.delay = PAUSE), None);
        assert_eq!(starved(&Scenario::default(), true, &results, WINDOW), None, "there is silence in the sound");
        let patient = FindMax { max_latency_p99: WINDOW, ..FindMax::default() };
        let patient = Scenario { find_max: Some(patient), ..Scenario::default() };
        assert_eq!(starved(&patient, false, &results, WINDOW), Some(0), "so late is not too late");
    }
}
