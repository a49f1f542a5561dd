//! Formats times and durations for people.
//!
//! Owns their one format in both programs. Must never read a clock, and must never panic: a clock
//! can have any value.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, shown in RFC 3339, UTC, whole seconds: `2026-11-22T10:00:00Z`.
///
/// humantime panics on moments before 1970 and fails on those from the year 10000 on; file systems
/// and broken clocks know both. This wrapper shows the nearest moment that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub SystemTime);

impl Timestamp {
    /// 9999-12-31T23:59:59Z, in seconds since 1970: the last moment RFC 3339 has four digits for.
    const LAST_SECOND: u64 = 253_402_300_799;

    /// The nearest moment that can be written.
    #[must_use]
    pub fn written(self) -> SystemTime {
        let since_1970 = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        UNIX_EPOCH + since_1970.min(Duration::from_secs(Self::LAST_SECOND))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_seconds(self.written()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_off_is_shown_as_the_nearest_moment_that_can_be() {
        let at = |seconds| Timestamp(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(1_795_341_600), "2026-11-22T10:00:00Z");
        assert_eq!(at(Timestamp::LAST_SECOND), "9999-12-31T23:59:59Z");
        assert_eq!(at(Timestamp::LAST_SECOND + 1), "9999-12-31T23:59:59Z");
        let before = Timestamp(UNIX_EPOCH - Duration::from_secs(86_400));
        assert_eq!(before.to_string(), "1970-01-01T00:00:00Z");
    }
}
