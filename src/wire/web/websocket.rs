//! WebSocket (RFC 6455): what a server writes, and the numbers of the protocol.
//!
//! Owns the headers of frames, the codes of a close, and the key of the handshake. Must never read
//! what a client sends: that is [`crate::wire::web::frames`].

use std::fmt;

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

/// The longest payload of a control frame: RFC 6455, 5.5.
pub const CONTROL_BYTES_MAX: usize = 125;

/// The longest message, all its frames together.
///
/// A request is a line of 4 KiB, so this fits a page of pasted lines, and a file that is sent in
/// slices. Nothing is gathered up to it: it keeps a header from announcing what never ends.
pub const MESSAGE_BYTES_MAX: u64 = 64 * 1024;

/// What a frame is: RFC 6455, 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// The message goes on.
    Continuation = 0,
    /// A message of text begins.
    Text = 1,
    /// A message of bytes begins.
    Binary = 2,
    /// The connection is to end.
    Close = 8,
    /// The other side is to send this back.
    Ping = 9,
    /// The answer to a ping, or a sign of life.
    Pong = 10,
}

impl Opcode {
    /// The opcode with this number. `None`: it is reserved.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    /// Whether it may stand between the frames of a message: RFC 6455, 5.5.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self as u8 & 8 != 0
    }
}

/// The header of a frame that a server sends: final, not masked, its length in as few bytes as
/// there can be (RFC 6455, 5.1 and 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    bytes: [u8; Self::BYTES_MAX],
    len: u8,
}

impl FrameHeader {
    /// The longest header that a server sends.
    pub const BYTES_MAX: usize = 10;

    /// The header in front of `len` bytes.
    ///
    /// # Panics
    ///
    /// At 2^63 bytes, which no frame has and no file, and for a control frame of more than
    /// [`CONTROL_BYTES_MAX`].
    #[must_use]
    pub fn new(opcode: Opcode, len: u64) -> Self {
        assert!(len < 1 << 63, "no frame is that long");
        let short = u8::try_from(len).ok().filter(|&len| len <= 125);
        assert!(
            short.is_some() || !opcode.is_control(),
            "a control frame is short"
        );
        let mut bytes = [0; Self::BYTES_MAX];
        bytes[0] = 0x80 | opcode as u8;
        let header_len = match (short, u16::try_from(len)) {
            (Some(len), _) => {
                bytes[1] = len;
                2
            }
            (None, Ok(len)) => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&len.to_be_bytes());
                4
            }
            (None, Err(_)) => {
                bytes[1] = 127;
                bytes[2..].copy_from_slice(&len.to_be_bytes());
                10
            }
        };
        Self {
            bytes,
            len: header_len,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Why a connection ends, as a number: RFC 6455, 7.4, and IANA's registry for those from 1012 on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// Its purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The server stops.
    pub const GOING_AWAY: Self = Self(1001);
    /// A frame that the protocol does not allow.
    pub const PROTOCOL: Self = Self(1002);
    /// Text that is not UTF-8.
    pub const INVALID_TEXT: Self = Self(1007);
    /// What the server does not allow, such as being idle for too long.
    pub const POLICY: Self = Self(1008);
    /// A message that is too long.
    pub const TOO_BIG: Self = Self(1009);
    /// A fault of the server.
    pub const INTERNAL: Self = Self(1011);
    /// The server is full.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// The berth has moved to another connection with the same key; ours, from the private range.
    pub const MOVED: Self = Self(4001);

    /// Whether a Close frame may hold it: 1004 is reserved, 1005, 1006 and 1015 are for what is
    /// said of a connection and not on it, and those below 3000 are the standard's.
    #[must_use]
    pub const fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Appends a Close frame: RFC 6455, 5.5.1. Without a code it is the answer to one without. A reason
/// that is too long is cut in front of a letter.
pub fn write_close(out: &mut Vec<u8>, code: Option<CloseCode>, reason: &str) {
    let room = code.map_or(0, |_| reason.len().min(CONTROL_BYTES_MAX - 2));
    let cut = (0..=room).rev().find(|&at| reason.is_char_boundary(at));
    let reason = &reason[..cut.unwrap_or(0)];
    let code = code.map(|code| code.0.to_be_bytes());
    let code = code.as_ref().map_or(&[][..], |code| code);
    let len = code.len() + reason.len();
    out.extend_from_slice(FrameHeader::new(Opcode::Close, len as u64).as_bytes());
    out.extend_from_slice(code);
    out.extend_from_slice(reason.as_bytes());
}

/// Appends the answer to a ping: RFC 6455, 5.5.3.
pub fn write_pong(out: &mut Vec<u8>, payload: &[u8]) {
    out.extend_from_slice(FrameHeader::new(Opcode::Pong, payload.len() as u64).as_bytes());
    out.extend_from_slice(payload);
}

/// The value of `Sec-WebSocket-Accept`: RFC 6455, 4.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptKey([u8; 20]);

impl AcceptKey {
    /// The answer to a `Sec-WebSocket-Key`. `None`: it is not the base64 of 16 bytes, which RFC
    /// 6455, 4.2.1, demands.
    #[must_use]
    pub fn answer(key: &[u8]) -> Option<Self> {
        let nonce = BASE64.decode(key).ok()?;
        if nonce.len() != 16 {
            return None;
        }
        let digest = Sha1::new()
            .chain_update(key)
            .chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
            .finalize();
        Some(Self(digest.into()))
    }
}

impl fmt::Display for AcceptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        BASE64.encode_display(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_as_few_bytes_as_it_can() {
        let table: &[(u64, &[u8])] = &[
            (0, b"\x82\x00"),
            (125, b"\x82\x7d"),
            (126, b"\x82\x7e\x00\x7e"),
            (65_535, b"\x82\x7e\xff\xff"),
            (65_536, b"\x82\x7f\0\0\0\0\0\x01\0\0"),
            ((1 << 63) - 1, b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ];
        for (len, bytes) in table {
            assert_eq!(
                FrameHeader::new(Opcode::Binary, *len).as_bytes(),
                *bytes,
                "{len}"
            );
        }
    }

    #[test]
    fn an_opcode_is_its_number() {
        for number in 0..=255 {
            match Opcode::from_number(number) {
                Some(opcode) => assert_eq!(opcode as u8, number),
                None => assert!(matches!(number, 3..=7 | 11..)),
            }
        }
        assert!(Opcode::Ping.is_control() && !Opcode::Binary.is_control());
    }

    #[test]
    fn a_close_frame_holds_its_code_and_what_fits_of_its_reason() {
        let closed = |code, reason: &str| {
            let mut out = Vec::new();
            write_close(&mut out, code, reason);
            out
        };
        assert_eq!(closed(None, ""), b"\x88\x00");
        assert_eq!(closed(None, "unseen"), b"\x88\x00");
        assert_eq!(
            closed(Some(CloseCode::NORMAL), "bye"),
            b"\x88\x05\x03\xe8bye"
        );
        let long = closed(Some(CloseCode::TRY_AGAIN_LATER), &"ü".repeat(100));
        assert_eq!(long.len(), 2 + 2 + 122);
        assert_eq!((long[1], &long[2..4]), (124, &b"\x03\xf5"[..]));
        assert!(str::from_utf8(&long[4..]).is_ok());
    }

    #[test]
    fn a_pong_is_the_ping_sent_back() {
        let mut out = Vec::new();
        write_pong(&mut out, b"hi");
        assert_eq!(out, b"\x8a\x02hi");
    }

    #[test]
    fn a_code_for_what_never_is_sent_may_not_be_sent() {
        for code in [
            1000, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4001, 4999,
        ] {
            assert!(CloseCode(code).may_be_sent(), "{code}");
        }
        for code in [
            0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
        ] {
            assert!(!CloseCode(code).may_be_sent(), "{code}");
        }
    }

    #[test]
    fn the_accept_key_is_that_of_the_standard() {
        let accept = AcceptKey::answer(b"dGhlIHNhbXBsZSBub25jZQ==").expect("it is a key");
        assert_eq!(accept.to_string(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_sixteen_bytes_in_base64() {
        for key in [
            &b""[..],
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZQ=",
            b"dGhlIHNhbXBsZSBub25jZR==",
            b"dGhlIHNhbXBsZSBub25jZQ== ",
            b"dGhlIHNhbXBsZSBub25j",
            b"dGhlIHNhbXBsZSBub25jZWE=",
            b"dGhlIHNhbXBsZSBub25jZWFh",
            b"dGhlIHNhbXBsZSBub25j-Q==",
        ] {
            assert_eq!(AcceptKey::answer(key), None, "{}", key.escape_ascii());
        }
    }
}
