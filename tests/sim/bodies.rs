//! What is owed to whoever uploads.
//!
//! Owns the part of the oracle's reading of the protocol that is about uploads and their bodies.
//! Must never ask the engine.

use std::rc::Rc;

use berth::engine::rights::Right;

use crate::catalog::CHANGED;
use crate::expect::{Ending, Expect};
use crate::marks::Event;
use crate::uploads::{Sum, UploadFate};

/// What is still to come of a body.
#[derive(Debug)]
pub(crate) struct Body {
    left: u64,
    /// What it is a body of; nobody wants it otherwise.
    upload: Option<Upload>,
}

#[derive(Debug)]
struct Upload {
    name: Vec<u8>,
    size: u64,
    came: u64,
    sum: Sum,
    fate: UploadFate,
}

/// What nobody takes a request behind any more, and why.
#[derive(Debug)]
pub(crate) struct LaterCut {
    /// Which of the replies is the last one.
    pub(crate) reply: usize,
    pub(crate) ending: Ending,
    pub(crate) last: String,
}

/// A request to upload something, in the oracle's own reading.
struct Asked<'a> {
    replaces: bool,
    waits: bool,
    size: Option<u64>,
    name: &'a [u8],
}

fn read(line: &[u8]) -> Option<Asked<'_>> {
    let lower = line.to_ascii_lowercase();
    let replaces = lower.starts_with(b"replace");
    let rest = match () {
        () if replaces => &line[7..],
        () if lower.starts_with(b"put") => &line[3..],
        () => return None,
    };
    let waits = rest.first() == Some(&b'@');
    let mut words = rest.splitn(if waits { 4 } else { 3 }, |&byte| byte == b' ');
    let first = words.next()?;
    let is_hex = |digit: &u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit);
    let fits = match waits {
        true => first.len() == 65 && first[1..].iter().all(is_hex),
        false => first.is_empty(),
    };
    let size = words.next().filter(|digits| !digits.is_empty())?;
    if !fits || !size.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size: Option<u128> = str::from_utf8(size).expect("digits are text").parse().ok();
    let size = size.and_then(|size| u64::try_from(size).ok());
    let mut rest = words;
    if waits {
        match rest.next() {
            None | Some(b"-") => {}
            Some(b"") if rest.next().is_none() => {}
            Some(time) if time == CHANGED.as_bytes() => {}
            Some(_) => return None,
        }
    }
    Some(Asked {
        replaces,
        waits,
        size,
        name: rest.next().unwrap_or_default(),
    })
}

impl Expect {
    /// `put` and `replace` in all their forms; whatever else begins so is a message.
    pub(crate) fn upload(&mut self, line: &[u8]) {
        let Some(asked) = read(line) else {
            return self.message(line);
        };
        let catalog = Rc::clone(&self.catalog);
        if !catalog.uploads.accepted {
            self.notes.push(Event::NoUploads);
            return self.reply(&[b"ERR no uploads here\n"]);
        }
        let (right, word) = match asked.replaces {
            true => (Right::Replace, &b"replace"[..]),
            false => (Right::Put, &b"put"[..]),
        };
        if !self.may(right) {
            self.not_allowed(word);
            return self.refuse_body(&asked);
        }
        if asked.name.is_empty() {
            let between: &[u8] = if asked.waits {
                b"@SHA256 SIZE TIME"
            } else {
                b" SIZE"
            };
            self.reply(&[b"ERR usage: ", word, between, b" NAME\n"]);
            return self.refuse_body(&asked);
        }
        let Some(size) = asked.size else {
            self.reply(&[b"ERR size larger than any file\n"]);
            return self.refuse_body(&asked);
        };
        let fate = catalog.uploads.fate(asked.name, size, asked.waits);
        if fate.exists {
            self.reply(&[b"ERR exists: ", asked.name, b"\n"]);
            return self.refuse_body(&asked);
        }
        let left = size - fate.offset;
        if asked.waits && left > 0 {
            self.reply(&[format!("READY {}\n", fate.offset).as_bytes()]);
        }
        let upload = Upload {
            name: asked.name.to_vec(),
            size,
            came: 0,
            sum: Sum::new(),
            fate,
        };
        match left {
            0 => self.stored(&upload),
            _ => self.await_body(left, Some(upload)),
        }
    }

    fn await_body(&mut self, left: u64, upload: Option<Upload>) {
        self.had_body = true;
        self.body = Some(Body { left, upload });
    }

    /// What follows a request that was refused is no request, if it follows at once.
    fn refuse_body(&mut self, asked: &Asked<'_>) {
        match asked.size {
            _ if asked.waits => {}
            Some(0) => {}
            Some(size) if size <= self.catalog.uploads.discard_bytes => {
                self.notes.push(Event::BodyDiscarded);
                self.await_body(size, None);
            }
            _ => {
                self.notes.push(Event::TooMuchToDiscard);
                self.end_in_body(Ending::Upload);
            }
        }
    }

    fn end_in_body(&mut self, ending: Ending) {
        self.body = None;
        self.later_cut = None;
        self.ended_in_body = true;
        self.ending = Some(ending);
    }

    fn stored(&mut self, upload: &Upload) {
        if upload.fate.differs {
            return self.reply(&[b"ERR digest differs: ", &upload.name, b"\n"]);
        }
        let digest = upload.sum.digest();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let said = format!("STORED {hex} {}\n", upload.size);
        self.reply(&[said.as_bytes()]);
    }

    /// A byte of a body. `false`: none is to come.
    pub(crate) fn is_of_body(&mut self, byte: u8) -> bool {
        let Some(mut body) = self.body.take() else {
            return false;
        };
        // What was before is no part of a line.
        self.before = 0;
        body.left -= 1;
        let Some(upload) = &mut body.upload else {
            if body.left > 0 {
                self.body = Some(body);
            }
            return true;
        };
        upload.came += 1;
        upload.sum.add(&[byte]);
        if upload.fate.fails_at == Some(upload.came) {
            let name = std::mem::take(&mut upload.name);
            self.reply(&[b"ERR cannot write: ", &name, b"\n"]);
            self.end_in_body(Ending::Upload);
        } else if body.left == 0 {
            let upload = body.upload.take().expect("it was just looked at");
            self.stored(&upload);
        } else {
            self.body = Some(body);
        }
        true
    }

    /// The end came where a body should go on. `false`: there is none.
    pub(crate) fn is_cut_in_body(&mut self) -> bool {
        let Some(body) = self.body.take() else {
            return false;
        };
        let Some(upload) = body.upload else {
            self.ending = Some(Ending::Eof);
            return true;
        };
        let (came, size) = (upload.fate.offset + upload.came, upload.size);
        let said = format!("ERR {came} of {size} bytes came: ");
        self.reply(&[said.as_bytes(), &upload.name, b"\n"]);
        self.end_in_body(Ending::Eof);
        true
    }

    /// Does what was put off until a reply has come.
    pub(crate) fn cut_later(&mut self) {
        let Some(later) = self.later_cut.take() else {
            return;
        };
        if self.bounds.len() <= later.reply {
            self.later_cut = Some(later);
            return;
        }
        self.cut_behind(&later);
    }

    /// Nothing comes behind this reply but the last line.
    pub(crate) fn cut_behind(&mut self, cut: &LaterCut) {
        let bound = self.bounds[cut.reply];
        let is_last = cut.reply + 1 == self.bounds.len();
        if is_last && self.ended_in_body {
            // It has an end of its own already.
            return;
        }
        self.body = None;
        self.ended_in_body = false;
        self.stream.truncate(bound);
        self.bounds.retain(|&each| each <= bound);
        self.stream.extend_from_slice(cut.last.as_bytes());
        self.queues(cut.last.len());
        self.ending = Some(cut.ending);
    }
}
