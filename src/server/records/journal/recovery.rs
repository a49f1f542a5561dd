//! Recovery: reads the state before this start from the journal.
//!
//! Owns how far back the file is read: from its end to the last checkpoint or start, and a little
//! further for clients that have gone. Must never read more because the file is larger.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::journal::record::{Checkpoint, Connected, Disconnected, Present, Started};
use crate::journal::text::{Client, Moment};
use crate::journal::{Event, Line, Record};
use crate::server::records::clients::Stay;
use crate::wire::ClientName;

/// How many clients that have gone are recovered: as many as `status` shows.
pub const GONE_MAX: usize = 1000;

/// How far back these are searched for, in bytes.
const GONE_BYTES_MAX: u64 = 1 << 20;

/// Read at once. More is read at once only where a single line is longer than this.
const BLOCK_BYTES: u64 = 64 * 1024;

/// A journal with a higher number is refused: no server gets there, and behind it the numbers could
/// overflow. The rest takes three centuries at a thousand million a second.
const NUMBER_MAX: u64 = u64::MAX >> 1;

/// The recovered state.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The number of the last client; 0 if there was none.
    pub last_client: u64,
    /// The number of the last record; 0 if there is none.
    pub last_seq: u64,
    /// When the last record was written.
    pub last_time: Option<Moment>,
    /// Clients that have gone and when, the first to go first.
    pub gone: Vec<(Moment, Disconnected)>,
    /// How many of these only knocked: see [`Stay::Knock`].
    knocks: usize,
    /// Clients that were connected when the server died, in order of arrival.
    pub left_inside: Vec<Present>,
    /// Lines that are no records, in the part that was read.
    pub damaged: u64,
    /// Whether the file ends in the middle of a line.
    pub is_torn: bool,
    /// Whether the file holds something, and it is no journal.
    pub is_foreign: bool,
    /// Whether a checkpoint or a start was found.
    is_based: bool,
    ended: HashSet<Client>,
}

impl Recovered {
    /// Reads as much of the file's end as necessary.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(file: &File) -> io::Result<Self> {
        let mut past = Self::default();
        let len = file.metadata()?.len();
        let mut at = len;
        let mut block_bytes = BLOCK_BYTES;
        // The bytes before the first whole line of the part that was read.
        let mut rest = Vec::new();
        while at > 0 && past.wants_more(len - at) {
            let n = block_bytes.min(at);
            at -= n;
            let mut bytes = vec![0; usize::try_from(n).expect("a block fits into memory")];
            file.read_exact_at(&mut bytes, at)?;
            if at + n == len {
                past.is_torn = bytes.last() != Some(&b'\n');
            }
            bytes.append(&mut rest);
            // The line before the first LF may begin in the block before, if there is one.
            let whole = match memchr::memchr(b'\n', &bytes) {
                _ if at == 0 => 0,
                Some(lf) => lf + 1,
                None => bytes.len(),
            };
            block_bytes = if whole == bytes.len() {
                n * 2
            } else {
                BLOCK_BYTES
            };
            past.note_all(&bytes[whole..]);
            bytes.truncate(whole);
            rest = bytes;
        }
        past.gone.reverse();
        past.left_inside.sort_by_key(|present| present.client);
        past.is_foreign = past.last_time.is_none() && !begins_like_a_journal(file, len)?;
        Ok(past)
    }

    /// Whether its numbers are so high that they could overflow.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.last_client > NUMBER_MAX || self.last_seq > NUMBER_MAX
    }

    /// Logs what was found.
    pub fn log(&self) {
        let last = ClientName(self.last_client);
        match self.last_time {
            None => log::info!("the journal is new"),
            Some(time) => log::info!("the journal goes on behind {last} and {time}"),
        }
        if self.damaged > 0 {
            let torn = if self.is_torn {
                ", the last of them torn"
            } else {
                ""
            };
            log::warn!(
                "the journal has lines that are no records{torn}: {}",
                self.damaged
            );
        }
        if !self.left_inside.is_empty() {
            let inside = self.left_inside.len();
            log::warn!("{inside} clients were inside when the server before this one died");
        }
    }

    fn wants_more(&self, bytes_read: u64) -> bool {
        !self.is_based || (self.gone.len() - self.knocks < GONE_MAX && bytes_read < GONE_BYTES_MAX)
    }

    /// Notes whole lines, the last first.
    fn note_all(&mut self, lines: &[u8]) {
        for line in lines.rsplit(|&byte| byte == b'\n') {
            match Line::parse(line) {
                Line::Record(record) => self.note(*record),
                Line::Damaged => self.damaged += 1,
                Line::Blank => {}
            }
        }
    }

    fn note(&mut self, record: Record) {
        if self.last_time.is_none() {
            self.last_time = Some(record.time);
            self.last_seq = record.seq;
        }
        if let Some(Client(number)) = record.event.client() {
            self.last_client = self.last_client.max(number);
        }
        match record.event {
            Event::Disconnected(gone) => {
                self.ended.insert(gone.who.client);
                // Clients that only knocked do not count, so that the others are found.
                let is_knock = Stay::recorded(&gone) == Stay::Knock;
                let found = match is_knock {
                    true => self.knocks,
                    false => self.gone.len() - self.knocks,
                };
                if found < GONE_MAX {
                    self.knocks += usize::from(is_knock);
                    self.gone.push((record.time, gone));
                }
            }
            _ if self.is_based => {}
            Event::Connected(Connected {
                client, address, ..
            }) => self.note_inside(Present {
                client,
                address,
                connected: record.time,
            }),
            Event::Checkpoint(Checkpoint {
                last_client,
                clients,
            }) => {
                self.is_based = true;
                self.last_client = self.last_client.max(last_client);
                clients
                    .into_iter()
                    .for_each(|present| self.note_inside(present));
            }
            Event::Started(Started { last_client, .. }) => {
                self.is_based = true;
                self.last_client = self.last_client.max(last_client);
            }
            _ => {}
        }
    }

    fn note_inside(&mut self, present: Present) {
        if self.ended.insert(present.client) {
            self.left_inside.push(present);
        }
    }
}

/// Whether a file could be a journal of which no record is whole.
fn begins_like_a_journal(file: &File, len: u64) -> io::Result<bool> {
    let mut beginning = [0; 16];
    let n = beginning
        .len()
        .min(usize::try_from(len).unwrap_or(usize::MAX));
    file.read_exact_at(&mut beginning[..n], 0)?;
    Ok(Line::begins_in(&beginning[..n]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str) -> Recovered {
        let mut file = tempfile::tempfile().expect("a file can be made");
        file.write_all(text.as_bytes()).expect("it can be written");
        Recovered::read(&file).expect("it can be read")
    }

    fn line(seq: u64, event: &str) -> String {
        format!(
            "{{\"time\":\"2026-11-22T10:00:{:02}.000Z\",\"seq\":{seq},{event}}}\n",
            seq % 60
        )
    }

    fn started(seq: u64, last_client: u64) -> String {
        let event = r#""event":"started","version":"1","pid":1,"listen":[],"clients_max":3"#;
        line(seq, &format!("{event},\"last_client\":{last_client}"))
    }

    fn connected(seq: u64, number: u64) -> String {
        let event = r#""event":"connected","address":"127.0.0.1:9""#;
        line(seq, &format!("{event},\"client\":\"Client{number:02}\""))
    }

    fn gone(seq: u64, number: u64) -> String {
        let event = r#""event":"disconnected","address":"127.0.0.1:9","reason":"exit""#;
        let since = r#""connected":"2026-11-22T09:00:00.000Z""#;
        line(
            seq,
            &format!("{event},{since},\"client\":\"Client{number:02}\""),
        )
    }

    #[test]
    fn knocks_keep_nobody_else_from_being_found() {
        let mut text = started(1, 0) + &gone(2, 1);
        for seq in 3..2003 {
            let knock = gone(seq, seq).replace("exit", "eof");
            let metrics = r#""requests":0,"bytes_in":0,"bytes_out":17,"duration_ms":1}"#;
            text += &knock.replace("}\n", &format!(",{metrics}\n"));
        }
        let past = read(&text);
        assert_eq!(past.gone.len(), 1 + GONE_MAX);
        assert_eq!(past.gone[0].1.who.client.0, 1);
    }

    fn names(past: &Recovered) -> Vec<u64> {
        past.left_inside
            .iter()
            .map(|present| present.client.0)
            .collect()
    }

    #[test]
    fn an_empty_journal_knows_nothing_and_is_one() {
        let past = read("");
        assert_eq!(
            (past.last_client, past.last_seq, past.is_foreign),
            (0, 0, false)
        );
    }

    #[test]
    fn those_who_came_and_did_not_go_were_inside() {
        let text = started(1, 4) + &connected(2, 5) + &connected(3, 6) + &gone(4, 5);
        let past = read(&text);
        assert_eq!((past.last_client, past.last_seq), (6, 4));
        assert_eq!(names(&past), [6]);
        assert_eq!(past.gone.len(), 1);
        // Those of an earlier run were dealt with when this one started.
        let past = read(&(text + &gone(5, 6) + &started(6, 6)));
        assert_eq!(
            (names(&past), past.gone.len(), past.last_client),
            (vec![], 2, 6)
        );
    }

    #[test]
    fn a_torn_line_is_skipped_and_a_line_that_lacks_its_end_only_is_not() {
        let whole = started(1, 0) + &connected(2, 1);
        for cut in 1..whole.len() {
            let past = read(&whole[..cut]);
            assert!(!past.is_foreign, "{cut}");
            assert_eq!(past.is_torn, !whole[..cut].ends_with('\n'), "{cut}");
            let lines = whole[..=cut].matches('\n').count() as u64;
            assert_eq!(past.last_seq, lines, "{cut}");
            assert_eq!(
                past.damaged,
                u64::from(past.is_torn && !whole[cut..].starts_with('\n'))
            );
        }
    }

    #[test]
    fn lines_across_blocks_and_longer_than_one_are_read() {
        let long = format!("{{\"time\":\"{}\n", "x".repeat(3 * BLOCK_BYTES as usize));
        let mut text = started(1, 0);
        for seq in 2..3000 {
            text += &if seq % 2 == 0 {
                connected(seq, seq / 2)
            } else {
                gone(seq, seq / 2)
            };
            if seq % 1000 == 0 {
                text += &long;
            }
        }
        let past = read(&text);
        assert_eq!(
            (past.last_client, past.last_seq, past.damaged),
            (1499, 2999, 2)
        );
        assert_eq!(past.gone.len(), GONE_MAX);
        assert_eq!(past.gone[GONE_MAX - 1].1.who.client.0, 1499);
        assert_eq!(names(&past), [0; 0]);
    }

    #[test]
    fn what_is_no_journal_is_not_taken_for_one() {
        for foreign in ["root:x:0:0:root:/root:/bin/sh\n", "{}\n", "\0\0\0"] {
            assert!(read(foreign).is_foreign, "{foreign}");
        }
        assert!(!read(&format!("\0\0\n{}", started(1, 0))).is_foreign);
    }
}
