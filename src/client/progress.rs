//! The bar that shows how far a download is.
//!
//! Owns all that pbr is used for; no other file names it. Must never draw anywhere but on a
//! terminal, claim more than has come, or end the program because the terminal went away.
//!
//! pbr left alone draws on standard output, also where no terminal is, asks standard output for its
//! width, jumps to 100 % when it is told to finish, and panics when it cannot write. So it draws
//! into a line that swallows errors here, is told the width, and is never told to finish: the last
//! byte completes it.

use std::fmt;
use std::io::{self, IsTerminal, Stderr, Write};
use std::time::Duration;

use pbr::{ProgressBar, Units};

/// The shortest time between two drawings: fast enough to look alive, slow enough to cost nothing.
const REFRESH: Duration = Duration::from_millis(100);

/// The width of a terminal that does not tell its own.
const COLUMNS_DEFAULT: u16 = 80;

/// Which of several files a bar is for, and how much of all of them is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// The file's number, from 1.
    pub number: usize,
    /// How many there are.
    pub files: usize,
    /// How many bytes lie behind, in files before this one.
    pub behind: u64,
    /// How many bytes there are in all.
    pub size: u64,
}

impl Total {
    /// `3/12 45% ` when so much of this file has come; nothing for a file alone.
    fn label(&self, come: u64) -> String {
        if self.files < 2 {
            return String::new();
        }
        let done = u128::from(self.behind) + u128::from(come);
        let percent = (done * 100 / u128::from(self.size.max(1))).min(100);
        format!("{}/{} {percent}% ", self.number, self.files)
    }
}

/// A bar on standard error while it lives, when that is a terminal; nothing otherwise.
pub struct Progress {
    bar: Option<ProgressBar<Line<Stderr>>>,
    total: Total,
    come: u64,
    /// Whether there is room for the total.
    labelled: bool,
}

impl Progress {
    /// Begins a bar for the bytes of a file from `have` up to `size`, unless all is to be quiet.
    /// For none there is nothing to show.
    #[must_use]
    pub fn begin(have: u64, size: u64, total: Total, quiet: bool) -> Self {
        let stderr = io::stderr();
        let left = size.saturating_sub(have);
        let shown = left > 0 && !quiet && stderr.is_terminal() && !is_dumb();
        let columns = terminal_size::terminal_size_of(&stderr);
        let columns = columns.map_or(COLUMNS_DEFAULT, |(width, _)| width.0);
        // The longest that it will be.
        let label = total.label(u64::MAX);
        Self {
            bar: shown.then(|| bar(stderr, left, columns, &label)),
            labelled: !label.is_empty() && fits(&label, columns),
            total,
            come: have,
        }
    }

    /// So many bytes more have come.
    pub fn add(&mut self, bytes: u64) {
        self.come += bytes;
        if let Some(bar) = &mut self.bar {
            if self.labelled {
                bar.message(&self.total.label(self.come));
            }
            bar.add(bytes);
        }
    }
}

impl Drop for Progress {
    /// What is written next, a message of success or of failure, begins on a line of its own.
    fn drop(&mut self) {
        if self.bar.is_some() {
            let _ = writeln!(io::stderr());
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress")
            .field(&self.bar.is_some())
            .finish()
    }
}

/// Whether there is room for a label: it says less than percent and time left, which need 14.
fn fits(label: &str, columns: u16) -> bool {
    usize::from(columns.saturating_sub(1)) >= 14 + label.len()
}

/// Whether the terminal cannot go back to the start of a line.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// A bar that fits so many columns. What a narrow terminal has no room for is left out, the least
/// useful first: how many bytes, then the bar itself (pbr does that), then the rate.
fn bar<W: Write>(out: W, size: u64, columns: u16, label: &str) -> ProgressBar<Line<W>> {
    // The last column stays empty: some terminals begin a new line once it is written.
    let width = usize::from(columns.saturating_sub(1));
    let mut bar = ProgressBar::on(Line { out, width }, size);
    bar.set_units(Units::Bytes);
    bar.set_max_refresh_rate(Some(REFRESH));
    bar.set_width(Some(width));
    // `1023.99 MB / 1023.99 MB ` is 24 wide, ` 100.00 % 1023.99 MB/s 999m` is 27.
    bar.show_counter = width >= 60 + label.len();
    bar.show_speed = width >= 27;
    if fits(label, columns) {
        bar.message(label);
    }
    bar
}

/// The one line of a terminal that pbr draws on, again and again.
struct Line<W> {
    out: W,
    width: usize,
}

impl<W: Write> Write for Line<W> {
    /// Takes one drawing: a CR and ASCII text. What would go on in the next line is cut. That the
    /// terminal is gone is no reason to end a download, so errors end here.
    fn write(&mut self, drawing: &[u8]) -> io::Result<usize> {
        let end = drawing.len().min(b"\r".len() + self.width);
        let _ = self.out.write_all(&drawing[..end]);
        Ok(drawing.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.out.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(size: u64, columns: u16, come: &[u64]) -> String {
        drawn_with("", size, columns, come)
    }

    fn drawn_with(label: &str, size: u64, columns: u16, come: &[u64]) -> String {
        let mut out = Vec::new();
        let mut bar = bar(&mut out, size, columns, label);
        for bytes in come {
            bar.add(*bytes);
        }
        drop(bar);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_bar_fits_every_terminal() {
        for columns in [0, 1, 2, 20, 27, 28, 40, 60, 61, 80, 200] {
            for size in [1, 812, 1 << 30, u64::MAX] {
                let come = [size / 2, size - size / 2];
                let text =
                    drawn(size, columns, &come) + &drawn_with("12/90 ", size, columns, &come);
                for line in text.split('\r').filter(|line| !line.is_empty()) {
                    assert!(line.len() < usize::from(columns), "{columns}: {line:?}");
                }
                assert!(!text.contains('\n'));
            }
        }
    }

    #[test]
    fn the_total_grows_with_the_file_and_is_left_out_for_one_alone() {
        let total = Total {
            number: 2,
            files: 12,
            behind: 30,
            size: 200,
        };
        assert_eq!(total.label(0), "2/12 15% ");
        assert_eq!(total.label(70), "2/12 50% ");
        assert_eq!(total.label(u64::MAX), "2/12 100% ");
        assert_eq!(Total { files: 1, ..total }.label(70), "");
    }

    #[test]
    fn percent_rate_and_time_left_are_shown() {
        let text = drawn(1 << 40, 80, &[1 << 39]);
        assert!(text.contains("512.00 GB / 1.00 TB ["), "{text:?}");
        assert!(text.contains("50.00 %") && text.contains("B/s"), "{text:?}");
        assert!(text.trim_end().ends_with('s'), "{text:?}");
    }

    #[test]
    fn a_narrow_bar_keeps_percent_and_time_left() {
        let text = drawn(1 << 40, 20, &[1 << 39]);
        assert!(text.contains("50.00 %"), "{text:?}");
        assert!(text.trim_end().ends_with('s'), "{text:?}");
    }

    #[test]
    fn nothing_is_claimed_that_has_not_come() {
        let text = drawn(1000, 80, &[250]);
        assert!(text.contains("25.00 %"), "{text:?}");
        assert!(!text.contains("100.00 %"), "{text:?}");
    }

    #[test]
    fn a_terminal_that_is_gone_is_no_trouble() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        bar(Gone, 2, 80, "").add(2);
    }
}
