//! What a peer is owed at the token gate, and what its token lets it ask for.
//!
//! Owns the part of the oracle's reading of the protocol that is about tokens. Must never ask the
//! engine.

use std::rc::Rc;

use berth::engine::limits::Limits;
use berth::engine::rights::{Right, Rights};

use crate::catalog::Catalog;
use crate::expect::{Ending, Expect};
use crate::marks::Event;

const AUTH: &[u8] = b"AUTH token\n";

/// Where a peer is with its token.
#[derive(Debug)]
pub(crate) enum Stage {
    /// None is demanded, or it was let in with one.
    In,
    /// One is demanded, and it may say so much before it shows one.
    Outside { lines_left: u8, bytes_left: u64 },
    /// It has shown one: what was said behind it waits.
    Shown {
        token: Vec<u8>,
        behind: Vec<u8>,
        has_ended: bool,
    },
}

/// The answers outside: how much of the peer was read for each, and where each ends.
pub(crate) type Outside = Vec<(usize, usize)>;

impl Expect {
    /// A token is demanded of the peer.
    pub(crate) fn outside(limits: &Limits, catalog: Rc<Catalog>) -> Self {
        let mut new = Self::client(0, catalog);
        new.stream = AUTH.to_vec();
        new.bounds = vec![AUTH.len()];
        new.outside = vec![(0, AUTH.len())];
        new.stage = Stage::Outside {
            lines_left: limits.token_lines,
            bytes_left: limits.token_bytes,
        };
        new
    }

    pub(crate) const fn is_outside(&self) -> bool {
        matches!(self.stage, Stage::Outside { .. })
    }

    /// Whether neither a berth was given nor an end has come.
    pub(crate) const fn is_arriving(&self) -> bool {
        !matches!(self.stage, Stage::In) && self.ending.is_none()
    }

    /// How much is owed to a peer outside of whom so much was read.
    pub(crate) fn owed_outside(&self, read: usize) -> usize {
        let heard = self.outside.iter().rev().find(|(at, _)| *at <= read);
        heard.map_or(AUTH.len(), |&(_, bound)| bound)
    }

    /// The most bytes that were owed outside.
    pub(crate) fn outside_bytes(&self) -> usize {
        self.outside.last().map_or(0, |&(_, bound)| bound)
    }

    /// Keeps a byte that comes behind a token.
    pub(crate) fn keeps_behind_token(&mut self, byte: u8) -> bool {
        let Stage::Shown { behind, .. } = &mut self.stage else {
            return false;
        };
        behind.push(byte);
        true
    }

    /// A line that is said outside; one that is too long is empty here.
    pub(crate) fn said_outside(&mut self, line: &[u8]) {
        let Stage::Outside { lines_left, .. } = &mut self.stage else {
            unreachable!("it is outside");
        };
        let lower = line.to_ascii_lowercase();
        let blanks = |byte: &u8| *byte == b' ' || *byte == b'\t';
        let end = lower.iter().rposition(|byte| !blanks(byte));
        if lower == b"auth" || lower.starts_with(b"auth ") {
            self.stage = Stage::Shown {
                token: line.get(5..).unwrap_or_default().to_vec(),
                behind: Vec::new(),
                has_ended: false,
            };
        } else if end.is_some_and(|end| &lower[..=end] == b"exit") {
            self.notes.push(Event::ExitOutside);
            self.ending = Some(Ending::LetGo);
        } else {
            *lines_left -= 1;
            let is_last = *lines_left == 0;
            self.reply(&[b"ERR auth first\n"]);
            if is_last {
                self.notes.push(Event::ThreeLines);
                self.ending = Some(Ending::Refused);
            }
        }
    }

    /// Another byte was said.
    pub(crate) fn end_where_too_much_was_said(&mut self) {
        let Stage::Outside { bytes_left, .. } = &mut self.stage else {
            return;
        };
        *bytes_left -= 1;
        if *bytes_left == 0 && self.ending.is_none() {
            self.notes.push(Event::TooMuchOutside);
            self.reply(&[b"ERR auth first\n"]);
            self.ending = Some(Ending::Refused);
        }
    }

    /// What it means that the peer says no more.
    pub(crate) fn ending_of_silence(&mut self) -> Option<Ending> {
        match &mut self.stage {
            Stage::In => Some(Ending::Eof),
            Stage::Outside { .. } => Some(Ending::LetGo),
            Stage::Shown { has_ended, .. } => {
                *has_ended = true;
                None
            }
        }
    }

    pub(crate) fn note_bound_outside(&mut self) {
        if self.is_outside() {
            self.outside.push((self.heard, self.stream.len()));
        }
    }

    /// The token that was shown was judged.
    pub(crate) fn judged(&mut self, shown: &[u8], rights: Option<Rights>) {
        let Stage::Shown { token, .. } = &self.stage else {
            let shown = shown.escape_ascii();
            panic!(
                "a token is judged that was not shown: \"{shown}\", {:?}",
                self.stage
            );
        };
        assert_eq!(token, shown, "the token that is judged is the one shown");
        self.rights = rights;
    }

    /// The peer is turned away when so much of it was read.
    pub(crate) fn turned_away(&mut self, read: usize, is_judged: bool, line: &str) {
        if !is_judged {
            let owed = self.owed_outside(read);
            self.stream.truncate(owed);
        }
        self.stream.extend_from_slice(line.as_bytes());
        self.ending = Some(Ending::Refused);
    }

    /// The peer holds a berth: what it said behind its token counts. `last`: the line of whose
    /// token has ended meanwhile.
    pub(crate) fn let_in(&mut self, number: u64, last: Option<&str>) {
        self.name = format!("Client{number:02}");
        let stage = std::mem::replace(&mut self.stage, Stage::In);
        let Stage::Shown {
            behind, has_ended, ..
        } = stage
        else {
            panic!("nobody is let in who has shown no token");
        };
        self.welcome();
        if let Some(last) = last {
            self.reply(&[last.as_bytes()]);
            self.ending = Some(Ending::Token);
        }
        if !behind.is_empty() {
            self.notes.push(Event::KeptBehindToken);
        }
        self.sent(&behind);
        if has_ended {
            self.sent_all();
        }
    }

    pub(crate) fn may(&self, right: Right) -> bool {
        self.rights.is_none_or(|rights| rights.has(right))
    }

    pub(crate) fn not_allowed(&mut self, word: &[u8]) {
        self.notes.push(Event::NotAllowed);
        self.reply(&[b"ERR not allowed: ", word, b"\n"]);
    }

    pub(crate) fn message(&mut self, line: &[u8]) {
        match self.may(Right::Echo) {
            true => self.reply(&[line, b" ACK\n"]),
            false => self.not_allowed(b"echo"),
        }
    }

    /// Whether whoever is in with a token shows one.
    pub(crate) fn shows_token_again(&mut self, line: &[u8]) -> bool {
        let lower = line.to_ascii_lowercase();
        let shows = self.rights.is_some() && (lower == b"auth" || lower.starts_with(b"auth "));
        if shows {
            self.has_asked = true;
        }
        shows
    }
}
