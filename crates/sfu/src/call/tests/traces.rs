//! The level traces of `traces/record.py`, of synthesised speech, noise and music, played to a call.

use super::*;

/// A stretch of time, in packets.
type Stretch = (usize, usize);

/// A microphone's packets, 20 ms each, and what was really to be heard.
struct Trace {
    levels: Vec<AudioLevel>,
    sounds: Vec<Stretch>,
}

impl Trace {
    fn parse(text: &str) -> Self {
        let (mut levels, mut sounds) = (Vec::new(), Vec::new());
        for line in text.lines() {
            if let Some(sound) = line.strip_prefix("# sound ") {
                let packet = |seconds: &str| (seconds.parse::<f64>().expect("seconds") * 50.0) as usize;
                let mut words = sound.split(' ');
                let mut next = || packet(words.next().expect("a time"));
                sounds.push((next(), next()));
            } else if !line.starts_with('#') {
                levels.extend(line.split(' ').map(|token| AudioLevel {
                    attenuation: token.trim_start_matches('v').parse().expect("a level"),
                    voice: token.starts_with('v'),
                }));
            }
        }
        Self { levels, sounds }
    }

    /// The packets of a stretch that are louder than this, in dBov.
    fn louder_than(&self, dbov: i8, (from, to): Stretch) -> impl Iterator<Item = usize> {
        let most = dbov.unsigned_abs();
        (from..to.min(self.levels.len())).filter(move |packet| self.levels[*packet].attenuation < most)
    }
}

macro_rules! trace {
    ($name:literal) => {
        Trace::parse(include_str!(concat!("../traces/", $name, ".txt")))
    };
}

/// What became of a trace.
struct Played {
    /// Of each microphone's packets: forwarded to the audience, be it a moment later.
    heard: Vec<Vec<bool>>,
    /// Packets that came a moment later.
    preroll: usize,
    /// Of each moment: who is on the list.
    listed: Vec<BTreeSet<usize>>,
    /// Changes of who is on the list.
    list_changes: usize,
    /// Changes of who is in the slots of the audience.
    slot_changes: usize,
}

/// Plays the microphones at the same time to somebody who only listens, with `slots` slots.
fn play(traces: &[&Trace], slots: usize) -> Played {
    let audience = traces.len();
    let mut scene = Scene::new(audience, 0, slots);
    scene.join(audience, slots);
    let packets = traces.iter().map(|trace| trace.levels.len()).max().expect("a trace");
    let mut played = Played {
        heard: vec![vec![false; packets]; audience],
        preroll: 0,
        listed: Vec::new(),
        list_changes: 0,
        slot_changes: 0,
    };
    let mut on_list = BTreeSet::new();
    for packet in 0..packets {
        scene.now += Duration::from_millis(20);
        for (peer, trace) in traces.iter().enumerate() {
            let Some(level) = trace.levels.get(packet) else { continue };
            let (now, member, before) = (scene.now, scene.members[&peer], scene.events);
            let passed = scene.change(|call, changes| call.on_packet(now, member, Some(*level), changes));
            played.slot_changes += scene.events - before;
            if passed.is_ok() {
                let preroll = scene.call.preroll(member);
                played.preroll += preroll;
                played.heard[peer][packet - preroll..=packet].fill(true);
            }
        }
        let before = scene.events;
        scene.tick();
        played.slot_changes += scene.events - before;
        if let Some(list) = scene.lists.last() {
            let now: BTreeSet<usize> = list.iter().map(|peer| usize::try_from(peer.0).expect("small")).collect();
            played.list_changes += usize::from(now != on_list);
            on_list = now;
        }
        played.listed.push(on_list.clone());
    }
    played
}

impl Played {
    /// How many packets of a microphone are heard in a stretch.
    fn heard(&self, microphone: usize, (from, to): Stretch) -> usize {
        self.heard[microphone][from..to].iter().filter(|heard| **heard).count()
    }

    /// How many packets after its beginning something is heard first.
    fn first(&self, microphone: usize, (from, to): Stretch) -> Option<usize> {
        self.heard[microphone][from..to].iter().position(|heard| *heard)
    }

    /// How many packets long it is on the list.
    fn listed(&self, microphone: usize, (from, to): Stretch) -> usize {
        self.listed[from..to].iter().filter(|list| list.contains(&microphone)).count()
    }

    fn assert_nothing_lost(&self, microphone: usize, trace: &Trace, above: i8) {
        for sound in &trace.sounds {
            let lost = trace.louder_than(above, *sound).filter(|packet| !self.heard[microphone][*packet]);
            assert_eq!(lost.collect::<Vec<_>>(), [], "of the sound at {sound:?}");
        }
    }
}

/// A second of noise is heard before it is known; everything before was somebody's joining.
const LEARNT: usize = 75;

#[test]
fn who_takes_turns_is_heard_from_the_first_syllable_and_keeps_the_slot() {
    let (ada, bob) = (trace!("alternating_ada"), trace!("alternating_bob"));
    let played = play(&[&ada, &bob], 2);
    played.assert_nothing_lost(0, &ada, -66);
    played.assert_nothing_lost(1, &bob, -66);
    assert_eq!(played.slot_changes, 2, "each gets a slot once");
    for (microphone, trace) in [(0, &ada), (1, &bob)] {
        for sound in &trace.sounds {
            let late = sound.1 - sound.0 - played.listed(microphone, *sound);
            assert!(late <= 40, "{microphone} is on the list {late} packets after it began at {sound:?}");
        }
    }
    // Eight turns: on the list and off it once each, at most.
    assert!(played.list_changes <= 16, "{}", played.list_changes);
}

#[test]
fn with_one_slot_it_changes_once_a_turn() {
    let (ada, bob) = (trace!("alternating_ada"), trace!("alternating_bob"));
    let played = play(&[&ada, &bob], 1);
    for (microphone, trace) in [(0, &ada), (1, &bob)] {
        for sound in &trace.sounds {
            let first = played.first(microphone, *sound);
            assert!(first.is_some_and(|first| first <= 10), "{first:?} packets of {sound:?} waited for the pause");
            let lost = sound.1 - sound.0 - played.heard(microphone, *sound);
            assert!(lost <= 10, "{lost} packets of {sound:?}");
        }
    }
    // Eight turns, and two changes while the noise of both was not known yet.
    assert!(played.slot_changes <= 10, "{}", played.slot_changes);
}

#[test]
fn who_talks_over_somebody_is_heard_in_another_slot() {
    let (ada, bob) = (trace!("overlapping_ada"), trace!("overlapping_bob"));
    let played = play(&[&ada, &bob], 2);
    played.assert_nothing_lost(0, &ada, -66);
    played.assert_nothing_lost(1, &bob, -66);
    assert_eq!(played.slot_changes, 2);
}

#[test]
fn who_talks_over_somebody_does_not_take_the_only_slot() {
    let (ada, bob) = (trace!("overlapping_ada"), trace!("overlapping_bob"));
    let played = play(&[&ada, &bob], 1);
    played.assert_nothing_lost(0, &ada, -66);
    assert_eq!(played.slot_changes, 2, "ada's, and bob's when she has finished");
    let (_, ada_ends) = ada.sounds[0];
    let rest = (ada_ends + 15, bob.sounds[2].1);
    assert_eq!(played.heard(1, rest), rest.1 - rest.0, "300 ms after she has");
}

#[test]
fn a_cough_is_heard_and_never_listed() {
    let trace = trace!("cough");
    let played = play(&[&trace], 4);
    played.assert_nothing_lost(0, &trace, -66);
    assert_eq!(played.list_changes, 0);
    assert_eq!(played.slot_changes, 1);
}

#[test]
fn typing_is_heard_but_neither_listed_nor_in_anybodys_way() {
    let (keys, ada) = (trace!("keyboard"), trace!("alternating_ada"));
    let played = play(&[&keys], 4);
    played.assert_nothing_lost(0, &keys, -50);
    assert_eq!(played.list_changes, 0);
    // The keyboard has the only slot when ada begins.
    let played = play(&[&keys, &ada], 1);
    for sound in ada.sounds.iter().filter(|sound| sound.0 >= LEARNT) {
        let first = played.first(1, *sound);
        assert!(first.is_some_and(|first| first <= 6), "{first:?} packets of {sound:?} waited");
        assert!(played.heard(1, *sound) + 6 >= sound.1 - sound.0, "typing interrupts at {sound:?}");
    }
}

#[test]
fn a_fan_is_learnt_and_speech_over_it_is_heard() {
    for (name, trace) in [("pink", trace!("fan_pink")), ("brown", trace!("fan_brown"))] {
        let [(on, off), speech] = trace.sounds[..] else { panic!("a fan and speech") };
        let played = play(&[&trace], 4);
        // Loud enough to be told from the fan.
        let lost = trace.louder_than(-38, speech).filter(|packet| !played.heard[0][*packet]);
        assert_eq!(lost.count(), 0, "{name}: speech over the fan");
        let learnt = (on + 220, speech.0 - PREROLL);
        assert_eq!((played.heard(0, learnt), played.listed(0, learnt)), (0, 0), "{name}: after 4.4 s it is noise");
        let after = (speech.1 + 130, off);
        assert_eq!(played.listed(0, after), 0, "{name}: and is again after speech");
        // Brown noise has peaks that stand out like a click.
        assert!(played.heard(0, after) <= 16, "{name}: {} packets after speech", played.heard(0, after));
        let quiet = (off + 100, trace.levels.len());
        assert_eq!(played.heard(0, quiet), 0, "{name}: off again");
        assert_eq!(played.list_changes, 4, "{name}: on and off the list for the fan and for speech");
    }
}

#[test]
fn music_stays_heard() {
    for (name, trace) in [("guitar", trace!("music")), ("organ", trace!("organ"))] {
        let played = play(&[&trace], 4);
        let [music] = trace.sounds[..] else { panic!("one piece") };
        played.assert_nothing_lost(0, &trace, -60);
        assert!(played.heard(0, music) + 1 >= music.1 - music.0, "{name}");
        assert_eq!((played.slot_changes, played.list_changes), (1, 2), "{name}");
    }
}

#[test]
fn breath_is_never_listed() {
    let trace = trace!("breathing");
    let played = play(&[&trace], 4);
    assert_eq!((played.slot_changes, played.list_changes), (1, 0));
}

#[test]
fn a_soft_beginning_is_not_cut() {
    let trace = trace!("soft_onsets");
    let played = play(&[&trace], 4);
    // The noise is at -62 with peaks up to -56.
    played.assert_nothing_lost(0, &trace, -57);
    assert!(played.preroll >= 3, "{} packets were sent after they had been held", played.preroll);
    let pauses = trace.sounds.windows(2).map(|pair| (pair[0].1, pair[1].0));
    let heard: usize = pauses.map(|pause| played.heard(0, pause)).sum();
    assert!(heard <= 100, "{heard} of 280 packets of noise between the words");
}

#[test]
fn muted_nothing_passes_and_unmuted_everything_at_once() {
    let trace = trace!("muting");
    let played = play(&[&trace], 4);
    played.assert_nothing_lost(0, &trace, -58);
    let (muted, unmuted) = (275, 600);
    assert_eq!(played.heard(0, (muted + 25, unmuted)), 0);
    assert_eq!(played.listed(0, (muted + 50, unmuted)), 0);
    let [_, speech] = trace.sounds[..] else { panic!("before and after") };
    assert!(played.heard(0, (unmuted, speech.0)) <= 10, "the noise around is still known");
    let after = (speech.1 + 50, trace.levels.len());
    assert_eq!((played.heard(0, after), played.slot_changes, played.list_changes), (0, 1, 4));
}
