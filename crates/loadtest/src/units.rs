//! How people write numbers with a unit.

use std::time::Duration;

/// The longest duration there may be: 30 days.
pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Reads `500ms`, `30s`, `1.5s`, `10m` or `2h`.
///
/// # Errors
/// What would be right.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration such as 500ms, 30s, 10m or 2h");
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
    if duration > LONGEST { Err(format!("{text:?} is longer than 30 days")) } else { Ok(duration) }
}

/// Writes a duration as [`duration`] reads it, in the largest unit that keeps it whole.
#[must_use]
pub fn write(duration: Duration) -> String {
    let ms = duration.as_millis();
    for (size, unit) in [(3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
        if ms > 0 && ms.is_multiple_of(size) {
            return format!("{}{unit}", ms / size);
        }
    }
    format!("{ms}ms")
}

/// Reads a percentage: `0.5` or `0.5%`.
///
/// # Errors
/// What would be right.
pub fn percent(text: &str) -> Result<f64, String> {
    let wrong = || format!("{text:?} is not a percentage from 0 to 100 such as 0.5");
    let number: f64 = text.trim_end_matches('%').parse().map_err(|_| wrong())?;
    if (0.0..=100.0).contains(&number) { Ok(number) } else { Err(wrong()) }
}

/// A duration in milliseconds.
#[must_use]
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "30", "s", "-1s", "1..5s", "3 weeks", "99999999999999999999s", "1e400s", "721h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(duration("3 weeks").unwrap_err().contains("such as 500ms, 30s"));
    }

    #[test]
    fn percentages_are_between_nothing_and_all() {
        assert_eq!((percent("0.5"), percent("5%")), (Ok(0.5), Ok(5.0)));
        for bad in ["", "%", "-1", "101", "many", "NaN", "inf"] {
            assert!(percent(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn durations_are_read_as_they_are_written(ms in 0..2_592_000_000_u64) {
            let expected = Duration::from_millis(ms);
            proptest::prop_assert_eq!(duration(&write(expected)), Ok(expected));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = (duration(&text), percent(&text));
        }
    }
}
