//! The formats of `status` and `list`.
//!
//! Owns the formats: a table at a terminal, a line per entry in a pipe, JSON, or as on the wire.
//! Must never hold back the lines of an answer from a program that reads it line by line.

use std::io::Write;
use std::time::SystemTime;

use crate::client::error::Error;
use crate::client::net::connection::Client;
use crate::client::output::json;
use crate::client::ui::stdout::Stdout;
use crate::client::ui::table::{Ago, Table};
use crate::wire::reply::{END, LIST, STATUS};
use crate::wire::{KnownClient, ListedFile, Sanitized, Size};

/// How an answer of several lines is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is on the wire.
    Wire,
    /// The entries, without the lines around them.
    Entries,
    /// For a person.
    Table,
    /// For a program.
    Json,
}

/// Which of the two is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Who is there.
    Status,
    /// What is there.
    List,
}

/// Asks and shows the answer.
///
/// # Errors
/// See [`Client::ask`].
pub fn show<W: Write>(
    client: &mut Client,
    question: Question,
    line: &[u8],
    form: Form,
    stdout: &mut Stdout<W>,
) -> Result<(), Error> {
    let head = match question {
        Question::Status => STATUS,
        Question::List => LIST,
    };
    let mut kept = Vec::new();
    let mut began = false;
    client.ask(line, |line| {
        // A refusal is the first line and no head; the caller reports it.
        let is_head = !std::mem::replace(&mut began, true);
        let frame = is_head || line == END;
        match form {
            Form::Wire if is_head && line != head => Ok(()),
            Form::Wire => stdout.line(line),
            _ if frame => Ok(()),
            Form::Entries => stdout.line(line),
            Form::Table | Form::Json => {
                kept.push(line.to_vec());
                Ok(())
            }
        }
    })?;
    match (form, question) {
        (Form::Wire | Form::Entries, _) => Ok(()),
        (Form::Json, Question::Status) => stdout.text(json::status(&kept)),
        (Form::Json, Question::List) => stdout.text(json::list(&kept)),
        (Form::Table, Question::Status) => print(&clients(&kept, SystemTime::now()), stdout),
        (Form::Table, Question::List) => print(&files(&kept, SystemTime::now()), stdout),
    }
}

/// Shows the lines that a listing has for some files as the listing shows them to a person.
///
/// # Errors
/// When they cannot be written.
pub fn table<W: Write>(listed: &[Vec<u8>], stdout: &mut Stdout<W>) -> Result<(), Error> {
    print(&files(listed, SystemTime::now()), stdout)
}

fn print<W: Write, const N: usize>(table: &Table<N>, stdout: &mut Stdout<W>) -> Result<(), Error> {
    for (number, line) in table.lines().enumerate() {
        match number {
            0 => stdout.heading(&line)?,
            _ => stdout.text(line)?,
        }
    }
    Ok(())
}

fn clients(lines: &[Vec<u8>], now: SystemTime) -> Table<4> {
    let mut table = Table::new(["CLIENT", "ADDRESS", ">CAME", "GONE"]);
    for line in lines {
        let Some(client) = KnownClient::parse(line) else {
            table.push([sanitized(line), String::new(), String::new(), String::new()]);
            continue;
        };
        let gone = client.gone.map_or_else(String::new, |(when, why)| {
            format!("{}, {}", Ago::since(when, now), Sanitized(why))
        });
        table.push([
            sanitized(client.name),
            sanitized(client.address),
            Ago::since(client.connected, now).to_string(),
            gone,
        ]);
    }
    table
}

fn files(lines: &[Vec<u8>], now: SystemTime) -> Table<3> {
    let mut table = Table::new([">SIZE", ">CHANGED", "NAME"]);
    for line in lines {
        table.push(match ListedFile::parse(line) {
            Some(file) => [
                Size(file.size).to_string(),
                Ago::since(file.modified, now).to_string(),
                sanitized(file.name),
            ],
            None => [String::new(), String::new(), sanitized(line)],
        });
    }
    table
}

fn sanitized(bytes: &[u8]) -> String {
    Sanitized(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shows_what_a_line_says_and_no_more_than_can_be_read() {
        let now = humantime::parse_rfc3339("2026-11-22T12:00:00Z").unwrap();
        let lines = [
            b"2048 2026-11-22T10:00:00Z a b\x1b[2J".to_vec(),
            b"a line from tomorrow".to_vec(),
        ];
        let shown: Vec<_> = files(&lines, now).lines().collect();
        assert_eq!(shown[1], "2.0 KiB   2h ago  a b\\u{1b}[2J");
        assert!(shown[2].ends_with("  a line from tomorrow"), "{shown:?}");
        let lines = [
            b"Client01 [::1]:5 connected 2026-11-22T11:00:00Z".to_vec(),
            b"Client02 [::1]:6 connected 2026-11-22T11:00:00Z disconnected 2026-11-22T11:59:59Z eof"
                .to_vec(),
        ];
        let shown: Vec<_> = clients(&lines, now).lines().collect();
        assert_eq!(shown[1], "Client01  [::1]:5  1h ago");
        assert_eq!(shown[2], "Client02  [::1]:6  1h ago  1s ago, eof");
    }
}
