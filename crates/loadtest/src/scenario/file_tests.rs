use proptest::prelude::*;

use super::*;

fn wrong(source: &str) -> String {
    let mistake = parse(source).expect_err(source);
    assert_eq!(mistake.to_string().lines().count(), 1, "{mistake}");
    mistake.to_string()
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse(""), Ok(Scenario::default()));
    assert_eq!(parse("[rooms]\n[ramp]\n[talk]\n[churn]\n[impairment]\n[repair]\n[fail_if]"), Ok(Scenario::default()));
}

#[test]
fn every_key_is_read() {
    let scenario = parse(
        r#"
        name = "Everything"
        duration = "1.5s"
        seed = 7
        speakers = 2
        listeners = 5
        [rooms]
        count = 4
        [ramp]
        over = "20s"
        [talk]
        pattern = "spurts"
        talk = "2s"
        pause = "3s"
        silence = "quiet"
        audio = "voice.opus"
        [churn]
        per_minute = 30
        [impairment.up]
        loss_percent = 5
        delay = "50ms"
        [impairment.down]
        jitter = "10ms"
        reordering_percent = 0.5
        [repair]
        nack = true
        red = true
        [fail_if]
        loss_percent_over = 0.1
        latency_p99_over = "50ms"
        join_p95_over = "1s"
        mos_under = 4.0
        "#,
    );
    let expected = Scenario {
        name: "Everything".to_owned(),
        rooms: Rooms::New(4),
        speakers: 2,
        listeners: 5,
        duration: Duration::from_millis(1500),
        ramp: Ramp::Over(Duration::from_secs(20)),
        talk: TalkPattern::Spurts {
            talk: Duration::from_secs(2),
            pause: Duration::from_secs(3),
            silence: Silence::Quiet,
        },
        audio: Some("voice.opus".into()),
        churn_per_minute: 30.0,
        uplink: Impairment { loss: 0.05, delay: Duration::from_millis(50), ..Impairment::default() },
        downlink: Impairment { jitter: Duration::from_millis(10), reordering: 0.005, ..Impairment::default() },
        repair: Repair { nack: true, red: true },
        seed: 7,
        limits: Limits {
            loss_percent: Some(0.1),
            starved: None,
            latency_p99: Some(Duration::from_millis(50)),
            join_p95: Some(Duration::from_secs(1)),
            mos: Some(4.0),
        },
        find_max: None,
    };
    assert_eq!(scenario, Ok(expected));
}

#[test]
fn every_key_of_a_test_without_accidents_is_read() {
    let scenario = parse(
        r#"
        [fail_if]
        starved_over = 2
        [find_max]
        vary = "rooms"
        max_loss_percent = 1
        max_latency_p99 = "20ms"
        hold = "5s"
        at_most = 100
        precision_percent = 2
        "#,
    );
    let expected = Scenario {
        limits: Limits { starved: Some(2), ..Limits::default() },
        find_max: Some(FindMax {
            vary: Vary::Rooms,
            max_loss_percent: 1.0,
            max_latency_p99: Duration::from_millis(20),
            hold: Duration::from_secs(5),
            at_most: Some(100),
            precision_percent: 2.0,
        }),
        ..Scenario::default()
    };
    assert_eq!(scenario, Ok(expected));
}

#[test]
fn mistakes_have_key_line_and_what_would_be_right() {
    for (source, expected) in [
        ("speekers = 3", "line 1: speekers: no such key; expected one of: name, duration, seed, speakers, listeners"),
        ("\n\nspeakers = \"three\"", "line 3: speakers = \"three\": expected a whole number from 0 to 10000"),
        ("speakers = -1", "line 1: speakers = -1: expected a whole number from 0 to 10000"),
        ("listeners = 1.5", "line 1: listeners = 1.5: expected a whole number"),
        ("duration = 30", "line 1: duration = 30: expected a duration such as \"500ms\", \"30s\""),
        ("duration = \"0s\"", "line 1: duration = \"0s\": expected a duration longer than nothing"),
        (
            "[rooms]\ncount = 2\nid = \"0192a0b0-0000-7000-8000-000000000000\"",
            "line 1: [rooms]: count and id: expected one",
        ),
        ("[rooms]\n\ncount = 0", "line 3: rooms.count = 0: expected a whole number from 1 to 10000"),
        ("rooms = 3", "line 1: rooms: expected a table: [rooms]"),
        ("[rooms]\nid = \"lobby\"", "line 2: rooms.id = \"lobby\": expected a room's id"),
        ("[ramp]\njoins_per_second = 0", "line 2: ramp.joins_per_second = 0: expected a number from 0.01 to 10000"),
        ("[ramp]\njoins_per_second = 5\nover = \"5s\"", "line 1: [ramp]: joins_per_second and over: expected one"),
        ("[talk]\npattern = \"often\"", "line 2: talk.pattern = \"often\": expected \"continuous\" or \"spurts\""),
        ("[talk]\npause = \"1s\"", "line 1: [talk]: talk, pause and silence need pattern = \"spurts\""),
        (
            "[impairment.up]\nloss_percent = 101",
            "line 2: impairment.up.loss_percent = 101: expected a number from 0 to 100",
        ),
        ("[repair]\nnack = 1", "line 2: repair.nack = 1: expected true or false, without quotation marks"),
        ("[impairment]\nloss_percent = 1", "line 2: impairment.loss_percent: no such key; expected one of: up, down"),
        ("[impairment.down]\ndelay = \"1h\"", "line 2: impairment.down.delay = \"1h\": expected at most \"10s\""),
        ("[fail_if]\nmos_under = 9", "line 2: fail_if.mos_under = 9: expected a number from 1 to 4.5"),
        (
            "[find_max]\nvary = \"speakers\"",
            "line 2: find_max.vary = \"speakers\": expected \"listeners\" or \"rooms\"",
        ),
        (
            "[churn]\nper_minute = 1\n[find_max]\nhold = \"5s\"",
            "line 1: no largest load is looked for with churn: expected no [churn]",
        ),
        ("[fail_if]\nstarved_over = -1", "line 2: fail_if.starved_over = -1: expected a whole number from 0 to"),
        (
            "[churn]\nper_minute = 1\n[fail_if]\nstarved_over = 0",
            "line 1: with spurts, churn or impairment nobody can tell",
        ),
        ("seed = nan", "line 1: seed = nan: expected a whole number from 0"),
        ("speakers = 0\nlisteners = 0", "line 1: a room without speakers and listeners"),
        ("name = \"x\"\nspeakers = = 3", "line 2: this is not TOML"),
        ("speakers = 1\nspeakers = 2", "line 2: this is not TOML: duplicate key"),
        ("\"a\\nb\" = 1", "line 1: a b: no such key"),
    ] {
        let mistake = wrong(source);
        assert!(mistake.starts_with(expected), "{source:?}:\n  {mistake}\n  {expected}");
    }
}

fn share() -> impl Strategy<Value = f64> {
    (0..=100_u32).prop_map(f64::from)
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(source in "\\PC*") {
        let _ = parse(&source);
    }

    #[test]
    fn no_value_makes_it_panic(
        key in "(name|duration|seed|speakers|rooms|rooms.count|ramp.over|talk.talk|talk.audio|impairment.up.delay|find_max.hold)",
        value in "(\"\\PC{0,12}\"|-?[0-9]{0,24}|[0-9]{1,4}\\.[0-9]{1,4}(e[0-9]{1,4})?|0x[0-9a-f]{1,20}|true|\\[1\\]|nan|-inf|2026-01-01)",
    ) {
        let source = format!("{key} = {value}");
        if let Err(mistake) = parse(&source) {
            prop_assert!(mistake.to_string().starts_with("line ") && mistake.to_string().lines().count() == 1);
        }
    }

    #[test]
    fn what_is_written_is_what_is_read(
        speakers in 1..100_usize, listeners in 0..5000_usize, rooms in 1..=MOST_ROOMS, ms in 1..100_000_u64,
        seed in 0..=i64::MAX.unsigned_abs(), rate in 1..1000_u32, loss in share(), reordering in share(),
    ) {
        let source = format!(
            "speakers = {speakers}\nlisteners = {listeners}\nduration = \"{ms}ms\"\nseed = {seed}\n[rooms]\ncount = {rooms}\n\
             [ramp]\njoins_per_second = {rate}\n[impairment.down]\nloss_percent = {loss}\nreordering_percent = {reordering}\n"
        );
        let expected = Scenario {
            speakers,
            listeners,
            rooms: Rooms::New(rooms),
            duration: Duration::from_millis(ms),
            seed,
            ramp: Ramp::PerSecond(rate.into()),
            downlink: Impairment { loss: loss / 100.0, reordering: reordering / 100.0, ..Impairment::default() },
            ..Scenario::default()
        };
        prop_assert_eq!(parse(&source), Ok(expected));
    }
}
