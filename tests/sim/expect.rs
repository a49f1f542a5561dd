//! What a peer has to receive, worked out from what it sent.
//!
//! Owns a reading of the protocol that shares nothing with the server's: it goes byte by byte
//! through the words of the contract. Must never ask the engine.

use std::rc::Rc;

pub(crate) use crate::ending::Ending;

use crate::catalog::{CHANGED, Catalog, FileSpec, Listing};
use crate::marks::Event;
use crate::strangers::{is_long_web, is_web, is_word};

/// The stream that is owed for what was sent so far.
#[derive(Debug)]
pub(crate) struct Expect {
    catalog: Rc<Catalog>,
    name: String,
    stream: Vec<u8>,
    /// Where in `stream` each whole reply ends.
    bounds: Vec<usize>,
    line: Vec<u8>,
    /// The line was too long and has been answered: its rest is thrown away.
    excess: bool,
    /// The byte before this one.
    before: u8,
    /// It has said a word of Telnet, so that CR NUL ends its lines too.
    is_telnet: bool,
    /// It has said a line.
    has_asked: bool,
    ending: Option<Ending>,
    /// The most bytes that one request, or one step of its answer, makes the server queue.
    piece_bytes_max: usize,
    /// What is worth a mark once it has happened.
    notes: Vec<Event>,
}

impl Expect {
    pub(crate) fn client(number: u64, catalog: Rc<Catalog>) -> Self {
        let mut new = Self {
            catalog,
            name: format!("Client{number:02}"),
            stream: Vec::new(),
            bounds: Vec::new(),
            line: Vec::new(),
            excess: false,
            before: 0,
            is_telnet: false,
            has_asked: false,
            ending: None,
            piece_bytes_max: 0,
            notes: Vec::new(),
        };
        new.reply(&[b"Welcome ", new.name.clone().as_bytes(), b"\n"]);
        new
    }

    pub(crate) fn refused(line: &str, catalog: Rc<Catalog>) -> Self {
        let mut new = Self::client(0, catalog);
        new.stream = line.as_bytes().to_vec();
        new.ending = Some(Ending::Refused);
        new
    }

    pub(crate) fn stream(&self) -> &[u8] {
        &self.stream
    }

    pub(crate) const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    pub(crate) const fn piece_bytes_max(&self) -> usize {
        self.piece_bytes_max
    }

    pub(crate) fn notes(&self) -> &[Event] {
        &self.notes
    }

    /// How many replies end in `from + 1..=to`.
    pub(crate) fn replies_between(&self, from: usize, to: usize) -> usize {
        let count = |at| self.bounds.partition_point(|&bound| bound <= at);
        count(to) - count(from).min(count(to))
    }

    /// The client sent `bytes`.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.ending.is_some() {
                self.notes
                    .extend((self.ending == Some(Ending::Exit)).then_some(Event::IgnoredAfterExit));
                return;
            }
            self.byte(byte);
        }
    }

    /// The client shut down its sending side.
    pub(crate) fn sent_all(&mut self) {
        if self.ending.is_none() && !self.line.is_empty() {
            self.answer();
            self.notes.push(Event::LastLineWithoutEnd);
        }
        self.ending.get_or_insert(Ending::Eof);
    }

    /// The server takes no request behind the first `at` bytes of its answers, and says why.
    /// `false`: no reply ends there or behind it.
    pub(crate) fn cut(&mut self, at: usize, ending: Ending, last: &str) -> bool {
        let Some(&bound) = self.bounds.iter().find(|&&bound| bound >= at) else {
            // A file that will never be whole is under way: its own ending comes first.
            return matches!(self.ending, Some(Ending::Cut | Ending::Broken));
        };
        self.stream.truncate(bound);
        self.bounds.retain(|&each| each <= bound);
        self.stream.extend_from_slice(last.as_bytes());
        self.queues(last.len());
        self.ending = Some(ending);
        true
    }

    /// Whether a reply ends at `at`.
    pub(crate) fn is_bound(&self, at: usize) -> bool {
        self.bounds.contains(&at)
    }

    fn byte(&mut self, byte: u8) {
        let is_cr_nul = self.is_telnet && byte == 0 && self.before == b'\r';
        self.before = byte;
        if is_cr_nul {
            self.notes.push(Event::CrNul);
        }
        match byte {
            b'\n' if self.excess => self.excess = false,
            b'\n' => self.answer(),
            0 if is_cr_nul && self.excess => self.excess = false,
            0 if is_cr_nul => self.answer(),
            _ if self.excess => {}
            _ => {
                self.line.push(byte);
                self.telnet();
                if self.line.len() > 4096 {
                    self.too_long();
                }
            }
        }
    }

    /// A word of Telnet with which a line begins is left out; one of them is answered.
    fn telnet(&mut self) {
        if is_word(&self.line) {
            self.is_telnet = true;
            // What was before is no part of a line.
            self.before = 0;
            if self.line == [255, 253, 6] {
                self.notes.push(Event::Mark);
                self.reply(&[b"\xff\xfc\x06"]);
            }
            self.line.clear();
        }
    }

    fn too_long(&mut self) {
        self.excess = true;
        let line = std::mem::take(&mut self.line);
        if is_long_web(&line) && !self.has_asked {
            self.notes.push(Event::LongWeb);
            return self.web();
        }
        self.has_asked = true;
        self.notes.push(Event::TooLong);
        self.reply(&[b"ERR line longer than 4096 bytes\n"]);
    }

    fn web(&mut self) {
        self.reply(&[b"ERR this is not a web server\n"]);
        self.ending = Some(Ending::Web);
    }

    fn answer(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let is_first = !std::mem::replace(&mut self.has_asked, true);
        if is_web(&line) {
            if is_first {
                self.notes.push(Event::Web);
                return self.web();
            }
            self.notes.push(Event::WebWordsLater);
        }
        let catalog = Rc::clone(&self.catalog);
        let lower = line.to_ascii_lowercase();
        match lower.trim_ascii_end_blanks() {
            b"status" => self.listing(b"STATUS\n", &catalog.status),
            b"list" => self.listing(b"LIST\n", &catalog.list),
            b"exit" => {
                self.reply(&[b"Goodbye ", self.name.clone().as_bytes(), b"\n"]);
                self.ending = Some(Ending::Exit);
            }
            _ if lower.starts_with(b"get") => self.get(&line),
            _ if lower.starts_with(b"sha256") => self.sha256(&line),
            _ if lower.starts_with(b"stat") => self.stat(&line),
            _ => self.reply(&[&line, b" ACK\n"]),
        }
    }

    /// `get`, `get NAME`, `get@OFFSET`, `get@OFFSET NAME`; whatever else begins so is a message.
    fn get(&mut self, line: &[u8]) {
        let mut rest = &line[3..];
        let mut offset = Some(0u128);
        if rest.first() == Some(&b'@') {
            let digits = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            let number = str::from_utf8(&rest[1..=digits]).expect("digits are text");
            rest = &rest[1 + digits..];
            if number.is_empty() {
                return self.reply(&[line, b" ACK\n"]);
            }
            let number: Option<u128> = number.parse().ok();
            offset = number.filter(|&n| n <= u128::from(u64::MAX));
        }
        match (rest, offset) {
            ([] | [b' '], _) => {
                self.notes.push(Event::NoName);
                self.reply(&[b"ERR usage: get NAME\n"]);
            }
            ([b' ', ..], None) => {
                self.notes.push(Event::GetTooFar);
                self.reply(&[b"ERR offset larger than any file\n"]);
            }
            ([b' ', name @ ..], Some(offset)) => self.file(name, offset),
            _ => self.reply(&[line, b" ACK\n"]),
        }
    }

    /// `sha256 NAME`, and without a name an error.
    fn sha256(&mut self, line: &[u8]) {
        let name = match &line[6..] {
            [] | [b' '] => return self.reply(&[b"ERR usage: sha256 NAME\n"]),
            [b' ', name @ ..] => name,
            _ => return self.reply(&[line, b" ACK\n"]),
        };
        let catalog = Rc::clone(&self.catalog);
        match catalog.find(name) {
            Some(file) => {
                let hex = format!("{:02x}", file.digest()[0]).repeat(32);
                let said = format!("SHA256 {hex} {}\n", file.size);
                self.reply(&[said.as_bytes()]);
            }
            None => self.reply(&[b"ERR no such file: ", name, b"\n"]),
        }
    }

    /// `stat NAME`, and without a name an error.
    fn stat(&mut self, line: &[u8]) {
        let name = match &line[4..] {
            [] | [b' '] => return self.reply(&[b"ERR usage: stat NAME\n"]),
            [b' ', name @ ..] => name,
            _ => return self.reply(&[line, b" ACK\n"]),
        };
        let catalog = Rc::clone(&self.catalog);
        match catalog.find(name) {
            Some(file) => {
                let said = format!("STAT {} {CHANGED} ", file.size);
                self.reply(&[said.as_bytes(), name, b"\n"]);
            }
            None => self.reply(&[b"ERR no such file: ", name, b"\n"]),
        }
    }

    fn file(&mut self, name: &[u8], offset: u128) {
        let catalog = Rc::clone(&self.catalog);
        let Some(file) = catalog.find(name) else {
            self.notes.push(Event::NoSuchFile);
            return self.reply(&[b"ERR no such file: ", name, b"\n"]);
        };
        if file.unopenable {
            self.notes.push(Event::Unopenable);
            return self.reply(&[b"ERR too many open files, try later\n"]);
        }
        if offset > file.size as u128 {
            let text = format!(
                "ERR offset beyond the end, the file has {} bytes\n",
                file.size
            );
            self.notes.push(Event::BeyondEnd);
            return self.reply(&[text.as_bytes()]);
        }
        self.content(file, offset as usize);
    }

    fn content(&mut self, file: &FileSpec, offset: usize) {
        let start = format!("START {}\n", file.size - offset);
        let carried = if file.carried { file.size - offset } else { 0 };
        self.queues(start.len() + carried + b"END\n".len());
        self.stream.extend_from_slice(start.as_bytes());
        let end = file.readable().max(offset);
        self.stream.extend_from_slice(file.bytes(offset, end));
        if end == file.size {
            return self.reply(&[b"END\n"]);
        }
        self.ending = Some(if file.broken_at.is_some() {
            Ending::Broken
        } else {
            Ending::Cut
        });
    }

    fn queues(&mut self, bytes: usize) {
        self.piece_bytes_max = self.piece_bytes_max.max(bytes);
    }

    fn listing(&mut self, header: &[u8], listing: &Listing) {
        self.queues(listing.bytes_at_once_max());
        self.stream.extend_from_slice(header);
        self.stream.extend_from_slice(&listing.steps.concat());
        self.reply(&[b"END\n"]);
    }

    fn reply(&mut self, parts: &[&[u8]]) {
        let reply = parts.concat();
        self.stream.extend_from_slice(&reply);
        self.queues(reply.len());
        self.bounds.push(self.stream.len());
    }
}

trait Blanks {
    /// Without the spaces and tabs at the end.
    fn trim_ascii_end_blanks(&self) -> &[u8];
}

impl Blanks for Vec<u8> {
    fn trim_ascii_end_blanks(&self) -> &[u8] {
        let mut rest = self.as_slice();
        while let [before @ .., b' ' | b'\t'] = rest {
            rest = before;
        }
        rest
    }
}
