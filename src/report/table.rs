//! The tables of `berthd journal`.
//!
//! Owns columns, sizes, durations and the line of each event. Must never print a name that is not
//! sanitized.

use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use crate::journal::text::{FileName, Moment};
use crate::journal::{Event, Record};
use crate::wire::{Sanitized, Size, Timestamp};

/// Rows under a head, each column as wide as its widest cell.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        let head = head.iter().map(|&name| name.to_owned()).collect();
        Self { rows: vec![head] }
    }

    /// Adds a row.
    pub fn push(&mut self, row: &[String]) {
        self.rows.push(row.to_vec());
    }

    /// Writes the table.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                line += &format!("{cell:width$}  ", width = width(column));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A moment to the second, as `status` shows it.
#[must_use]
pub fn second(moment: Moment) -> String {
    Timestamp(moment.time()).to_string()
}

/// A duration: to the second where there are any, otherwise to the millisecond.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let rounded = if duration.as_secs() > 0 {
        Duration::from_secs(duration.as_secs())
    } else {
        duration
    };
    humantime::format_duration(rounded).to_string()
}

/// A number of bytes, as both programs write it.
#[must_use]
pub fn size(bytes: u64) -> String {
    Size(bytes).to_string()
}

/// A file's name, exact if it was text, and always sanitized.
#[must_use]
pub fn file(name: &FileName) -> String {
    Sanitized(name.file.as_bytes()).to_string()
}

/// The address of refused clients; beyond a number of addresses they are counted together.
#[must_use]
pub fn source(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "others".to_owned(), |ip| ip.to_string())
}

/// Writes one event in one line.
///
/// # Errors
/// When it cannot be written.
pub fn write_event(record: &Record, out: &mut impl Write) -> io::Result<()> {
    let said = match &record.event {
        Event::Started(started) => {
            let version = Sanitized(started.version.as_bytes());
            let addresses: Vec<String> = started.listen.iter().map(ToString::to_string).collect();
            let (berths, addresses) = (started.clients_max, addresses.join(", "));
            format!("started, version {version}, {berths} berths, on {addresses}")
        }
        Event::Connected(it) => format!("{} {} connected", it.client, it.address),
        Event::Refused(it) => {
            let address = source(it.address);
            format!("{address} turned away, {}: {}", it.reason, it.count)
        }
        Event::Transfer(it) => {
            let (name, lasted) = (file(&it.name), Duration::from_millis(it.duration_ms));
            let whole = if it.whole { "whole" } else { "broken off" };
            let (sent, lasted) = (size(it.bytes_sent), duration(lasted));
            let (client, address) = (it.client, it.address);
            format!("{client} {address} was sent {sent} of {name} in {lasted}, {whole}")
        }
        Event::Upload(it) => {
            let (name, lasted) = (file(&it.name), Duration::from_millis(it.duration_ms));
            let (came, lasted) = (size(it.bytes_received), duration(lasted));
            let (client, address) = (it.client, it.address);
            let end = match &it.reason {
                None if it.replaced == Some(true) => "stored in place of another".to_owned(),
                None => "stored".to_owned(),
                Some(reason) => format!("not stored: {reason}"),
            };
            format!("{client} {address} sent {came} of {name} in {lasted}, {end}")
        }
        Event::Disconnected(it) => {
            format!("{} {} gone: {}", it.who.client, it.who.address, it.reason)
        }
        Event::Reload(it) => {
            let what = Sanitized(it.what.as_bytes());
            match &it.error {
                Some(error) => format!("{what} not read: {}", Sanitized(error.as_bytes())),
                None => format!("{what} read again"),
            }
        }
        Event::TokenEnded(it) => {
            let (token, why) = (Sanitized(it.token.as_bytes()), Sanitized(it.why.as_bytes()));
            format!("{} has a token '{token}' that is {why}", it.client)
        }
        Event::Stopping(it) => format!("stopping, {} inside", it.clients),
        // One is the server's own business, the other a later version's.
        Event::Checkpoint(_) | Event::Other => return Ok(()),
    };
    writeln!(out, "{} {said}", second(record.time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let times = [0, 12, 1999, 63_000, u64::MAX].map(Duration::from_millis);
        let times = times.map(duration);
        assert_eq!(times[..4], ["0s", "12ms", "1s", "1m 3s"]);
    }

    #[test]
    fn columns_are_as_wide_as_they_have_to_be_and_lines_end_in_no_blanks() {
        let mut table = Table::new(&["A", "LONG"]);
        table.push(&["wide cell".to_owned(), "x".to_owned()]);
        let mut out = Vec::new();
        table.write(&mut out).expect("memory can be written");
        assert_eq!(out, b"A          LONG\nwide cell  x\n");
    }

    #[test]
    fn a_file_name_can_do_nothing_but_be_read() {
        let name = FileName::from(&b"\x1b[2J\n\xff"[..]);
        assert_eq!(file(&name), "\\u{1b}[2J\\n\u{fffd}");
    }
}
