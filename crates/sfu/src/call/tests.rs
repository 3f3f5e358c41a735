mod traces;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const BOTH: Grants = Grants { speak: true, hear: true, hear_own: false };

/// A call on a clock of its own, and what its listeners were told.
struct Scene {
    call: Call,
    now: Instant,
    members: BTreeMap<usize, MemberKey>,
    told: BTreeMap<(usize, u8), Option<PeerId>>,
    events: usize,
    lists: Vec<Vec<PeerId>>,
    list_times: Vec<Instant>,
    due: Option<Instant>,
}

impl Scene {
    /// Members 0 to `members` - 1 with `slots` slots each.
    fn new(members: usize, slots: usize, max_slots: usize) -> Self {
        let mut scene = Self {
            call: Call::new(CallId(1), max_slots),
            now: Instant::now(),
            members: BTreeMap::new(),
            told: BTreeMap::new(),
            events: 0,
            lists: Vec::new(),
            list_times: Vec::new(),
            due: None,
        };
        for peer in 0..members {
            scene.join(peer, slots);
        }
        scene
    }

    fn join(&mut self, peer: usize, slots: usize) {
        let member = self.change(|call, changes| call.join(peer, PeerId(peer as u128), BOTH, changes));
        self.members.insert(peer, member);
        self.change(|call, changes| call.set_slots(member, slots, changes));
    }

    fn leave(&mut self, peer: usize) {
        let member = self.members.remove(&peer).expect("a member");
        self.told.retain(|(listener, _), _| *listener != peer);
        self.change(|call, changes| call.leave(member, changes));
    }

    fn grant(&mut self, peer: usize, grants: Grants) {
        let member = self.members[&peer];
        self.change(|call, changes| call.set_grants(member, grants, changes));
    }

    fn change<T>(&mut self, act: impl FnOnce(&mut Call, &mut Vec<SlotChange>) -> T) -> T {
        let mut changes = Vec::new();
        let result = act(&mut self.call, &mut changes);
        self.events += changes.len();
        for change in changes {
            self.told.insert((change.listener, change.slot), change.speaker);
        }
        result
    }

    fn packet(&mut self, peer: usize, dbov: i8) -> Result<(), DropReason> {
        let (now, member) = (self.now, self.members[&peer]);
        let level = AudioLevel { attenuation: dbov.unsigned_abs(), voice: true };
        self.change(|call, changes| call.on_packet(now, member, Some(level), changes))
    }

    /// 20 ms in which each of these sends a packet.
    fn step(&mut self, levels: &[(usize, i8)]) -> Vec<Result<(), DropReason>> {
        self.now += Duration::from_millis(20);
        let results = levels.iter().map(|(peer, dbov)| self.packet(*peer, *dbov)).collect();
        self.tick();
        results
    }

    fn steps(&mut self, count: usize, levels: &[(usize, i8)]) {
        for _ in 0..count {
            self.step(levels);
        }
    }

    fn tick(&mut self) {
        let now = self.now;
        if self.call.next_tick().is_some_and(|due| due <= now) {
            let list = self.change(|call, changes| call.tick(now, changes));
            if let Some(list) = list {
                self.lists.push(list.iter().map(|(peer, _)| *peer).collect());
                self.list_times.push(now);
            }
        }
        self.due = self.call.next_tick();
    }

    /// Whom a listener hears, as it was told.
    fn hears(&self, listener: usize) -> BTreeSet<usize> {
        let told = self.told.iter().filter(|((of, _), _)| *of == listener);
        told.filter_map(|(_, speaker)| speaker.map(|peer| usize::try_from(peer.0).expect("small"))).collect()
    }

    fn slot_of(&self, listener: usize, speaker: usize) -> Option<u8> {
        let told =
            self.told.iter().find(|((of, _), heard)| *of == listener && **heard == Some(PeerId(speaker as u128)));
        told.map(|((_, slot), _)| *slot)
    }
}

#[test]
fn the_first_syllable_reaches_everybody() {
    let mut scene = Scene::new(3, 4, 8);
    assert_eq!(scene.step(&[(0, -90)]), [Err(DropReason::Silence)]);
    assert_eq!(scene.step(&[(0, -35)]), [Ok(())]);
    assert_eq!((scene.hears(1), scene.hears(2)), ([0].into(), [0].into()));
    assert!(scene.hears(0).is_empty(), "nobody hears himself");
}

#[test]
fn listeners_are_looked_through_once_when_everybody_falls_silent_together() {
    let (people, slots) = (60, 8);
    let mut scene = Scene::new(people, slots, slots);
    let all: Vec<(usize, i8)> = (0..people).map(|peer| (peer, -30)).collect();
    scene.steps(50, &all);
    let before = scene.events;
    scene.steps(100, &[]);
    assert!(!scene.call.ranking.anybody_speaks());
    assert!(scene.events - before <= people * slots, "{} changes, not one a slot", scene.events - before);
    for listener in 0..people {
        let expected = scene.call.ranking.members().filter(|member| *member != scene.members[&listener]).take(slots);
        let expected = expected.map(|member| usize::try_from(scene.call.members[member].id.0).expect("small"));
        assert_eq!(scene.hears(listener), expected.collect(), "{listener}");
    }
}

#[test]
fn with_no_more_speakers_than_slots_everybody_keeps_his_slot() {
    let mut scene = Scene::new(5, 3, 8);
    scene.steps(50, &[(0, -30)]);
    scene.steps(50, &[(1, -30)]);
    scene.steps(50, &[(2, -30)]);
    let before = scene.events;
    for _ in 0..5 {
        scene.steps(100, &[(2, -20), (0, -90)]);
        scene.steps(100, &[(0, -40), (1, -25)]);
        scene.steps(100, &[]);
    }
    assert_eq!(scene.events, before, "nothing to tell anybody");
    assert_eq!(scene.hears(4), [0, 1, 2].into());
}

#[test]
fn two_alternating_speakers_never_lose_their_slots() {
    let mut scene = Scene::new(4, 2, 2);
    scene.steps(10, &[(0, -30)]);
    scene.steps(10, &[(1, -30)]);
    let before = scene.events;
    for _ in 0..20 {
        scene.steps(80, &[(0, -30), (1, -80)]);
        scene.steps(80, &[(0, -80), (1, -30)]);
    }
    assert_eq!(scene.events, before);
}

#[test]
fn a_cough_takes_nobodys_slot_and_a_louder_speaker_does() {
    let mut scene = Scene::new(4, 1, 1);
    scene.steps(50, &[(0, -35)]);
    scene.steps(15, &[(0, -35), (1, -10)]);
    scene.steps(50, &[(0, -35), (1, -90)]);
    assert_eq!(scene.hears(3), [0].into(), "300 ms of cough");
    scene.steps(100, &[(0, -35), (1, -15)]);
    assert_eq!(scene.hears(3), [1].into(), "2 s of louder speech");
    assert_eq!(scene.hears(1), [0].into(), "who is heard by the others hears the next one");
}

#[test]
fn equally_loud_speakers_do_not_flap() {
    let mut scene = Scene::new(4, 1, 1);
    scene.steps(50, &[(0, -30)]);
    let before = scene.events;
    for n in 0..1000 {
        let wobble = if n % 40 < 20 { 3 } else { -3 };
        scene.step(&[(0, -30 + wobble), (1, -30 - wobble)]);
    }
    let changed = scene.events - before;
    assert!(changed <= 1, "{changed} changes: only the first speaker's own slot may be filled");
}

#[test]
fn steady_music_keeps_its_slot() {
    let mut scene = Scene::new(3, 2, 2);
    scene.steps(50, &[(0, -20)]);
    let before = scene.events;
    let passed = (0..3000).flat_map(|_| scene.step(&[(0, -20)])).all(|result| result.is_ok());
    assert!(passed);
    assert_eq!(scene.events, before);
}

#[test]
fn twenty_people_and_eight_slots() {
    let mut scene = Scene::new(20, 8, 8);
    let all: Vec<(usize, i8)> =
        (0..20).map(|peer| (peer, -60 + 2 * peer as i8)).map(|(p, l)| (p, l.max(-50))).collect();
    scene.steps(1000, &all);
    for listener in 0..20 {
        let heard = scene.hears(listener);
        assert_eq!(heard.len(), 8, "listener {listener}");
        assert!(!heard.contains(&listener));
    }
    let heard = scene.hears(0);
    assert!((17..20).all(|loud| heard.contains(&loud)), "the loudest are heard: {heard:?}");
    let before = scene.events;
    scene.steps(500, &all);
    assert_eq!(scene.events, before, "it settles");
}

#[test]
fn who_was_quiet_longest_makes_room() {
    let mut scene = Scene::new(6, 2, 2);
    scene.steps(10, &[(0, -30)]);
    scene.steps(60, &[(1, -30)]);
    let slot = scene.slot_of(5, 1);
    scene.step(&[(2, -30)]);
    assert_eq!(scene.hears(5), [1, 2].into());
    assert_eq!(scene.slot_of(5, 1), slot, "the other one keeps his slot");
}

#[test]
fn no_grant_no_packet_and_the_slot_is_kept() {
    let mut scene = Scene::new(3, 2, 2);
    scene.step(&[(0, -30)]);
    scene.grant(0, Grants { speak: false, hear: true, hear_own: false });
    assert_eq!(scene.step(&[(0, -30)]), [Err(DropReason::NoGrant)]);
    scene.steps(100, &[]);
    assert_eq!(scene.hears(1), [0].into());
    scene.grant(0, BOTH);
    assert_eq!(scene.step(&[(0, -30)]), [Ok(())], "the next packet after the grant");
}

#[test]
fn who_tests_the_connection_hears_oneself() {
    let own = Grants { hear_own: true, ..BOTH };
    let mut scene = Scene::new(1, 2, 2);
    assert_eq!(scene.step(&[(0, -30)]), [Err(DropReason::NotSelected)], "nobody hears it");
    scene.grant(0, own);
    assert_eq!(scene.hears(0), [0].into());
    assert_eq!(scene.step(&[(0, -30)]), [Ok(())]);
    scene.grant(0, Grants { hear: false, ..own });
    assert!(scene.hears(0).is_empty());
    scene.grant(0, BOTH);
    assert!(scene.hears(0).is_empty());
    // Among others too, who do not hear themselves.
    let mut scene = Scene::new(3, 2, 2);
    scene.grant(0, own);
    scene.steps(5, &[(0, -30), (1, -30)]);
    assert_eq!(scene.hears(0), [0, 1].into());
    assert_eq!(scene.hears(1), [0].into());
    scene.leave(0);
    assert!(scene.hears(1).is_empty());
}

#[test]
fn the_deafened_hear_nobody_until_they_may() {
    let mut scene = Scene::new(3, 2, 2);
    scene.step(&[(0, -30)]);
    scene.grant(1, Grants { speak: true, hear: false, hear_own: false });
    assert!(scene.hears(1).is_empty());
    scene.step(&[(2, -30)]);
    assert!(scene.hears(1).is_empty());
    scene.grant(1, BOTH);
    assert_eq!(scene.hears(1), [0, 2].into());
}

#[test]
fn who_comes_late_hears_who_speaks_and_who_leaves_is_heard_no_more() {
    let mut scene = Scene::new(3, 2, 2);
    scene.steps(5, &[(0, -30)]);
    scene.join(3, 2);
    assert_eq!(scene.hears(3), [0].into());
    scene.leave(0);
    assert!(scene.hears(3).is_empty());
    assert!(scene.hears(1).is_empty());
}

#[test]
fn a_listener_with_fewer_slots_hears_the_first_ones() {
    let mut scene = Scene::new(4, 3, 3);
    scene.join(4, 1);
    scene.step(&[(0, -30)]);
    scene.step(&[(0, -30), (1, -30)]);
    assert_eq!((scene.hears(4), scene.hears(3)), ([0].into(), [0, 1].into()));
    scene.steps(60, &[(1, -30)]);
    assert_eq!(scene.hears(4), [1].into(), "the one who still speaks comes first");
}

#[test]
fn only_as_many_speakers_as_the_call_may_have_are_forwarded() {
    let mut scene = Scene::new(6, 4, 4);
    let everybody = [(0, -30), (1, -30), (2, -30), (3, -30)];
    scene.steps(20, &everybody);
    assert_eq!((scene.hears(5), scene.hears(0)), ([0, 1, 2, 3].into(), [1, 2, 3].into()));

    let before = scene.events;
    scene.change(|call, changes| call.set_max_speakers(2, changes));
    assert_eq!(scene.hears(5), [0, 1].into(), "at once, without any packet");
    assert_eq!((scene.hears(0), scene.hears(1), scene.hears(2)), ([1].into(), [0].into(), [0, 1].into()));
    assert_eq!(scene.events - before, 10, "one or two slots of each are emptied, and no other is touched");
    let expected = [Ok(()), Ok(()), Err(DropReason::NotSelected), Err(DropReason::NotSelected)];
    assert_eq!(scene.step(&everybody), expected);
    let before = scene.events;
    scene.change(|call, changes| call.set_max_speakers(2, changes));
    assert_eq!(scene.events, before, "the same again is no change");

    scene.join(6, 1);
    assert_eq!(scene.hears(6), [0].into(), "fewer slots still hear fewer");
    scene.steps(60, &[(1, -30), (2, -30)]);
    assert_eq!(scene.hears(5), [1, 2].into(), "who fell silent makes room");
    scene.change(|call, changes| call.set_max_speakers(0, changes));
    assert_eq!(scene.hears(5).len(), 1, "one at least");
    scene.change(|call, changes| call.set_max_speakers(usize::MAX, changes));
    assert_eq!(scene.hears(5), [0, 1, 2, 3].into(), "and as many as there are slots at most");
    scene.steps(10, &everybody);
    assert_eq!(scene.hears(0), [1, 2, 3].into());
}

#[test]
fn a_louder_speaker_gets_into_a_call_that_forwards_one() {
    let mut scene = Scene::new(4, 3, 3);
    scene.change(|call, changes| call.set_max_speakers(1, changes));
    scene.steps(50, &[(0, -30)]);
    scene.steps(20, &[(0, -30), (1, -30)]);
    assert_eq!((scene.hears(3), scene.hears(0)), ([0].into(), BTreeSet::new()));
    scene.steps(100, &[(0, -30), (1, -10)]);
    assert_eq!((scene.hears(3), scene.hears(0), scene.hears(1)), ([1].into(), [1].into(), BTreeSet::new()));
}

#[test]
fn a_joining_listener_costs_the_same_in_any_room() {
    for size in [2, 2000] {
        let mut scene = Scene::new(size, 4, 4);
        scene.step(&[(0, -30), (1, -30)]);
        let before = scene.events;
        scene.join(size, 4);
        assert_eq!(scene.events - before, 2, "one change a speaker, none for others");
    }
}

#[test]
fn the_list_of_speakers_comes_at_most_five_times_a_second_and_ends_empty() {
    let mut scene = Scene::new(3, 2, 2);
    for n in 0..200i32 {
        // Half a second loud, half a second soft.
        scene.step(&[(0, if n / 25 % 2 == 0 { -30 } else { -50 }), (1, -25)]);
    }
    let gaps: Vec<_> = scene.list_times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= Duration::from_millis(200)), "{gaps:?}");
    assert!(scene.lists.len() >= 5, "levels are kept up to date");
    assert_eq!(scene.lists.last().map(|list| list.first().copied()), Some(Some(PeerId(1))), "loudest first");
    scene.steps(100, &[]);
    assert_eq!(scene.lists.last(), Some(&Vec::new()));
    assert_eq!(scene.due, None, "nothing is due in a silent call");
}

#[test]
fn the_list_of_speakers_names_the_loudest_only() {
    let mut scene = Scene::new(60, 2, 2);
    let levels: Vec<(usize, i8)> = (0..60).map(|peer| (peer, -20 - i8::try_from(peer / 2).expect("small"))).collect();
    scene.steps(100, &levels);
    let list = scene.lists.last().expect("a list");
    assert_eq!(list.len(), speakers::LISTED_MAX);
    assert!(list.iter().all(|peer| peer.0 < 32), "{list:?}");
}

#[test]
fn who_tells_no_level_keeps_a_slot_only_while_it_is_free() {
    let mut scene = Scene::new(3, 1, 1);
    let step = |scene: &mut Scene, levels: &[(usize, i8)]| {
        let (now, member) = (scene.now, scene.members[&0]);
        let _ = scene.change(|call, changes| call.on_packet(now, member, None, changes));
        scene.step(levels);
    };
    for _ in 0..50 {
        step(&mut scene, &[]);
    }
    assert_eq!(scene.hears(2), [0].into());
    for _ in 0..50 {
        step(&mut scene, &[(1, -50)]);
    }
    assert_eq!(scene.hears(2), [1].into(), "though it is quieter than the other is taken to be");
    for _ in 0..100 {
        step(&mut scene, &[]);
    }
    assert_eq!(scene.hears(2), [0].into(), "the other one is silent again");
}

#[test]
fn a_cough_lists_nobody() {
    let mut scene = Scene::new(3, 2, 2);
    scene.steps(12, &[(0, -20)]);
    scene.steps(100, &[(0, -90)]);
    assert!(scene.lists.iter().all(Vec::is_empty), "{:?}", scene.lists);
}

#[derive(Clone, Debug)]
enum Step {
    Packet(usize, i8),
    Wait(u64),
    Grants(usize, bool, bool),
    Slots(usize, usize),
    Speakers(usize),
    Leave(usize),
    Join(usize, usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let peer = 0..8usize;
    prop_oneof![
        8 => (peer.clone(), -100..-5i8).prop_map(|(peer, level)| Step::Packet(peer, level)),
        2 => (10..700u64).prop_map(Step::Wait),
        1 => (peer.clone(), any::<bool>(), any::<bool>()).prop_map(|(peer, speak, hear)| Step::Grants(peer, speak, hear)),
        1 => (peer.clone(), 0..6usize).prop_map(|(peer, slots)| Step::Slots(peer, slots)),
        1 => (0..7usize).prop_map(Step::Speakers),
        1 => peer.clone().prop_map(Step::Leave),
        1 => (peer, 0..6usize).prop_map(|(peer, slots)| Step::Join(peer, slots)),
    ]
}

proptest! {
    /// Whatever happens: nobody hears himself, nobody is heard twice by one listener, everybody hears the first of the
    /// ranking for whom he has slots, the ears are where the slots say, and listeners were told just that.
    #[test]
    fn everybody_hears_the_first_of_the_ranking_once(steps in proptest::collection::vec(any_step(), 1..200)) {
        let mut scene = Scene::new(4, 2, 4);
        for step in steps {
            match step {
                Step::Packet(peer, level) if scene.members.contains_key(&peer) => { scene.step(&[(peer, level)]); }
                Step::Wait(ms) => { scene.now += Duration::from_millis(ms); scene.tick(); }
                Step::Grants(peer, speak, hear) if scene.members.contains_key(&peer) => scene.grant(peer, Grants { speak, hear, hear_own: false }),
                Step::Slots(peer, slots) if scene.members.contains_key(&peer) => {
                    let member = scene.members[&peer];
                    scene.change(|call, changes| call.set_slots(member, slots, changes));
                }
                Step::Speakers(most) => scene.change(|call, changes| call.set_max_speakers(most, changes)),
                Step::Leave(peer) if scene.members.contains_key(&peer) => scene.leave(peer),
                Step::Join(peer, slots) if !scene.members.contains_key(&peer) => scene.join(peer, slots),
                _ => {}
            }
            for (peer, key) in &scene.members {
                let member = &scene.call.members[*key];
                let count = if member.grants.hear { member.slots.len() } else { 0 };
                let expected: BTreeSet<usize> =
                    scene.call.ranking.members().take(scene.call.max_speakers).filter(|other| other != key).take(count).map(|other| scene.call.members[other].peer).collect();
                let heard: Vec<usize> = member.slots.iter().flatten().map(|heard| scene.call.members[heard.speaker].peer).collect();
                prop_assert_eq!(heard.len(), expected.len());
                prop_assert_eq!(heard.iter().copied().collect::<BTreeSet<_>>(), expected.clone());
                prop_assert_eq!(scene.hears(*peer), expected);
                for (slot, heard) in member.slots.iter().enumerate() {
                    let Some(heard) = heard else { continue };
                    let ear = scene.call.ears(heard.speaker)[heard.ear];
                    prop_assert_eq!((ear.listener, usize::from(ear.slot)), (*peer, slot));
                }
            }
            let ears: usize = scene.call.members.iter().map(|(_, member)| member.ears.len()).sum();
            let slots: usize = scene.call.members.iter().map(|(_, member)| member.slots.iter().flatten().count()).sum();
            prop_assert_eq!(ears, slots);
        }
    }
}
