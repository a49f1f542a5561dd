//! WebSocket (RFC 6455): what a client sends, taken apart where it stands.
//!
//! Owns the state between two reads: a header that was cut, the message that is under way, the
//! letter that its text was cut in. Must never copy the payload of a message, nor keep one: a
//! control frame, of 125 bytes at most, is all that is gathered.
//!
//! What comes out does not depend on how the bytes were cut on their way.

use crate::wire::web::header::{Control, Frame, Header};
use crate::wire::web::utf8::Utf8;
use crate::wire::web::websocket::{CloseCode, Opcode, write_close};

/// What the payload of a message is: RFC 6455, 5.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8, which was checked.
    Text,
    /// Any bytes.
    Binary,
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Payload of a message: the last `len` bytes that were taken, without their mask.
    Payload {
        /// Of the message.
        kind: Kind,
        /// In bytes; 0 is possible only where the message ends.
        len: usize,
        /// Whether the message is whole now.
        ends: bool,
    },
    /// A ping, to be answered with a pong that holds the same: RFC 6455, 5.5.2.
    Ping(Control),
    /// A pong, which is not to be answered: RFC 6455, 5.5.3.
    Pong(Control),
    /// Nothing comes behind this.
    End(End),
}

/// How what a client sends ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a Close frame, which may hold a code.
    Closed(Option<CloseCode>),
    /// With a fault, which has a code: RFC 6455, 7.1.7.
    Broken(CloseCode),
}

impl End {
    /// Appends the Close frame that answers it: RFC 6455, 5.5.1 and 7.1.7.
    pub fn write_answer(self, out: &mut Vec<u8>) {
        match self {
            Self::Closed(code) => write_close(out, code, ""),
            Self::Broken(code) => write_close(out, Some(code), ""),
        }
    }
}

/// What [`Frames::strip`] left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stripped {
    /// How many bytes of payload are at the front now.
    pub kept: usize,
    /// The latest ping, the only one that has to be answered: RFC 6455, 5.5.3.
    pub ping: Option<Control>,
    /// Set once, behind the last payload.
    pub end: Option<End>,
}

/// The frames that one client sends.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    state: State,
    /// The message that is under way; control frames may stand between its frames.
    message: Option<Message>,
}

#[derive(Clone, Debug)]
enum State {
    Header(Header),
    Payload(Frame),
    /// The next byte is the first that no text can go on with, or end with.
    NoText,
    Ended,
}

const NO_TEXT: End = End::Broken(CloseCode::INVALID_TEXT);

impl Default for State {
    fn default() -> Self {
        Self::Header(Header::default())
    }
}

#[derive(Clone, Copy, Debug)]
struct Message {
    kind: Kind,
    /// Of all its frames so far.
    len: u64,
    /// Stays empty for bytes.
    text: Utf8,
}

impl Message {
    const fn new(kind: Kind) -> Self {
        Self {
            kind,
            len: 0,
            text: Utf8::new(),
        }
    }
}

impl Frames {
    /// Takes bytes up to the next event: how many, and which. Without an event it took them all.
    ///
    /// Of bytes behind the end nothing comes.
    pub fn next(&mut self, input: &mut [u8]) -> (usize, Option<Event>) {
        let mut taken = 0;
        while taken < input.len() {
            let (len, event) = match &mut self.state {
                State::Header(_) => self.read_header(&input[taken..]),
                State::Payload(frame) => {
                    let left = usize::try_from(frame.left).unwrap_or(usize::MAX);
                    let len = left.min(input.len() - taken);
                    self.read_payload(&mut input[taken..taken + len])
                }
                State::NoText => return (input.len(), Some(self.end(NO_TEXT))),
                State::Ended => return (input.len(), None),
            };
            taken += len;
            if event.is_some() {
                return (taken, event);
            }
        }
        (taken, None)
    }

    /// Leaves the payload of the messages at the front, one behind the other, and tells of the
    /// rest: for who reads messages as one stream of bytes, wherever they begin and end.
    pub fn strip(&mut self, input: &mut [u8]) -> Stripped {
        let mut stripped = Stripped {
            kept: 0,
            ping: None,
            end: None,
        };
        let mut at = 0;
        while at < input.len() {
            let (taken, event) = self.next(&mut input[at..]);
            at += taken;
            match event {
                Some(Event::Payload { len, .. }) => {
                    input.copy_within(at - len..at, stripped.kept);
                    stripped.kept += len;
                }
                Some(Event::Ping(payload)) => stripped.ping = Some(payload),
                Some(Event::End(end)) => stripped.end = Some(end),
                Some(Event::Pong(_)) | None => {}
            }
        }
        stripped
    }

    /// Whether a frame or a message has begun and not ended.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        match &self.state {
            State::Header(header) => header.len > 0 || self.message.is_some(),
            State::Payload(_) | State::NoText => true,
            State::Ended => false,
        }
    }

    /// Ends what comes from here on.
    fn end(&mut self, end: End) -> Event {
        self.state = State::Ended;
        self.message = None;
        Event::End(end)
    }

    fn read_header(&mut self, input: &[u8]) -> (usize, Option<Event>) {
        for (at, &byte) in input.iter().enumerate() {
            let event = match self.read_header_byte(byte) {
                Ok(false) => continue,
                Ok(true) => self.begin_frame(),
                Err(code) => Some(self.end(End::Broken(code))),
            };
            return (at + 1, event);
        }
        (input.len(), None)
    }

    /// Whether the header is whole now. Each rule is judged at the byte that decides it.
    fn read_header_byte(&mut self, byte: u8) -> Result<bool, CloseCode> {
        let State::Header(header) = &mut self.state else {
            return Ok(false);
        };
        header.push(byte);
        if header.len == 2 {
            header.check_start(self.message.is_some())?;
        }
        if header.len == header.length_end() {
            header.check_length(self.message.map_or(0, |message| message.len))?;
        }
        Ok(header.len == header.end())
    }

    /// Goes on to the payload; a frame without any ends here.
    fn begin_frame(&mut self) -> Option<Event> {
        let State::Header(header) = &self.state else {
            return None;
        };
        let frame = header.frame();
        match frame.opcode {
            Opcode::Text => self.message = Some(Message::new(Kind::Text)),
            Opcode::Binary => self.message = Some(Message::new(Kind::Binary)),
            _ => {}
        }
        if let Some(message) = self.message.as_mut().filter(|_| !frame.opcode.is_control()) {
            message.len += frame.left;
        }
        let is_empty = frame.left == 0;
        self.state = State::Payload(frame);
        if is_empty {
            return self.read_payload(&mut []).1;
        }
        None
    }

    /// Takes payload of the current frame: how much of it, and what it is.
    fn read_payload(&mut self, piece: &mut [u8]) -> (usize, Option<Event>) {
        let State::Payload(frame) = &mut self.state else {
            return (0, None);
        };
        frame.unmask(piece);
        let frame_ends = frame.left == 0;
        if frame.opcode.is_control() {
            frame.control.push(piece);
            return (piece.len(), frame_ends.then(|| self.end_control()));
        }
        let ends = frame_ends && frame.is_final;
        if frame_ends {
            self.state = State::default();
        }
        self.read_message(piece, ends)
    }

    /// Takes payload of the current message, which ends with it or goes on.
    fn read_message(&mut self, piece: &[u8], ends: bool) -> (usize, Option<Event>) {
        let Some(message) = &mut self.message else {
            unreachable!("a frame of no message is refused");
        };
        let kind = message.kind;
        let len = match kind {
            Kind::Text => message.text.accept(piece),
            Kind::Binary => piece.len(),
        };
        let is_cut = len == piece.len() && ends && !message.text.is_whole();
        let len = if is_cut { len.saturating_sub(1) } else { len };
        let is_text = len == piece.len() && !is_cut;
        match (is_text, len) {
            (false, 0) => return (piece.len(), Some(self.end(NO_TEXT))),
            (false, _) => self.state = State::NoText,
            (true, _) if ends => self.message = None,
            (true, _) => {}
        }
        let ends = ends && is_text;
        let event = Event::Payload { kind, len, ends };
        (len, (ends || len > 0).then_some(event))
    }

    fn end_control(&mut self) -> Event {
        let State::Payload(frame) = std::mem::take(&mut self.state) else {
            unreachable!("a frame ends behind its payload");
        };
        match frame.opcode {
            Opcode::Ping => Event::Ping(frame.control),
            Opcode::Pong => Event::Pong(frame.control),
            _ => self.end(read_close(frame.control.as_bytes())),
        }
    }
}

/// What a Close frame says: nothing, or a code and a text that nobody is to see.
fn read_close(payload: &[u8]) -> End {
    match *payload {
        [] => End::Closed(None),
        [high, low, ref reason @ ..] => {
            let code = CloseCode(u16::from_be_bytes([high, low]));
            match str::from_utf8(reason) {
                _ if !code.may_be_sent() => End::Broken(CloseCode::PROTOCOL),
                Err(_) => End::Broken(CloseCode::INVALID_TEXT),
                Ok(_) => End::Closed(Some(code)),
            }
        }
        [_] => End::Broken(CloseCode::PROTOCOL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::web::websocket::MESSAGE_BYTES_MAX;

    /// A frame as a client sends it: its first byte, its payload, its mask.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | u8::try_from(len).unwrap()),
            len @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&MASK);
        let masked = payload.iter().zip(MASK.iter().cycle());
        frame.extend(masked.map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// What was said, without a trace of how it was cut.
    #[derive(Clone, Debug, PartialEq)]
    enum Said {
        Payload(Kind, Vec<u8>),
        MessageEnd,
        Control(Event),
    }

    fn said(pieces: &mut dyn Iterator<Item = Vec<u8>>) -> Vec<Said> {
        let mut frames = Frames::default();
        let mut said = Vec::new();
        for mut piece in pieces {
            let mut at = 0;
            while at < piece.len() {
                let (taken, event) = frames.next(&mut piece[at..]);
                at += taken;
                match event {
                    Some(Event::Payload { kind, len, ends }) => {
                        let payload = &piece[at - len..at];
                        match said.last_mut() {
                            Some(Said::Payload(_, whole)) => whole.extend_from_slice(payload),
                            _ => said.push(Said::Payload(kind, payload.to_vec())),
                        }
                        said.extend(ends.then_some(Said::MessageEnd));
                    }
                    Some(event) => said.push(Said::Control(event)),
                    None => assert_eq!(at, piece.len(), "nothing to say means all was taken"),
                }
            }
        }
        said
    }

    /// What is said in one piece; asserts that it is the same in any two and in any size.
    fn said_however_cut(bytes: &[u8]) -> Vec<Said> {
        let whole = said(&mut std::iter::once(bytes.to_vec()));
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            let halves = said(&mut [head.to_vec(), tail.to_vec()].into_iter());
            assert_eq!(halves, whole, "{} cut at {cut}", bytes.escape_ascii());
        }
        for size in [1, 2, 3, 7] {
            let pieces = said(&mut bytes.chunks(size).map(<[u8]>::to_vec));
            assert_eq!(pieces, whole, "{} in {size}", bytes.escape_ascii());
        }
        whole
    }

    fn control(payload: &[u8]) -> Control {
        let mut control = Control::EMPTY;
        control.push(payload);
        control
    }

    fn ends_with(bytes: &[u8]) -> End {
        match said_however_cut(bytes).pop() {
            Some(Said::Control(Event::End(end))) => end,
            other => panic!("{} ends with {other:?}", bytes.escape_ascii()),
        }
    }

    #[test]
    fn a_message_in_fragments_is_one_with_a_ping_between_them() {
        let bytes = [
            frame(0x01, "Grü".as_bytes()),
            frame(0x89, b"hi"),
            frame(0x00, b""),
            frame(0x8a, b""),
            frame(0x00, &"ß🛥".as_bytes()[..3]),
            frame(0x80, &"ß🛥".as_bytes()[3..]),
            frame(0x82, b"\xff\0"),
            frame(0x81, b""),
        ]
        .concat();
        assert_eq!(
            said_however_cut(&bytes),
            [
                Said::Payload(Kind::Text, "Grü".into()),
                Said::Control(Event::Ping(control(b"hi"))),
                Said::Control(Event::Pong(control(b""))),
                Said::Payload(Kind::Text, "ß🛥".into()),
                Said::MessageEnd,
                Said::Payload(Kind::Binary, b"\xff\0".into()),
                Said::MessageEnd,
                Said::Payload(Kind::Text, b"".into()),
                Said::MessageEnd,
            ]
        );
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        let hello = |kind: Kind| [Said::Payload(kind, b"Hello".into()), Said::MessageEnd];
        let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(said_however_cut(masked), hello(Kind::Text));
        let ping = b"\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        let event = Event::Ping(control(b"Hello"));
        assert_eq!(said_however_cut(ping), [Said::Control(event)]);
    }

    #[test]
    fn every_length_around_a_border_is_read() {
        for len in [0, 1, 125, 126, 127, 128, 65_535, 65_536] {
            let payload: Vec<u8> = (0..=255).cycle().take(len).collect();
            let bytes = frame(0x82, &payload);
            let read = said(&mut bytes.chunks(1000).map(<[u8]>::to_vec));
            let expected = [Said::Payload(Kind::Binary, payload), Said::MessageEnd];
            assert_eq!(read, expected, "{len}");
        }
    }

    #[test]
    fn a_frame_that_the_protocol_does_not_allow_ends_it_with_1002() {
        let mut unmasked = frame(0x81, b"");
        unmasked[1] = 0;
        let mut bad = vec![unmasked];
        // Reserved bits, reserved opcodes.
        bad.extend([0xc1, 0xa1, 0x91, 0xf1].map(|first| frame(first, b"x")));
        bad.extend([3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(|op| frame(0x80 | op, b"")));
        // Control frames in fragments, and too long.
        bad.extend([0x08, 0x09, 0x0a].map(|first| frame(first, b"")));
        bad.extend([0x88, 0x89, 0x8a].map(|first| frame(first, &[b'x'; 126])));
        // What does not continue, or continues nothing.
        bad.extend([0x00, 0x80].map(|first| frame(first, b"x")));
        bad.push([frame(0x01, b"a"), frame(0x81, b"b")].concat());
        bad.push([frame(0x02, b"a"), frame(0x02, b"b")].concat());
        bad.push([frame(0x01, b"a"), frame(0x80, b"b"), frame(0x80, b"c")].concat());
        // Lengths that are not the shortest, or of 2^63 and more.
        bad.push(b"\x82\xfe\x00\x7d....".to_vec());
        bad.push(b"\x82\xfe\x00\x05....".to_vec());
        bad.push(b"\x82\xff\0\0\0\0\0\0\xff\xff....".to_vec());
        bad.push(b"\x82\xff\x80\0\0\0\0\0\0\0....".to_vec());
        bad.push(b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff....".to_vec());
        for mut bytes in bad {
            bytes.extend_from_slice(&frame(0x81, b"unseen"));
            let end = End::Broken(CloseCode::PROTOCOL);
            assert_eq!(ends_with(&bytes), end, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_message_that_is_too_long_ends_it_with_1009_before_it_comes() {
        let max = usize::try_from(MESSAGE_BYTES_MAX).unwrap();
        let too_long = b"\x82\xff\0\0\0\0\0\x01\0\x01";
        assert_eq!(ends_with(too_long), End::Broken(CloseCode::TOO_BIG));
        let endless = b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(ends_with(endless), End::Broken(CloseCode::TOO_BIG));
        let mut frames = Frames::default();
        let stripped = frames.strip(&mut frame(0x02, &vec![0; max - 1]));
        assert_eq!((stripped.kept, stripped.end), (max - 1, None));
        // What a ping holds is not of the message.
        assert_eq!(frames.strip(&mut frame(0x89, &[0; 125])).end, None);
        assert_eq!(frames.strip(&mut frame(0x00, b"x")).kept, 1);
        assert_eq!(frames.strip(&mut frame(0x00, b"")).end, None);
        let end = frames.strip(&mut frame(0x80, b"x")).end;
        assert_eq!(end, Some(End::Broken(CloseCode::TOO_BIG)));
    }

    #[test]
    fn text_that_is_none_ends_it_with_1007_and_what_came_before_is_kept() {
        for (bytes, kept) in [
            (frame(0x81, b"ab\xffcd"), &b"ab"[..]),
            (frame(0x81, b"\xff"), b""),
            (frame(0x81, b"a\xe2\x82"), b"a\xe2"),
            (frame(0x81, b"\xe2"), b""),
            (
                [frame(0x01, b"a\xe2"), frame(0x80, b"\x82")].concat(),
                b"a\xe2",
            ),
            ([frame(0x01, b"a\xe2"), frame(0x80, b"")].concat(), b"a\xe2"),
            (
                [frame(0x01, b"a\xe2"), frame(0x00, b"b")].concat(),
                b"a\xe2",
            ),
            (frame(0x81, b"\xed\xa0\x80"), b"\xed"),
        ] {
            assert_eq!(ends_with(&bytes), NO_TEXT, "{}", bytes.escape_ascii());
            let mut stripped = bytes.clone();
            let left = Frames::default().strip(&mut stripped);
            assert_eq!(&stripped[..left.kept], kept, "{}", bytes.escape_ascii());
        }
        // Bytes are anything.
        let stripped = Frames::default().strip(&mut frame(0x82, b"ab\xffcd"));
        assert_eq!((stripped.kept, stripped.end), (5, None));
    }

    #[test]
    fn a_close_says_why_or_nothing_and_is_answered() {
        let table: &[(&[u8], End, &[u8])] = &[
            (b"", End::Closed(None), b"\x88\x00"),
            (
                b"\x03\xe8bye",
                End::Closed(Some(CloseCode::NORMAL)),
                b"\x88\x02\x03\xe8",
            ),
            (
                b"\x0f\xa1",
                End::Closed(Some(CloseCode::MOVED)),
                b"\x88\x02\x0f\xa1",
            ),
            (
                b"\x03",
                End::Broken(CloseCode::PROTOCOL),
                b"\x88\x02\x03\xea",
            ),
            (
                b"\x03\xed",
                End::Broken(CloseCode::PROTOCOL),
                b"\x88\x02\x03\xea",
            ),
            (
                b"\x03\xee\xff",
                End::Broken(CloseCode::PROTOCOL),
                b"\x88\x02\x03\xea",
            ),
            (b"\x03\xe8\xff", NO_TEXT, b"\x88\x02\x03\xef"),
            (b"\x03\xe8\xe2\x82", NO_TEXT, b"\x88\x02\x03\xef"),
        ];
        for (payload, expected, answer) in table {
            let end = ends_with(&frame(0x88, payload));
            assert_eq!(end, *expected, "{}", payload.escape_ascii());
            let mut out = Vec::new();
            end.write_answer(&mut out);
            assert_eq!(out, *answer, "{}", payload.escape_ascii());
        }
    }

    #[test]
    fn nothing_comes_behind_a_close_and_it_may_come_inside_a_message() {
        let bytes = [
            frame(0x01, b"a"),
            frame(0x88, b""),
            frame(0x80, b"b"),
            frame(0x89, b"c"),
        ]
        .concat();
        assert_eq!(
            said_however_cut(&bytes),
            [
                Said::Payload(Kind::Text, b"a".into()),
                Said::Control(Event::End(End::Closed(None))),
            ]
        );
        let mut frames = Frames::default();
        assert!(!frames.is_inside());
        assert!(frames.strip(&mut frame(0x01, b"a")).end.is_none() && frames.is_inside());
        assert!(frames.strip(&mut frame(0x88, b"")).end.is_some() && !frames.is_inside());
        assert_eq!(frames.strip(&mut frame(0x80, b"b")).kept, 0);
    }

    #[test]
    fn stripping_leaves_the_payload_and_the_latest_ping() {
        let mut bytes = [
            frame(0x82, b"status\n"),
            frame(0x89, b"1"),
            frame(0x02, b"get "),
            frame(0x89, b"2"),
            frame(0x8a, b"3"),
            frame(0x80, b"a.txt\n"),
            frame(0x81, b"exit\n"),
        ]
        .concat();
        let stripped = Frames::default().strip(&mut bytes);
        assert_eq!(&bytes[..stripped.kept], b"status\nget a.txt\nexit\n");
        assert_eq!((stripped.ping, stripped.end), (Some(control(b"2")), None));
    }
}
