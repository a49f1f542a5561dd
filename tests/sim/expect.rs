//! What a peer has to receive, worked out from what it sent.
//!
//! Owns a reading of the protocol that shares nothing with the server's: it goes byte by byte
//! through the words of the contract. Must never ask the engine.

use std::rc::Rc;

use berth::engine::rights::{Right, Rights};

pub(crate) use crate::ending::Ending;

use crate::bodies::{Body, LaterCut};
use crate::catalog::{Catalog, Listing};
use crate::gate::{Outside, Stage};
use crate::marks::Event;
use crate::strangers::{is_long_web, is_web, is_word};
use crate::unframed::Framing;

/// The stream that is owed for what was sent so far.
#[derive(Debug)]
pub(crate) struct Expect {
    pub(crate) catalog: Rc<Catalog>,
    pub(crate) name: String,
    pub(crate) stream: Vec<u8>,
    /// Where in `stream` each whole reply ends.
    pub(crate) bounds: Vec<usize>,
    pub(crate) line: Vec<u8>,
    /// The line was too long and has been answered: its rest is thrown away.
    pub(crate) excess: bool,
    /// Whether a pause ends its lines.
    pub(crate) framing: Framing,
    /// The byte before this one.
    pub(crate) before: u8,
    /// It has said a word of Telnet, so that CR NUL ends its lines too.
    is_telnet: bool,
    /// It has said a line.
    pub(crate) has_asked: bool,
    pub(crate) ending: Option<Ending>,
    /// What is still to come of a body; whether there was one, and whether one is the end.
    pub(crate) body: Option<Body>,
    pub(crate) had_body: bool,
    pub(crate) ended_in_body: bool,
    /// What ends it behind a reply that is still to come.
    pub(crate) later_cut: Option<LaterCut>,
    /// The most bytes that one request, or one step of its answer, makes the server queue.
    piece_bytes_max: usize,
    /// What is worth a mark once it has happened.
    pub(crate) notes: Vec<Event>,
    /// Where it is with its token.
    pub(crate) stage: Stage,
    /// How many bytes of it were read so far, but for those behind a token.
    pub(crate) heard: usize,
    pub(crate) outside: Outside,
    /// What it may ask for; everything where no token is demanded.
    pub(crate) rights: Option<Rights>,
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
            framing: Framing::Framed,
            before: 0,
            is_telnet: false,
            has_asked: false,
            ending: None,
            body: None,
            had_body: false,
            ended_in_body: false,
            later_cut: None,
            piece_bytes_max: 0,
            notes: Vec::new(),
            stage: Stage::In,
            heard: 0,
            outside: Outside::new(),
            rights: None,
        };
        new.welcome();
        new
    }

    pub(crate) fn welcome(&mut self) {
        self.reply(&[b"Welcome ", self.name.clone().as_bytes(), b"\n"]);
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
            if !self.keeps_behind_token(byte) {
                self.heard += 1;
                self.byte(byte);
                self.end_where_too_much_was_said();
                self.cut_later();
            }
        }
    }

    /// The client shut down its sending side.
    pub(crate) fn sent_all(&mut self) {
        // The end has to be read as well.
        self.heard += 1;
        if self.ending.is_none() && !self.line.is_empty() {
            self.answer();
            self.notes.push(Event::LastLineWithoutEnd);
        }
        if self.ending.is_none() && self.is_cut_in_body() {
            return;
        }
        if let Some(ending) = self.ending_of_silence() {
            self.ending.get_or_insert(ending);
        }
    }

    /// The server takes no request behind the first `at` bytes of its answers and so many more
    /// replies, and says why. `false`: no reply ends there or behind it.
    pub(crate) fn cut(&mut self, at: usize, more: usize, ending: Ending, last: &str) -> bool {
        let Some(first) = self.bounds.iter().position(|&bound| bound >= at) else {
            // A file that will never be whole is under way: its own ending comes first.
            return matches!(self.ending, Some(Ending::Cut | Ending::Broken));
        };
        self.later_cut = Some(LaterCut {
            reply: first + more,
            ending,
            last: last.to_owned(),
        });
        self.cut_later();
        true
    }

    /// Whether a reply ends at `at`.
    pub(crate) fn is_bound(&self, at: usize) -> bool {
        self.bounds.contains(&at)
    }

    fn byte(&mut self, byte: u8) {
        if self.is_of_body(byte) {
            return;
        }
        let is_cr_nul = self.is_telnet && byte == 0 && self.before == b'\r';
        self.before = byte;
        if is_cr_nul {
            self.notes.push(Event::CrNul);
        }
        if byte == b'\n' {
            self.framing = Framing::Framed;
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
            self.framing = Framing::Framed;
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
        if self.is_outside() {
            return self.said_outside(b"");
        }
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

    pub(crate) fn answer(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if self.is_outside() {
            return self.said_outside(&line);
        }
        if self.shows_token_again(&line) {
            return self.reply(&[b"ERR already in\n"]);
        }
        let is_first = !std::mem::replace(&mut self.has_asked, true);
        let is_unframed = self.framing == Framing::Unframed;
        if is_web(&line) || (is_unframed && is_long_web(&line)) {
            if is_first {
                self.notes.push(Event::Web);
                return self.web();
            }
            self.notes.push(Event::WebWordsLater);
        }
        let catalog = Rc::clone(&self.catalog);
        let lower = line.to_ascii_lowercase();
        match without_blanks(&lower) {
            b"status" if self.may(Right::Status) => self.listing(b"STATUS\n", &catalog.status),
            b"list" if self.may(Right::List) => self.listing(b"LIST\n", &catalog.list),
            word @ (b"status" | b"list") => self.not_allowed(word),
            b"exit" => {
                self.reply(&[b"Goodbye ", self.name.clone().as_bytes(), b"\n"]);
                self.ending = Some(Ending::Exit);
            }
            _ if lower.starts_with(b"get") => self.get(&line),
            _ if lower.starts_with(b"sha256") => self.sha256(&line),
            _ if lower.starts_with(b"stat") => self.stat(&line),
            _ if lower.starts_with(b"put") || lower.starts_with(b"replace") => self.upload(&line),
            _ if is_unframed && catalog.find(&line).is_some() => {
                self.notes.push(Event::BareName);
                self.file(&line, 0);
            }
            _ => self.message(&line),
        }
    }

    pub(crate) fn queues(&mut self, bytes: usize) {
        self.piece_bytes_max = self.piece_bytes_max.max(bytes);
    }

    pub(crate) fn listing(&mut self, header: &[u8], listing: &Listing) {
        self.queues(listing.bytes_at_once_max());
        self.stream.extend_from_slice(header);
        self.stream.extend_from_slice(&listing.steps.concat());
        self.reply(&[b"END\n"]);
    }

    pub(crate) fn reply(&mut self, parts: &[&[u8]]) {
        let reply = parts.concat();
        self.stream.extend_from_slice(&reply);
        self.queues(reply.len());
        self.bounds.push(self.stream.len());
        self.note_bound_outside();
    }
}

/// The line without the spaces and tabs at its end.
fn without_blanks(line: &[u8]) -> &[u8] {
    let last = line.iter().rposition(|byte| !b" \t".contains(byte));
    &line[..last.map_or(0, |at| at + 1)]
}
