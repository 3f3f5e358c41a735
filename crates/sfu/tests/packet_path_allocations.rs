//! Nothing is allocated between a packet in and its copies out, once everything that happens has happened before:
//! speech, pauses, losses. What is allocated at first times, and when slots change hands, is in ADR 6. A test binary of
//! its own: it counts what the whole process allocates.

use std::alloc::System;
use std::time::Duration;

use hubbub_sfu::bench::{PacketPath, Spoken};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SPEAKERS: usize = 3;
const LISTENERS: usize = 50;
/// Copies of one packet of each speaker.
const TO_ALL: usize = SPEAKERS * (LISTENERS - 1);
const PACKET: Duration = Duration::from_millis(20);
/// How often a round is played before it counts. Buffers grow to their size, everybody who speaks gets a slot, and the
/// noise of the room is known.
const BEFORE: usize = 3;

/// What all speakers do at once.
#[derive(Clone, Copy)]
enum Step {
    /// A packet with a sound of this level, in -dBov.
    Sound(u8),
    /// A packet of speech that does not arrive.
    Lost,
}

const SPEECH: Step = Step::Sound(30);
/// The noise of a room, and a little above it: what may be the soft beginning of a word.
const NOISE: Step = Step::Sound(58);
const SOFT: Step = Step::Sound(54);

impl Step {
    fn speak(self, path: &mut PacketPath) -> Spoken {
        match self {
            Self::Sound(level) => path.sound(PACKET, level),
            Self::Lost => path.lose(PACKET),
        }
    }
}

#[test]
fn speech_pauses_and_losses_allocate_nothing() {
    let (talk, gaps, pause) = (talk(), gaps(), pause());
    for workers in [1, 2] {
        // Of two workers, what is said on each crosses to the other.
        let mut path = PacketPath::over(workers, SPEAKERS, LISTENERS);
        assert_eq!(forwarded(&mut path, &talk), [TO_ALL; 200]);
        is_a_pause(&forwarded(&mut path, &pause));

        let mut path = PacketPath::repaired(workers, SPEAKERS, LISTENERS, true);
        assert_eq!(forwarded(&mut path, &talk), [TO_ALL; 200]);
        let recovered = forwarded(&mut path, &gaps);
        assert_eq!(recovered[..3], [TO_ALL, 0, 2 * TO_ALL], "the lost one comes with the next");
        assert_eq!(recovered.iter().sum::<usize>(), 200 * TO_ALL);
        is_a_pause(&forwarded(&mut path, &pause));
    }
    let mut path = PacketPath::repaired(1, SPEAKERS, LISTENERS, false);
    let missed = forwarded(&mut path, &gaps);
    assert_eq!(missed[..3], [TO_ALL, 0, TO_ALL], "to be asked for");
    assert_eq!(missed.iter().sum::<usize>(), 160 * TO_ALL);
}

fn talk() -> Vec<Step> {
    vec![SPEECH; 200]
}

/// Every fifth packet gets lost; more in all than are missed at once.
fn gaps() -> Vec<Step> {
    (0..200).map(|number| if number % 5 == 1 { Step::Lost } else { SPEECH }).collect()
}

/// Four seconds without speech, then a word that begins softly.
fn pause() -> Vec<Step> {
    [vec![NOISE; 200], vec![SOFT; 6], vec![SPEECH; 20]].concat()
}

fn is_a_pause(forwarded: &[usize]) {
    assert!(forwarded[50..206].iter().all(|copies| *copies == 0), "{forwarded:?}");
    assert_eq!(forwarded[206], 5 * TO_ALL, "the word, and the four packets before it");
    assert!(forwarded[207..].iter().all(|copies| *copies == TO_ALL), "{forwarded:?}");
}

/// How many packets go out in each step of a round that has been played before. Nothing is allocated meanwhile.
fn forwarded(path: &mut PacketPath, round: &[Step]) -> Vec<usize> {
    for _ in 0..BEFORE {
        for step in round {
            let mut spoken = step.speak(path);
            path.forward(&mut spoken);
        }
    }
    let mut spoken: Vec<Spoken> = round.iter().map(|step| step.speak(path)).collect();
    let mut forwarded = Vec::with_capacity(round.len());
    let region = Region::new(ALLOCATOR);
    for spoken in &mut spoken {
        forwarded.push(path.forward(spoken));
    }
    let counted = region.change();
    assert_eq!((counted.allocations, counted.reallocations, counted.deallocations), (0, 0, 0), "{counted:?}");
    drop(spoken);
    assert!(region.change().deallocations > 200, "or nothing was counted");
    forwarded
}
