//! How long, as operators write it.

use std::time::Duration;

/// Reads `90s`, `10m`, `2h` or `1d`.
///
/// # Errors
/// What would be right.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time such as 90s, 10m or 2h".to_owned();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("2h"), Ok(Duration::from_secs(7_200)));
        for bad in ["", "5", "s", "-1s", "1.5h", "1 h", "1w", "99999999999999999999s", "999999999999999999d"] {
            assert!(parse(bad).unwrap_err().contains("such as 90s"), "{bad}");
        }
    }
}
