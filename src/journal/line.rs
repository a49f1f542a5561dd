//! Parses one line of a journal.
//!
//! Owns the distinction between a record and damage. Must never panic, whatever the bytes are.

use crate::journal::record::Record;

/// What a line of a journal turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A record.
    Record(Box<Record>),
    /// Nothing: what closes off a torn line leaves such.
    Blank,
    /// A torn line, or bytes that are no record.
    Damaged,
}

/// How every record begins, since its time is written first.
const BEGINNING: &[u8] = b"{\"time\":\"";

impl Line {
    /// Whether `bytes`, which may end anywhere, could be the beginning of a record.
    #[must_use]
    pub fn begins_in(bytes: &[u8]) -> bool {
        bytes.starts_with(BEGINNING) || BEGINNING.starts_with(bytes)
    }

    /// Reads a line, given with or without its LF.
    #[must_use]
    pub fn parse(line: &[u8]) -> Self {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Self::Blank;
        }
        match serde_json::from_slice(line) {
            Ok(record) => Self::Record(Box::new(record)),
            Err(_) => Self::Damaged,
        }
    }

    /// Appends a record's line, its LF included.
    pub fn write(record: &Record, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, record)
            .expect("a record is plain data and a vector takes it all");
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record::Event;

    /// A line that begins as every record does.
    fn line(rest: &str) -> Vec<u8> {
        format!("{{\"time\":\"2026-11-22T10:00:00.000Z\",{rest}").into_bytes()
    }

    #[test]
    fn fields_and_events_of_a_later_version_are_no_damage() {
        let known = line(r#""seq":7,"event":"stopping","clients":2,"x":[{}]}"#);
        assert!(matches!(Line::parse(&known), Line::Record(record) if record.seq == 7));
        let unknown = line(r#""seq":8,"event":"sung","clients":"two"}"#);
        let parsed = Line::parse(&unknown);
        assert!(matches!(parsed, Line::Record(record) if record.event == Event::Other));
    }

    #[test]
    fn what_is_torn_or_foreign_is_damage_and_what_is_empty_is_nothing() {
        for blank in [&b""[..], b"\n", b" \r\n"] {
            assert_eq!(Line::parse(blank), Line::Blank);
        }
        let foreign = ["{", "null", "[]", "\0\0\0\0"].map(|text| text.as_bytes().to_vec());
        let torn = [
            b"\xff\xfe".to_vec(),
            line(r#""seq":7,"event":"stopp"#),
            line(r#""seq":-1,"event":"stopping","clients":0}"#),
            b"{\"time\":\"tomorrow\",\"seq\":1,\"event\":\"stopping\",\"clients\":0}".to_vec(),
        ];
        for damaged in foreign.iter().chain(&torn) {
            let shown = damaged.escape_ascii();
            assert_eq!(Line::parse(damaged), Line::Damaged, "{shown}");
        }
    }
}
