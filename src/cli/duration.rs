//! Durations on a command line.
//!
//! Owns how they are written and how long they may be. Must never choose one.

use std::time::Duration;

/// Longer than any timeout that is meant, and short enough to be added to any moment.
const MOST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Reads a duration, of which zero means for ever or not at all.
///
/// # Errors
/// What is wrong with it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it as 500ms, 30s, 10m or 1h 30m"))?;
    match duration > MOST {
        true => Err("longer than a hundred years".to_owned()),
        false => Ok(duration),
    }
}

/// Reads a duration that has to be one.
///
/// # Errors
/// What is wrong with it.
pub fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("nothing can be done in no time".to_owned()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_with_a_unit() {
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        assert!(parse_positive_duration("0s").is_err());
        for bad in ["", "5", "soon", "200years"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
