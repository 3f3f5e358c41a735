//! How often something may happen, as operators write it.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// So many at once, then one more after each interval: written `20/30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How many at once; at least 1.
    pub(crate) burst: u32,
    /// After how long one more is allowed; above zero.
    pub(crate) refill: Duration,
}

impl Rate {
    fn parse(text: &str) -> Option<Self> {
        let (burst, refill) = text.split_once('/')?;
        let digits = refill.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = refill.split_at(digits);
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let refill = Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(milliseconds)?);
        let burst = burst.parse().ok()?;
        (burst > 0 && !refill.is_zero()).then_some(Self { burst, refill })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let right = r#"expected such as "20/30s": 20 at once, then one every 30 seconds"#;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no rate; {right}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_a_number_a_slash_and_a_time() {
        let rate = |burst, milliseconds| Some(Rate { burst, refill: Duration::from_millis(milliseconds) });
        assert_eq!(Rate::parse("600/20ms"), rate(600, 20));
        assert_eq!(Rate::parse("5/1m"), rate(5, 60_000));
        for bad in ["", "5", "5/", "5/s", "0/1s", "5/0s", "-1/1s", "5/1d", "5/1", "5/99999999999999999999h", "5 / 1s"] {
            assert_eq!(Rate::parse(bad), None, "{bad:?}");
        }
    }
}
