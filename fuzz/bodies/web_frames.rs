//! Any input, cut anywhere, is the messages that a simpler reader finds in it.

use berth::wire::web::frames::{End, Event, Frames};
use berth::wire::web::websocket::{CloseCode, MESSAGE_BYTES_MAX};

/// What was said, without a trace of how it was cut. Payload stands in [`Heard::payload`].
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// Behind as many bytes of payload.
    MessageEnd(usize),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    End(End),
}

/// All that was said, and the payload of all messages.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    payload: Vec<u8>,
    said: Vec<Said>,
}

/// The first bytes say how the rest is cut; the rest is the input.
pub(crate) fn run(data: &[u8]) {
    let (cuts, input) = data.split_at(data.len().min(8));
    let heard = hear(input, cuts);
    let mut simple = Simple::default();
    let end = simple.read(input);
    simple.heard.said.extend(end.map(Said::End));
    assert_eq!(heard, simple.heard);
    strip(input, cuts, &heard);
}

/// The input in the pieces that the cuts say.
fn pieces<'a>(input: &'a [u8], cuts: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let mut rest = input;
    let mut sizes = cuts.iter().map(|&cut| usize::from(cut) + 1).cycle();
    std::iter::from_fn(move || {
        let size = sizes.next().unwrap_or(1).min(rest.len());
        let (piece, behind) = rest.split_at(size);
        rest = behind;
        (!piece.is_empty()).then(|| piece.to_vec())
    })
}

fn hear(input: &[u8], cuts: &[u8]) -> Heard {
    let mut frames = Frames::default();
    let mut heard = Heard::default();
    for mut piece in pieces(input, cuts) {
        let mut at = 0;
        while at < piece.len() {
            let (taken, event) = frames.next(&mut piece[at..]);
            assert!(taken > 0, "it always goes on");
            at += taken;
            heard.said.extend(match event {
                Some(Event::Payload { len, ends, .. }) => {
                    heard.payload.extend_from_slice(&piece[at - len..at]);
                    ends.then_some(Said::MessageEnd(heard.payload.len()))
                }
                Some(Event::Ping(payload)) => Some(Said::Ping(payload.as_bytes().to_vec())),
                Some(Event::Pong(payload)) => Some(Said::Pong(payload.as_bytes().to_vec())),
                Some(Event::End(end)) => Some(Said::End(end)),
                None => None,
            });
        }
    }
    heard
}

/// Stripped of its frames, the input is the same payload.
fn strip(input: &[u8], cuts: &[u8], heard: &Heard) {
    let mut frames = Frames::default();
    let mut payload = Vec::new();
    let mut end = None;
    for mut piece in pieces(input, cuts) {
        let stripped = frames.strip(&mut piece);
        assert!(
            end.is_none() || stripped.kept == 0,
            "nothing follows the end"
        );
        payload.extend_from_slice(&piece[..stripped.kept]);
        end = end.or(stripped.end);
    }
    assert_eq!(payload, heard.payload);
    assert_eq!(
        end.map(Said::End).as_ref(),
        heard.said.last().filter(is_end)
    );
    if let Some(end) = end {
        let mut answer = Vec::new();
        end_is_answered(end, &mut answer);
    }
}

fn is_end(said: &&Said) -> bool {
    matches!(said, Said::End(_))
}

fn end_is_answered(end: End, answer: &mut Vec<u8>) {
    end.write_answer(answer);
    assert_eq!(answer.len(), 2 + usize::from(answer[1]));
    assert_eq!(answer[0], 0x88);
}

/// Reads all of an input at once.
#[derive(Default)]
struct Simple {
    heard: Heard,
    /// Whether the message that is under way is text, and where it began.
    message: Option<(bool, usize)>,
}

impl Simple {
    fn read(&mut self, mut input: &[u8]) -> Option<End> {
        loop {
            let &[first, second, ref rest @ ..] = input else {
                return None;
            };
            let (opcode, is_final) = (first & 0x0f, first & 0x80 != 0);
            if self.is_wrong(first, second) {
                return Some(End::Broken(CloseCode::PROTOCOL));
            }
            let (bytes, min) = match second & 0x7f {
                126 => (2, 126),
                127 => (8, 1 << 16),
                _ => (0, 0),
            };
            let (number, rest) = rest.split_at_checked(bytes)?;
            let number = number
                .iter()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte));
            let len = if bytes == 0 {
                u64::from(second & 0x7f)
            } else {
                number
            };
            if len < min || len >> 63 == 1 {
                return Some(End::Broken(CloseCode::PROTOCOL));
            }
            let so_far = self
                .message
                .map_or(0, |(_, start)| self.heard.payload.len() - start);
            if opcode < 8 && len + so_far as u64 > MESSAGE_BYTES_MAX {
                return Some(End::Broken(CloseCode::TOO_BIG));
            }
            let (mask, rest) = rest.split_at_checked(4)?;
            let len = usize::try_from(len).expect("it is short");
            let there = &rest[..len.min(rest.len())];
            let there: Vec<u8> = (0..)
                .zip(there)
                .map(|(at, byte)| byte ^ mask[at % 4])
                .collect();
            let is_whole = there.len() == len;
            let end = match opcode {
                8.. if !is_whole => return None,
                8.. => self.control(opcode, there),
                _ => self.message(opcode, &there, is_whole && is_final),
            };
            if end.is_some() || !is_whole {
                return end;
            }
            input = &rest[len..];
        }
    }

    fn is_wrong(&self, first: u8, second: u8) -> bool {
        let follows = match first & 0x0f {
            0 => self.message.is_some(),
            1 | 2 => self.message.is_none(),
            8..=10 => first & 0x80 != 0 && second & 0x7f <= 125,
            _ => false,
        };
        first & 0x70 != 0 || second & 0x80 == 0 || !follows
    }

    fn message(&mut self, opcode: u8, payload: &[u8], ends: bool) -> Option<End> {
        let new = (opcode == 1, self.heard.payload.len());
        let (is_text, start) = *self.message.get_or_insert(new);
        let before = self.heard.payload.len();
        self.heard.payload.extend_from_slice(payload);
        let text = &self.heard.payload[start..];
        if let Some(bad) = first_bad(text, ends).filter(|_| is_text) {
            // What came before in frames of their own is there already.
            self.heard.payload.truncate(before.max(start + bad));
            return Some(End::Broken(CloseCode::INVALID_TEXT));
        }
        if ends {
            self.message = None;
            let len = self.heard.payload.len();
            self.heard.said.push(Said::MessageEnd(len));
        }
        None
    }

    fn control(&mut self, opcode: u8, payload: Vec<u8>) -> Option<End> {
        match (opcode, &payload[..]) {
            (9, _) => self.heard.said.push(Said::Ping(payload)),
            (10, _) => self.heard.said.push(Said::Pong(payload)),
            (_, []) => return Some(End::Closed(None)),
            (_, [_]) => return Some(End::Broken(CloseCode::PROTOCOL)),
            (_, [high, low, reason @ ..]) => {
                let code = CloseCode(u16::from_be_bytes([*high, *low]));
                return Some(if !code.may_be_sent() {
                    End::Broken(CloseCode::PROTOCOL)
                } else if str::from_utf8(reason).is_err() {
                    End::Broken(CloseCode::INVALID_TEXT)
                } else {
                    End::Closed(Some(code))
                });
            }
        }
        None
    }
}

/// The first byte that is no text, found by trying every beginning.
fn first_bad(text: &[u8], ends: bool) -> Option<usize> {
    let error = str::from_utf8(text).err()?;
    let from = error.valid_up_to();
    let bad = (from..text.len()).find(|&at| {
        str::from_utf8(&text[from..=at]).is_err_and(|error| error.error_len().is_some())
    });
    // An end in the middle of a letter is the fault of the last byte.
    bad.or_else(|| ends.then(|| text.len() - 1))
}
