//! Formats a number of bytes for people.
//!
//! Owns the one format of both programs: progress bar, tables, messages, journal report. The page
//! of a trace follows the same rule. Must never be used in output for programs.

use std::fmt;

/// A number of bytes as a person reads it.
///
/// The rule: below 1024 the number and `B`; from there on one digit behind the point and the unit,
/// of KiB, MiB, GiB, TiB, PiB and EiB the largest in which that is at least 1.0. What would be
/// rounded to `1024.0` of a unit is `1.0` of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut unit = 0;
        let mut size = self.0 as f64 / 1024.0;
        while size >= 1023.95 && unit + 1 < UNITS.len() {
            size /= 1024.0;
            unit += 1;
        }
        f.pad(&format!("{size:.1} {}", UNITS[unit]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_short_and_its_number_below_1024() {
        for (bytes, text) in [
            (0, "0 B"),
            (1, "1 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1075, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_524, "1023.9 KiB"),
            (1_048_525, "1.0 MiB"),
            (1_048_576, "1.0 MiB"),
            ((1 << 30) - 1, "1.0 GiB"),
            (1_503_238_553, "1.4 GiB"),
            ((1 << 40) - 1, "1.0 TiB"),
            ((1 << 60) - 1, "1.0 EiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text, "{bytes}");
        }
        assert_eq!(
            format!("{:>8}|{:8}|", Size(5), Size(1024)),
            "     5 B|1.0 KiB |"
        );
    }
}
