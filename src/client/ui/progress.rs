//! The bar that shows how far a download or an upload is.
//!
//! Owns all that pbr is used for; no other file names it. Must never draw anywhere but on a
//! terminal, claim more than has come, or end the program because the terminal went away.
//!
//! pbr left alone draws on standard output, also where no terminal is, asks standard output for its
//! width, counts what was here before into the rate, has units of its own, jumps to 100 % when it
//! is told to finish, and panics when it cannot write. So each drawing here is of a new bar, which
//! is told the width that the terminal has now and where it stands, and draws into a line that
//! swallows errors. What stands before the bar is ours.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use pbr::ProgressBar;

use crate::streams::{self, Stream};
use crate::wire::Size;

/// The shortest time between two drawings: fast enough to look alive, slow enough to cost nothing.
const REFRESH: Duration = Duration::from_millis(100);

/// The rate is that of so long: a line that has become slow is seen to be so.
const RATE_OVER: Duration = Duration::from_secs(10);

/// How long a check, or reading a file to be uploaded, may take before it gets a bar.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// The width of a terminal that does not tell its own.
const COLUMNS_DEFAULT: u16 = 80;

/// What pbr puts behind a bar.
const PERCENT: usize = " 100.00 %".len();

/// The shortest bar that says anything, with its ends.
const BAR_MIN: usize = 12;

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
    bar: Option<Bar>,
}

/// What is drawn.
struct Bar {
    terminal: Stream,
    measure: Measure,
    /// What the bytes are, in front of all.
    words: Words,
    /// What stands there instead for a while.
    said: Option<&'static str>,
    /// Not before.
    from: Instant,
    /// When it was drawn last.
    drawn: Option<Instant>,
}

/// What stands first in a bar.
enum Words {
    /// Which of several files it is.
    Total(Total),
    /// What is done.
    Text(&'static str),
}

impl Progress {
    /// Begins a bar for a file of `size` bytes, of which there are `have`, unless all is to be
    /// quiet. Where nothing is to come there is nothing to show.
    #[must_use]
    pub fn begin(have: u64, size: u64, total: Total, quiet: bool) -> Self {
        Self::new(have, size, Words::Total(total), Duration::ZERO, quiet)
    }

    /// Begins a bar for the check of `size` bytes, which is seen if it takes long.
    #[must_use]
    pub fn of_check(size: u64, quiet: bool) -> Self {
        Self::new(0, size, Words::Text("checking "), SHOWN_AFTER, quiet)
    }

    /// Begins a bar for reading `size` bytes that are to be uploaded, which is seen if it takes
    /// long.
    #[must_use]
    pub fn of_reading(size: u64, quiet: bool) -> Self {
        Self::new(0, size, Words::Text("reading "), SHOWN_AFTER, quiet)
    }

    fn new(have: u64, size: u64, words: Words, after: Duration, quiet: bool) -> Self {
        let terminal = streams::stderr();
        let shown = have < size && !quiet && terminal.is_terminal() && !is_dumb();
        let now = Instant::now();
        let mut bar = shown.then(|| Bar {
            terminal,
            measure: Measure::begin(have, size, now),
            words,
            said: None,
            from: now + after,
            drawn: None,
        });
        if let Some(bar) = &mut bar {
            bar.draw(now);
            // The first bytes are seen at once, for there may be no others for long.
            let before = now.checked_sub(REFRESH);
            bar.drawn = bar.drawn.and_then(|drawn| before.or(Some(drawn)));
        }
        Self { bar }
    }

    /// Whether it is drawn.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        self.bar.is_some()
    }

    /// Time goes by, and nothing comes.
    pub fn tick(&mut self) {
        self.add(0);
    }

    /// Says these words in front of the bar, or again what stood there.
    pub fn say(&mut self, words: Option<&'static str>) {
        if let Some(bar) = &mut self.bar
            && bar.said != words
        {
            bar.said = words;
            bar.draw(Instant::now());
        }
    }

    /// So many bytes more have come.
    pub fn add(&mut self, bytes: u64) {
        if let Some(bar) = &mut self.bar {
            bar.measure.come += bytes;
            bar.draw(Instant::now());
        }
    }
}

impl Bar {
    /// Draws it, unless it was drawn just now and will be again.
    fn draw(&mut self, now: Instant) {
        let just_now = self.drawn.is_some_and(|drawn| now - drawn < REFRESH);
        let whole = self.measure.come >= self.measure.size && self.drawn.is_some();
        if now < self.from || just_now && !whole {
            return;
        }
        self.drawn = Some(now);
        self.measure.take(now);
        // Asked each time: a window is made narrower and wider while a file comes.
        let columns = terminal_size::terminal_size_of(self.terminal);
        let columns = columns.map_or(COLUMNS_DEFAULT, |(width, _)| width.0);
        let words = match (self.said, &self.words) {
            (Some(text), _) => text.to_owned(),
            (None, Words::Text(text)) => (*text).to_owned(),
            (None, Words::Total(total)) => total.label(self.measure.come),
        };
        draw(self.terminal, columns, &words, &self.measure);
    }
}

impl Drop for Progress {
    /// What is written next, a message of success or of failure, begins on a line of its own.
    fn drop(&mut self) {
        if let Some(bar) = self.bar.as_mut().filter(|bar| bar.drawn.is_some()) {
            let _ = bar.terminal.write_all(b"\n");
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

/// How much has come, and how fast.
struct Measure {
    size: u64,
    come: u64,
    /// How much had come and when, the oldest first; never empty.
    marks: VecDeque<(Instant, u64)>,
    /// Bytes a second; nothing while that is not known.
    rate: Option<f64>,
}

impl Measure {
    fn begin(have: u64, size: u64, now: Instant) -> Self {
        Self {
            size,
            come: have,
            marks: VecDeque::from([(now, have)]),
            rate: None,
        }
    }

    /// Takes note of how much has come by now. What was here before counts for no rate.
    fn take(&mut self, now: Instant) {
        let is_old = |mark: &(Instant, u64)| now - mark.0 > RATE_OVER;
        // The youngest of the old ones stays, so that there is one to compare with.
        while self.marks.get(1).is_some_and(is_old) {
            self.marks.pop_front();
        }
        let (then, come) = self.marks[0];
        let seconds = (now - then).as_secs_f64();
        self.rate = (seconds > 0.0).then(|| (self.come - come) as f64 / seconds);
        self.marks.push_back((now, self.come));
    }

    /// `12.3 MiB/s`
    fn rate(&self) -> Option<String> {
        self.rate.map(|rate| format!("{}/s", Size(rate as u64)))
    }

    /// `3m 12s`, while something is to come and its rate known.
    fn left(&self) -> Option<String> {
        let left = self.size.saturating_sub(self.come) as f64;
        let rate = self.rate.filter(|rate| *rate >= 1.0 && left > 0.0)?;
        let seconds = (left / rate).ceil() as u64;
        Some(match seconds {
            0..60 => format!("{seconds}s"),
            60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
            3600..360_000 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
            _ => format!("{}d", (seconds / 86_400).min(9999)),
        })
    }
}

/// Whether the terminal cannot go back to the start of a line.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Draws a bar that fits so many columns. What a narrow terminal has no room for is left out: first
/// how many bytes, then the bar itself (pbr does that), then the rate, then the words.
fn draw(out: impl Write, columns: u16, words: &str, measure: &Measure) {
    // The last column stays empty: some terminals begin a new line once it is written.
    let width = usize::from(columns.saturating_sub(1));
    let mut bar = ProgressBar::on(Line { out, width }, measure.size);
    bar.set_width(Some(width));
    bar.show_counter = false;
    bar.show_speed = false;
    bar.show_time_left = false;
    bar.message(&prefix(width, words, measure));
    bar.set(measure.come);
}

/// What stands before the bar, in at most as many columns as percent leave of `width`.
fn prefix(width: usize, words: &str, measure: &Measure) -> String {
    let counter = format!("{} / {} ", Size(measure.come), Size(measure.size));
    let spaced = |part: Option<String>| part.map_or_else(String::new, |part| part + " ");
    let mut parts = [
        words.to_owned(),
        counter,
        spaced(measure.rate()),
        spaced(measure.left()),
    ];
    let mut room = width.saturating_sub(PERCENT);
    // By how much is lost without it: time left, words, rate, and how many bytes beside a bar.
    for (part, pool) in [(3, 0), (0, 0), (2, BAR_MIN / 2), (1, BAR_MIN)] {
        match room.checked_sub(parts[part].len()) {
            Some(rest) if rest >= pool => room = rest,
            _ => parts[part].clear(),
        }
    }
    parts.concat()
}

/// The one line of a terminal that pbr draws on, again and again.
struct Line<W> {
    out: W,
    width: usize,
}

impl<W: Write> Write for Line<W> {
    /// Takes one drawing: a CR and ASCII text. What would wrap is cut. That the
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

    /// So much of `size` after a second in which all but `have` of it came.
    fn measure(have: u64, come: u64, size: u64) -> Measure {
        let now = Instant::now();
        let mut measure = Measure::begin(have, size, now);
        measure.come = come;
        measure.take(now + Duration::from_secs(1));
        measure
    }

    fn drawn(columns: u16, words: &str, measure: &Measure) -> String {
        let mut out = Vec::new();
        draw(&mut out, columns, words, measure);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_bar_fits_every_terminal() {
        for columns in [0, 1, 2, 9, 12, 20, 27, 28, 40, 60, 61, 80, 200] {
            for size in [1, 812, 1 << 30, u64::MAX] {
                for words in ["", "12/90 100% "] {
                    for come in [0, size / 2, size] {
                        let text = drawn(columns, words, &measure(0, come, size));
                        for line in text.split('\r').filter(|line| !line.is_empty()) {
                            assert!(line.len() < usize::from(columns), "{columns}: {line:?}");
                        }
                        assert!(!text.contains('\n'));
                    }
                }
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
    fn what_was_here_before_is_in_the_total_and_in_no_rate() {
        let gib = 1 << 30;
        let resumed = measure(6 * gib, 7 * gib, 10 * gib);
        let text = drawn(80, "", &resumed);
        assert!(
            text.starts_with("\r7.0 GiB / 10.0 GiB 1.0 GiB/s 3s ["),
            "{text:?}"
        );
        assert!(text.trim_end().ends_with("] 70.00 %"), "{text:?}");
        // At its beginning it stands where it stands, and no rate is known.
        let begun = Measure::begin(6 * gib, 10 * gib, Instant::now());
        let text = drawn(80, "", &begun);
        assert!(text.starts_with("\r6.0 GiB / 10.0 GiB ["), "{text:?}");
        assert!(text.trim_end().ends_with("] 60.00 %"), "{text:?}");
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let begun = Instant::now();
        let mut measure = Measure::begin(0, 1 << 40, begun);
        for second in 1..=100 {
            measure.come += if second <= 60 { 1 << 30 } else { 1 << 20 };
            measure.take(begun + Duration::from_secs(second));
        }
        assert_eq!(measure.rate().unwrap(), "1.0 MiB/s");
        assert!(measure.marks.len() < 15, "{}", measure.marks.len());
    }

    #[test]
    fn a_line_that_brings_nothing_has_no_rate_and_no_time_left() {
        let begun = Instant::now();
        let mut measure = Measure::begin(0, 1 << 40, begun);
        measure.come = 1 << 30;
        for second in 1..=30 {
            measure.take(begun + Duration::from_secs(second));
        }
        assert_eq!(measure.rate().unwrap(), "0 B/s");
        assert_eq!(measure.left(), None);
    }

    #[test]
    fn time_left_is_in_its_two_largest_units() {
        for (left, text) in [
            (1, Some("1s")),
            (59, Some("59s")),
            (192, Some("3m 12s")),
            (7260, Some("2h 01m")),
            (400_000, Some("4d")),
            (u64::MAX / 4, Some("9999d")),
            (0, None),
        ] {
            assert_eq!(measure(0, 1, 1 + left).left().as_deref(), text);
        }
        assert_eq!(measure(0, 0, 5).left(), None);
    }

    #[test]
    fn a_narrow_bar_keeps_percent_and_time_left() {
        let text = drawn(20, "", &measure(0, 1 << 39, 1 << 40));
        assert_eq!(text.trim_end(), "\r1s [==>--] 50.00 %");
        let text = drawn(40, "3/12 45% ", &measure(0, 1 << 39, 1 << 40));
        assert!(text.contains("3/12 45% 512.0 GiB/s 1s "), "{text:?}");
    }

    #[test]
    fn nothing_is_claimed_that_has_not_come() {
        let text = drawn(80, "", &measure(0, 250, 1000));
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
        draw(Gone, 80, "", &measure(0, 1, 2));
    }
}
