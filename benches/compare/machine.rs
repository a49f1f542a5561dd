//! Where and when the figures were taken.
//!
//! Owns the line that stands above them. Figures of one machine say little about another, and
//! those of a busy one little about anything.

use std::fs;
use std::thread;
use std::time::SystemTime;

/// Cores, kernel, date and load.
pub(crate) fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    format!(
        "{cores} cores, {}, Linux {}, {now}, load {}",
        model(),
        kernel.trim(),
        load()
    )
}

/// How many others wanted a processor in the last minute.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("unknown").to_owned()
}

fn model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let model = line.and_then(|line| line.split_once(": "));
    model
        .map_or("of an unnamed make", |(_, model)| model)
        .to_owned()
}
