//! What several answers have in common.

use hubbub_domain::Timestamp;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

const RFC3339_MICROS: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// A moment as RFC 3339 has it, in UTC, always with six digits of a second, so that texts sort like times.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1000)
        .ok()
        .and_then(|at| at.format(RFC3339_MICROS).ok())
        .unwrap_or_else(|| "9999-12-31T23:59:59.999999Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_fixed_width() {
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(Timestamp(1_795_255_200_000_001)), "2026-11-21T10:00:00.000001Z");
        assert_eq!(rfc3339(Timestamp(i64::MAX)).len(), 27);
    }
}
