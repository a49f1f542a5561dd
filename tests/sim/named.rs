//! The answers to requests that name a file.
//!
//! Owns the part of the oracle's reading of the protocol that looks files up.

use std::rc::Rc;

use berth::engine::rights::Right;

use crate::catalog::{CHANGED, FileSpec};
use crate::expect::{Ending, Expect};
use crate::marks::Event;

impl Expect {
    /// `get`, `get NAME`, `get@OFFSET`, `get@OFFSET NAME`; whatever else begins so is a message.
    pub(crate) fn get(&mut self, line: &[u8]) {
        let mut rest = &line[3..];
        let mut offset = Some(0u128);
        if rest.first() == Some(&b'@') {
            let digits = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            let number = str::from_utf8(&rest[1..=digits]).expect("digits are text");
            rest = &rest[1 + digits..];
            if number.is_empty() {
                return self.message(line);
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
            _ => self.message(line),
        }
    }

    /// `sha256 NAME`, and without a name an error.
    pub(crate) fn sha256(&mut self, line: &[u8]) {
        let name = match &line[6..] {
            [] | [b' '] => return self.reply(&[b"ERR usage: sha256 NAME\n"]),
            [b' ', name @ ..] => name,
            _ => return self.message(line),
        };
        if !self.may(Right::Get) {
            return self.not_allowed(b"sha256");
        }
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
    pub(crate) fn stat(&mut self, line: &[u8]) {
        let name = match &line[4..] {
            [] | [b' '] => return self.reply(&[b"ERR usage: stat NAME\n"]),
            [b' ', name @ ..] => name,
            _ => return self.message(line),
        };
        if !self.may(Right::Get) && !self.may(Right::List) {
            return self.not_allowed(b"stat");
        }
        let catalog = Rc::clone(&self.catalog);
        match catalog.find(name) {
            Some(file) => {
                let said = format!("STAT {} {CHANGED} ", file.size);
                self.reply(&[said.as_bytes(), name, b"\n"]);
            }
            None => self.reply(&[b"ERR no such file: ", name, b"\n"]),
        }
    }

    pub(crate) fn file(&mut self, name: &[u8], offset: u128) {
        if !self.may(Right::Get) {
            return self.not_allowed(b"get");
        }
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

    pub(crate) fn content(&mut self, file: &FileSpec, offset: usize) {
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
}
