use super::*;

/// Feeds a packet every 20 ms and tells for each whether it passed.
fn trace(voice: &mut Voice, now: &mut Instant, levels: impl IntoIterator<Item = i8>) -> Vec<bool> {
    let mut passed = Vec::new();
    for dbov in levels {
        *now += Duration::from_millis(20);
        voice.on_packet(*now, Some(AudioLevel { attenuation: dbov.unsigned_abs(), voice: true }));
        passed.push(voice.is_open(*now));
    }
    passed
}

#[test]
fn the_first_syllable_passes_from_its_first_packet() {
    let (mut voice, mut now) = (Voice::new(), Instant::now());
    assert!(trace(&mut voice, &mut now, [-90; 50]).iter().all(|passed| !passed), "a quiet room");
    assert!(trace(&mut voice, &mut now, [-45, -30, -28]).iter().all(|passed| *passed));
}

#[test]
fn pauses_between_words_pass_and_long_ones_do_not() {
    let (mut voice, mut now) = (Voice::new(), Instant::now());
    trace(&mut voice, &mut now, [-30; 20]);
    assert!(trace(&mut voice, &mut now, [-80; 20]).iter().all(|passed| *passed), "400 ms");
    trace(&mut voice, &mut now, [-30; 20]);
    let passed = trace(&mut voice, &mut now, [-80; 50]);
    let through = passed.iter().filter(|passed| **passed).count();
    assert!((20..=25).contains(&through), "400 to 500 ms of tail, not {through} packets");
}

#[test]
fn steady_noise_is_gated_after_a_while_and_speech_over_it_is_not() {
    let (mut voice, mut now) = (Voice::new(), Instant::now());
    trace(&mut voice, &mut now, [-90; 5]);
    let noise = (0..1500).map(|n| if n % 3 == 0 { -63 } else { -61 });
    let passed = trace(&mut voice, &mut now, noise);
    assert!(!passed[1000..].contains(&true), "a fan is not speech for ever");
    assert!(trace(&mut voice, &mut now, [-38; 10]).iter().all(|passed| *passed));
}

#[test]
fn music_passes_for_ever() {
    let (mut voice, mut now) = (Voice::new(), Instant::now());
    let music = (0..3000).map(|n| if n % 2 == 0 { -20 } else { -22 });
    assert!(trace(&mut voice, &mut now, music).iter().all(|passed| *passed));
}

#[test]
fn a_cough_passes_but_lists_nobody_and_speech_does() {
    let (mut voice, mut now) = (Voice::new(), Instant::now());
    trace(&mut voice, &mut now, [-90; 10]);
    assert!(trace(&mut voice, &mut now, [-20; 12]).iter().all(|passed| *passed), "240 ms");
    assert!(!voice.is_listed(now));
    trace(&mut voice, &mut now, [-90; 50]);
    trace(&mut voice, &mut now, [-30; 20]);
    assert!(voice.is_listed(now));
}

#[test]
fn comfort_noise_is_told_by_the_missing_voice_bit() {
    let (mut voice, mut now) = (Voice::new(), Instant::now());
    trace(&mut voice, &mut now, [-30; 10]);
    for _ in 0..10 {
        now += Duration::from_millis(400);
        voice.on_packet(now, Some(AudioLevel { attenuation: 50, voice: false }));
    }
    assert!(!voice.is_open(now));
}

#[test]
fn without_levels_packets_are_voice() {
    let (mut voice, mut now) = (Voice::new(), Instant::now());
    for _ in 0..500 {
        now += Duration::from_millis(20);
        voice.on_packet(now, None);
        assert!(voice.is_open(now));
    }
    assert!(!voice.is_open(now + HANGOVER));
}
