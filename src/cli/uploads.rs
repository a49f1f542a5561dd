//! The options of `berthd` that are about uploads.
//!
//! Owns their defaults and their help. Must never act on them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::cli::parse_duration;
use crate::server::uploads::Settings;

/// Which uploads are accepted.
#[derive(Clone, Debug, Args)]
pub struct UploadArgs {
    /// Accept uploads into this folder of the served one, '.' for all of it; default: none
    ///
    /// Unfinished uploads are kept in its sub-folder '.berth', which is neither listed nor served.
    /// A file has its name once it is whole and on the disk. A second thread waits for the disk.
    #[arg(long, value_name = "DIR", env = "BERTH_UPLOADS")]
    pub uploads: Option<PathBuf>,

    /// Let uploads replace files that are there ('replace' instead of 'put')
    #[arg(
        long,
        env = "BERTH_OVERWRITE",
        value_parser = BoolishValueParser::new(),
        requires = "uploads"
    )]
    pub overwrite: bool,

    /// Maximum size of an uploaded file, in bytes or as 10GiB; default: the room on the disk
    #[arg(
        long,
        value_name = "SIZE",
        env = "BERTH_MAX_UPLOAD",
        value_parser = parse_size,
        requires = "uploads"
    )]
    pub max_upload: Option<u64>,

    /// Refuse uploads that would leave less than this free on the disk
    #[arg(
        long,
        value_name = "SIZE",
        env = "BERTH_KEEP_FREE",
        default_value = "1GiB",
        value_parser = parse_size
    )]
    pub keep_free: u64,

    /// Maximum size of all unfinished uploads together; default: the room on the disk
    #[arg(
        long,
        value_name = "SIZE",
        env = "BERTH_MAX_PARTS",
        value_parser = parse_size,
        requires = "uploads"
    )]
    pub max_parts: Option<u64>,

    /// How long an unfinished upload can be resumed
    #[arg(
        long,
        value_name = "DUR",
        env = "BERTH_KEEP_PARTS",
        default_value = "24h",
        value_parser = parse_duration
    )]
    pub keep_parts: Duration,
}

impl From<UploadArgs> for Option<Settings> {
    fn from(args: UploadArgs) -> Self {
        Some(Settings {
            dir: args.uploads?,
            overwrite: args.overwrite,
            size_max: args.max_upload,
            keep_free: args.keep_free,
            parts_max: args.max_parts,
            keep_parts: args.keep_parts,
        })
    }
}

/// Reads a number of bytes.
pub(super) fn parse_size(text: &str) -> Result<u64, &'static str> {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("", 0)];
    let found = units.iter().find(|(unit, _)| text.ends_with(unit));
    let (unit, bits) = found.expect("every text ends with nothing");
    let number = text[..text.len() - unit.len()].trim_end().parse::<u64>();
    let size = number.ok().and_then(|number| number.checked_mul(1 << bits));
    size.ok_or("a number of bytes, written as 65536, 64KiB, 64MiB, 10GiB or 1TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_with_a_unit_or_without() {
        for (text, size) in [
            ("0", Some(0)),
            ("65536", Some(65_536)),
            ("64KiB", Some(65_536)),
            ("64 KiB", Some(65_536)),
            ("1GiB", Some(1 << 30)),
            ("2TiB", Some(2 << 40)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("16777216TiB", None),
            ("-1", None),
            ("1.5GiB", None),
            ("1GB", None),
            ("GiB", None),
            ("", None),
        ] {
            assert_eq!(parse_size(text).ok(), size, "{text}");
        }
    }
}
