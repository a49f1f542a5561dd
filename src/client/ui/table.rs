//! Tables, and the ages in them.
//!
//! Owns the columns and the format of ages. Must never read a clock, nor be given text that is not
//! sanitized.

use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

use unicode_width::UnicodeWidthStr;

/// Rows whose cells stand below each other.
#[derive(Debug)]
pub struct Table<const COLUMNS: usize> {
    head: [&'static str; COLUMNS],
    /// Whether a column's cells stand at its right end, as numbers do.
    right: [bool; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// An empty table. A heading that begins with `>` belongs to a column of numbers.
    #[must_use]
    pub fn new(head: [&'static str; COLUMNS]) -> Self {
        Self {
            head: head.map(|name| name.trim_start_matches('>')),
            right: head.map(|name| name.starts_with('>')),
            rows: Vec::new(),
        }
    }

    /// Adds a row of sanitized text.
    pub fn push(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }

    /// The lines of the table, the heading first. The last column is as wide as it is.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let mut widths = self.head.map(UnicodeWidthStr::width);
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let head = self.line(&self.head, widths);
        let rows = self.rows.iter().map(move |row| self.line(row, widths));
        std::iter::once(head).chain(rows)
    }

    fn line(&self, cells: &[impl AsRef<str>; COLUMNS], widths: [usize; COLUMNS]) -> String {
        let mut line = String::new();
        for (i, cell) in cells.iter().enumerate() {
            let cell = cell.as_ref();
            let blanks = widths[i] - cell.width();
            let before = if self.right[i] { blanks } else { 0 };
            let gap = if i == 0 { 0 } else { 2 };
            let _ = write!(line, "{:1$}{cell}", "", gap + before);
            let _ = write!(line, "{:1$}", "", blanks - before);
        }
        line.truncate(line.trim_end_matches(' ').len());
        line
    }
}

/// How long ago something was, in its largest unit.
#[derive(Clone, Copy, Debug)]
pub struct Ago(pub Duration);

impl Ago {
    /// From `then` to `now`. The clocks of two machines differ: what is to come is just now.
    #[must_use]
    pub fn since(then: SystemTime, now: SystemTime) -> Self {
        Self(now.duration_since(then).unwrap_or_default())
    }
}

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u64 = 24 * 60 * 60;
        let seconds = self.0.as_secs();
        match seconds {
            0 => f.write_str("now"),
            1..60 => write!(f, "{seconds}s ago"),
            60..3600 => write!(f, "{}m ago", seconds / 60),
            3600..DAY => write!(f, "{}h ago", seconds / 3600),
            _ if seconds < 365 * DAY => write!(f, "{}d ago", seconds / DAY),
            _ => write!(f, "{}y ago", seconds / (365 * DAY)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_whatever_the_script() {
        let mut table = Table::new([">SIZE", "WHAT", "NAME"]);
        table.push(["5 B".into(), "世界".into(), "a".into()]);
        table.push(["1.0 KiB".into(), "x".into(), "b c".into()]);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "   SIZE  WHAT  NAME",
                "    5 B  世界  a",
                "1.0 KiB  x     b c"
            ]
        );
    }

    #[test]
    fn ages_are_short() {
        for (seconds, text) in [
            (0, "now"),
            (59, "59s ago"),
            (60, "1m ago"),
            (7200, "2h ago"),
            (86_400 * 364, "364d ago"),
            (86_400 * 800, "2y ago"),
        ] {
            assert_eq!(Ago(Duration::from_secs(seconds)).to_string(), text);
        }
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(
            Ago::since(now + Duration::from_secs(9), now).to_string(),
            "now"
        );
    }
}
