//! The scenario file: which keys there are and what may stand behind them. docs/LOADTEST.md describes them for people.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;
use uuid::Uuid;

use super::section::{Mistake, Section};
use super::{FindMax, LARGEST_ROOM, Limits, MOST_ROOMS, Ramp, Rooms, Scenario, Vary};
use crate::engine::{Impairment, Repair, Silence, TalkPattern};
use crate::units;

/// Mean lengths of talk spurts and pauses in a conversation (ITU-T P.59).
const TALK_SPURT: Duration = Duration::from_millis(1004);
/// See [`TALK_SPURT`].
const PAUSE: Duration = Duration::from_millis(1587);

/// Reads a whole scenario.
pub(super) fn parse(source: &str) -> Result<Scenario, Mistake> {
    let default = Scenario::default();
    let mut document = Section::document(source)?;
    let name = document.take("name", name)?.unwrap_or_default();
    let duration = document.take("duration", positive_duration)?.unwrap_or(default.duration);
    let seed = document.take("seed", |v| whole(v, 0..=i64::MAX))?.map_or(default.seed, i64::unsigned_abs);
    let speakers = document.take("speakers", |v| count(v, 0..=LARGEST_ROOM))?.unwrap_or(default.speakers);
    let listeners = document.take("listeners", |v| count(v, 0..=LARGEST_ROOM))?.unwrap_or(default.listeners);
    let rooms = rooms(&mut document)?.unwrap_or(default.rooms);
    let ramp = ramp(&mut document)?.unwrap_or(default.ramp);
    let (talk, audio) = talk(&mut document)?.unwrap_or((default.talk, default.audio));
    let churn_per_minute = churn(&mut document)?.unwrap_or(default.churn_per_minute);
    let (uplink, downlink) = impairment(&mut document)?.unwrap_or((default.uplink, default.downlink));
    let repair = repair(&mut document)?.unwrap_or(default.repair);
    let limits = limits(&mut document)?.unwrap_or(default.limits);
    let find_max = find_max(&mut document)?;
    let whole = document.mistake("");
    document.end()?;
    let scenario = Scenario {
        name,
        rooms,
        speakers,
        listeners,
        duration,
        ramp,
        talk,
        audio,
        churn_per_minute,
        uplink,
        downlink,
        repair,
        seed,
        limits,
        find_max,
    };
    scenario.check().map_err(|what| Mistake { what, ..whole })?;
    Ok(scenario)
}

fn rooms(document: &mut Section<'_>) -> Result<Option<Rooms>, Mistake> {
    let Some(mut section) = document.section("rooms")? else { return Ok(None) };
    let count = section.take("count", |v| count(v, 1..=MOST_ROOMS))?;
    let id = section.take("id", room_id)?;
    let rooms = match (count, id) {
        (Some(_), Some(_)) => {
            return Err(
                section.mistake("count and id: expected one of them; count makes rooms, id uses an existing one")
            );
        }
        (Some(count), None) => Some(Rooms::New(count)),
        (None, Some(id)) => Some(Rooms::Existing(id)),
        (None, None) => None,
    };
    section.end()?;
    Ok(rooms)
}

fn ramp(document: &mut Section<'_>) -> Result<Option<Ramp>, Mistake> {
    let Some(mut section) = document.section("ramp")? else { return Ok(None) };
    let rate = section.take("joins_per_second", |v| number(v, 0.01..=10_000.0))?;
    let over = section.take("over", duration)?;
    let ramp = match (rate, over) {
        (Some(_), Some(_)) => return Err(section.mistake("joins_per_second and over: expected one of them")),
        (Some(rate), None) => Some(Ramp::PerSecond(rate)),
        (None, Some(time)) => Some(Ramp::Over(time)),
        (None, None) => None,
    };
    section.end()?;
    Ok(ramp)
}

fn talk(document: &mut Section<'_>) -> Result<Option<(TalkPattern, Option<PathBuf>)>, Mistake> {
    let Some(mut section) = document.section("talk")? else { return Ok(None) };
    let spurts = section.take("pattern", |v| choice(v, &[("continuous", false), ("spurts", true)]))?.unwrap_or(false);
    let talk = section.take("talk", positive_duration)?;
    let pause = section.take("pause", positive_duration)?;
    let silence = section.take("silence", |v| choice(v, &[("dtx", Silence::Dtx), ("quiet", Silence::Quiet)]))?;
    let audio = section.take("audio", path)?;
    if !spurts && (talk.is_some() || pause.is_some() || silence.is_some()) {
        return Err(section.mistake("talk, pause and silence need pattern = \"spurts\""));
    }
    section.end()?;
    let pattern = if spurts {
        TalkPattern::Spurts {
            talk: talk.unwrap_or(TALK_SPURT),
            pause: pause.unwrap_or(PAUSE),
            silence: silence.unwrap_or(Silence::Dtx),
        }
    } else {
        TalkPattern::Continuous
    };
    Ok(Some((pattern, audio)))
}

fn churn(document: &mut Section<'_>) -> Result<Option<f64>, Mistake> {
    let Some(mut section) = document.section("churn")? else { return Ok(None) };
    let rate = section.take("per_minute", |v| number(v, 0.0..=100_000.0))?;
    section.end()?;
    Ok(rate)
}

fn impairment(document: &mut Section<'_>) -> Result<Option<(Impairment, Impairment)>, Mistake> {
    let Some(mut section) = document.section("impairment")? else { return Ok(None) };
    let uplink = direction(&mut section, "up")?.unwrap_or_default();
    let downlink = direction(&mut section, "down")?.unwrap_or_default();
    section.end()?;
    Ok(Some((uplink, downlink)))
}

fn direction(parent: &mut Section<'_>, key: &'static str) -> Result<Option<Impairment>, Mistake> {
    let Some(mut section) = parent.section(key)? else { return Ok(None) };
    let share = |v: &DeValue<'_>| number(v, 0.0..=100.0).map(|percent| percent / 100.0);
    let impairment = Impairment {
        loss: section.take("loss_percent", share)?.unwrap_or_default(),
        delay: section.take("delay", short_duration)?.unwrap_or_default(),
        jitter: section.take("jitter", short_duration)?.unwrap_or_default(),
        reordering: section.take("reordering_percent", share)?.unwrap_or_default(),
    };
    section.end()?;
    Ok(Some(impairment))
}

fn repair(document: &mut Section<'_>) -> Result<Option<Repair>, Mistake> {
    let Some(mut section) = document.section("repair")? else { return Ok(None) };
    let default = Repair::default();
    let repair = Repair {
        nack: section.take("nack", truth)?.unwrap_or(default.nack),
        red: section.take("red", truth)?.unwrap_or(default.red),
    };
    section.end()?;
    Ok(Some(repair))
}

fn limits(document: &mut Section<'_>) -> Result<Option<Limits>, Mistake> {
    let Some(mut section) = document.section("fail_if")? else { return Ok(None) };
    let limits = Limits {
        loss_percent: section.take("loss_percent_over", |v| number(v, 0.0..=100.0))?,
        starved: section.take("starved_over", |v| count(v, 0..=LARGEST_ROOM * MOST_ROOMS))?,
        latency_p99: section.take("latency_p99_over", duration)?,
        join_p95: section.take("join_p95_over", duration)?,
        mos: section.take("mos_under", |v| number(v, 1.0..=4.5))?,
    };
    section.end()?;
    Ok(Some(limits))
}

fn find_max(document: &mut Section<'_>) -> Result<Option<FindMax>, Mistake> {
    let Some(mut section) = document.section("find_max")? else { return Ok(None) };
    let default = FindMax::default();
    let vary = [("listeners", Vary::Listeners), ("rooms", Vary::Rooms)];
    let search = FindMax {
        vary: section.take("vary", |v| choice(v, &vary))?.unwrap_or(default.vary),
        max_loss_percent: section
            .take("max_loss_percent", |v| number(v, 0.0..=100.0))?
            .unwrap_or(default.max_loss_percent),
        max_latency_p99: section.take("max_latency_p99", positive_duration)?.unwrap_or(default.max_latency_p99),
        hold: section.take("hold", positive_duration)?.unwrap_or(default.hold),
        at_most: section.take("at_most", |v| count(v, 1..=1_000_000))?,
        precision_percent: section
            .take("precision_percent", |v| number(v, 0.1..=50.0))?
            .unwrap_or(default.precision_percent),
    };
    section.end()?;
    Ok(Some(search))
}

fn text<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    value.as_str()
}

fn name(value: &DeValue<'_>) -> Result<String, String> {
    text(value)
        .filter(|text| text.chars().count() <= 80 && !text.chars().any(char::is_control))
        .map(str::to_owned)
        .ok_or_else(|| "a text of at most 80 characters in one line".to_owned())
}

fn path(value: &DeValue<'_>) -> Result<PathBuf, String> {
    text(value)
        .filter(|text| !text.is_empty())
        .map(PathBuf::from)
        .ok_or_else(|| "the path of an Ogg Opus file, in quotation marks".to_owned())
}

fn room_id(value: &DeValue<'_>) -> Result<Uuid, String> {
    text(value)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| "a room's id, the last part of its address in the browser, in quotation marks".to_owned())
}

fn truth(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "true or false, without quotation marks".to_owned())
}

fn whole(value: &DeValue<'_>, range: RangeInclusive<i64>) -> Result<i64, String> {
    let number = match value {
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok(),
        _ => None,
    };
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
}

fn count(value: &DeValue<'_>, range: RangeInclusive<usize>) -> Result<usize, String> {
    let expected = || format!("a whole number from {} to {}", range.start(), range.end());
    let number = whole(value, 0..=i64::MAX).map_err(|_| expected())?;
    usize::try_from(number).ok().filter(|number| range.contains(number)).ok_or_else(expected)
}

fn number(value: &DeValue<'_>, range: RangeInclusive<f64>) -> Result<f64, String> {
    let number: Option<f64> = match value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        DeValue::Integer(_) => whole(value, i64::MIN..=i64::MAX).ok().and_then(|n| n.to_string().parse().ok()),
        _ => None,
    };
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("a number from {} to {}", range.start(), range.end()))
}

fn duration(value: &DeValue<'_>) -> Result<Duration, String> {
    let expected = || "a duration such as \"500ms\", \"30s\", \"10m\" or \"2h\", in quotation marks".to_owned();
    text(value).and_then(|text| units::duration(text).ok()).ok_or_else(expected)
}

fn positive_duration(value: &DeValue<'_>) -> Result<Duration, String> {
    duration(value).and_then(|duration| {
        if duration.is_zero() {
            Err("a duration longer than nothing, such as \"30s\"".to_owned())
        } else {
            Ok(duration)
        }
    })
}

fn short_duration(value: &DeValue<'_>) -> Result<Duration, String> {
    duration(value).and_then(|duration| {
        if duration > Duration::from_secs(10) { Err("at most \"10s\"".to_owned()) } else { Ok(duration) }
    })
}

fn choice<T: Copy>(value: &DeValue<'_>, choices: &[(&'static str, T)]) -> Result<T, String> {
    text(value)
        .and_then(|text| choices.iter().find(|(name, _)| *name == text))
        .map(|(_, choice)| *choice)
        .ok_or_else(|| choices.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>().join(" or "))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
