//! Serializes events in the Trace Event Format.
//!
//! Owns their JSON, and the last values of the counters. Must never know what they mean.
//!
//! Some are written in each turn of the loop, so they are serialized by hand: `format!` would cost
//! a traced server several times as much.

use std::time::{Duration, Instant};

use crate::server::observe::trace::writer::Writer;

/// The loop's track.
pub(super) const LOOP: u64 = 1;

/// The shortest time between two values of a counter while the loop is busy. The maximum in between
/// is written, so no peak is lost.
pub(super) const COUNT_EVERY: Duration = Duration::from_millis(1);

/// Writes events.
#[derive(Debug)]
pub(super) struct Events {
    pub(super) writer: Writer,
    since: Instant,
    counters: [Counter; 3],
    /// When the counters were last written.
    counted_at: Instant,
}

/// An argument of an event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arg<'a> {
    /// A number, left out when it is zero.
    Some(&'static str, u64),
    /// A number.
    Count(&'static str, u64),
    /// Text from an untrusted source.
    Text(&'static str, &'a str),
}

/// A value over time.
#[derive(Clone, Copy, Debug)]
struct Counter {
    name: &'static str,
    now: u64,
    /// The maximum since it was last written.
    most: u64,
    told: Option<u64>,
}

impl Counter {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            now: 0,
            most: 0,
            told: None,
        }
    }
}

impl Events {
    /// Times are those since `since`; the counters have these names.
    pub(super) fn new(writer: Writer, since: Instant, counters: [&'static str; 3]) -> Self {
        Self {
            writer,
            since,
            counters: counters.map(Counter::new),
            counted_at: since,
        }
    }

    /// The name of a track, or of the process.
    pub(super) fn name(&mut self, now: Instant, what: &str, track: u64, name: &str) {
        self.writer.event(now, |out| {
            head(out, what, b'M', track);
            args(out, &[Arg::Text("name", name)]);
        });
    }

    /// A complete event (`X`) from `from` to `to`.
    pub(super) fn span(
        &mut self,
        track: u64,
        name: &str,
        (from, to): (Instant, Instant),
        with: &[Arg<'_>],
    ) {
        let since = self.since;
        self.writer.event(to, |out| {
            head(out, name, b'X', track);
            time(out, "ts", from.saturating_duration_since(since));
            time(out, "dur", to.saturating_duration_since(from));
            args(out, with);
        });
    }

    /// The begin (`B`) or end (`E`) of a span, or an instant event (`i`).
    pub(super) fn edge(&mut self, track: u64, kind: u8, name: &str, at: Instant, with: &[Arg<'_>]) {
        let since = self.since;
        self.writer.event(at, |out| {
            head(out, name, kind, track);
            time(out, "ts", at.saturating_duration_since(since));
            if kind == b'i' {
                out.extend_from_slice(b",\"s\":\"t\"");
            }
            args(out, with);
        });
    }

    /// A counter has a new value.
    pub(super) fn count(&mut self, which: usize, value: u64) {
        let counter = &mut self.counters[which];
        counter.now = value;
        counter.most = counter.most.max(value);
    }

    /// Writes the maximum of the counters, if it is due.
    pub(super) fn write_maxima(&mut self, at: Instant) {
        if at < self.counted_at + COUNT_EVERY {
            return;
        }
        self.counted_at = at;
        for which in 0..self.counters.len() {
            self.tell(which, at, self.counters[which].most);
            self.counters[which].most = self.counters[which].now;
        }
    }

    /// Writes the values of the counters, because they stay the same for a while from `at` on.
    pub(super) fn write_values(&mut self, at: Instant) {
        for which in 0..self.counters.len() {
            self.tell(which, at, self.counters[which].now);
        }
    }

    fn tell(&mut self, which: usize, at: Instant, value: u64) {
        let counter = &mut self.counters[which];
        if counter.told == Some(value) {
            return;
        }
        counter.told = Some(value);
        let (name, ts) = (counter.name, at.saturating_duration_since(self.since));
        self.writer.event(at, |out| {
            head(out, name, b'C', LOOP);
            time(out, "ts", ts);
            args(out, &[Arg::Count(name, value)]);
        });
    }
}

fn head(out: &mut Vec<u8>, name: &str, kind: u8, track: u64) {
    out.extend_from_slice(b"{\"name\":");
    text(out, name);
    out.extend_from_slice(b",\"ph\":\"");
    out.push(kind);
    out.extend_from_slice(b"\",\"pid\":1,\"tid\":");
    number(out, track);
}

/// Microseconds, with three digits behind the point.
fn time(out: &mut Vec<u8>, field: &str, time: Duration) {
    let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    out.extend_from_slice(b",\"");
    out.extend_from_slice(field.as_bytes());
    out.extend_from_slice(b"\":");
    number(out, ns / 1000);
    let rest = (ns % 1000) as u16;
    let digit = |n: u16| b'0' + (n % 10) as u8;
    out.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
}

/// The rest of the event.
fn args(out: &mut Vec<u8>, with: &[Arg<'_>]) {
    out.extend_from_slice(b",\"args\":{");
    let mut comma: &[u8] = b"";
    for arg in with {
        let (Arg::Some(name, _) | Arg::Count(name, _) | Arg::Text(name, _)) = arg;
        if matches!(arg, Arg::Some(_, 0)) {
            continue;
        }
        out.extend_from_slice(comma);
        text(out, name);
        out.push(b':');
        match arg {
            Arg::Some(_, n) | Arg::Count(_, n) => number(out, *n),
            Arg::Text(_, words) => text(out, words),
        }
        comma = b",";
    }
    out.extend_from_slice(b"}}");
}

fn text(out: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: &u8| (b' '..0x7f).contains(byte) && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("text is always JSON");
    }
}

fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn numbers_and_times_are_written_to_the_digit() {
        for n in [0, 7, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(written(|out| number(out, n)), n.to_string());
        }
        let shown = |ns| written(|out| time(out, "ts", Duration::from_nanos(ns)));
        assert_eq!(shown(0), ",\"ts\":0.000");
        assert_eq!(shown(1_002_034), ",\"ts\":1002.034");
    }

    #[test]
    fn text_from_anywhere_is_text_again_when_it_is_read() {
        for odd in ["plain", "a \"b\" \\ c", "\n\u{1b}\u{2028}</script>ä", ""] {
            let json = written(|out| text(out, odd));
            let back: String = serde_json::from_str(&json).expect("it is JSON");
            assert_eq!(back, odd);
        }
    }
}
