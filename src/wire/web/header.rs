//! WebSocket (RFC 6455): the header of a frame that a client sends.
//!
//! Owns its bytes, its rules and what is left of its frame. Must never know what a message holds.

use std::fmt;

use crate::wire::web::websocket::{CONTROL_BYTES_MAX, CloseCode, MESSAGE_BYTES_MAX, Opcode};

/// Two bytes, eight of a length, four of a mask: RFC 6455, 5.2.
const HEADER_BYTES_MAX: usize = 14;

/// As much of a header as has come: RFC 6455, 5.2.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Header {
    bytes: [u8; HEADER_BYTES_MAX],
    pub(super) len: usize,
}

impl Header {
    pub(super) fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    const fn is_final(&self) -> bool {
        self.bytes[0] & 0x80 != 0
    }

    const fn opcode(&self) -> Option<Opcode> {
        Opcode::from_number(self.bytes[0] & 0x0f)
    }

    /// The length in the second byte, or 126 or 127 for one behind it.
    const fn short_length(&self) -> u8 {
        self.bytes[1] & 0x7f
    }

    /// Where the length ends.
    pub(super) const fn length_end(&self) -> usize {
        match self.short_length() {
            126 => 4,
            127 => 10,
            _ => 2,
        }
    }

    pub(super) const fn end(&self) -> usize {
        self.length_end() + 4
    }

    fn length(&self) -> u64 {
        match &self.bytes[2..self.length_end()] {
            [] => u64::from(self.short_length()),
            bytes => bytes
                .iter()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
        }
    }

    /// Judges the first two bytes.
    pub(super) fn check_start(&self, inside_message: bool) -> Result<(), CloseCode> {
        let Some(opcode) = self.opcode() else {
            return Err(CloseCode::PROTOCOL);
        };
        // Nothing was negotiated that a reserved bit could mean, and a client masks (5.1).
        let is_plain = self.bytes[0] & 0x70 == 0 && self.bytes[1] & 0x80 != 0;
        let fits = match opcode {
            // RFC 6455, 5.5.
            Opcode::Close | Opcode::Ping | Opcode::Pong => {
                self.is_final() && usize::from(self.short_length()) <= CONTROL_BYTES_MAX
            }
            // RFC 6455, 5.4.
            Opcode::Continuation => inside_message,
            Opcode::Text | Opcode::Binary => !inside_message,
        };
        (is_plain && fits).then_some(()).ok_or(CloseCode::PROTOCOL)
    }

    /// Judges the length, behind as much of its message as `so_far`.
    pub(super) fn check_length(&self, so_far: u64) -> Result<(), CloseCode> {
        let len = self.length();
        let is_shortest = match self.short_length() {
            126 => len >= 126,
            127 => (1 << 16..1 << 63).contains(&len),
            _ => true,
        };
        let is_control = self.opcode().is_some_and(Opcode::is_control);
        if !is_shortest {
            return Err(CloseCode::PROTOCOL);
        }
        if !is_control && len > MESSAGE_BYTES_MAX - so_far {
            return Err(CloseCode::TOO_BIG);
        }
        Ok(())
    }

    /// The frame that a whole header is of.
    pub(super) fn frame(&self) -> Frame {
        let end = self.length_end();
        Frame {
            opcode: self.opcode().expect("it was checked"),
            is_final: self.is_final(),
            left: self.length(),
            mask: std::array::from_fn(|at| self.bytes[end + at]),
            control: Control::EMPTY,
        }
    }
}

/// A frame whose header is whole.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    /// How much of its payload has not come.
    pub(super) left: u64,
    /// Begins with the byte of the mask that is next.
    mask: [u8; 4],
    /// What has come of a control frame.
    pub(super) control: Control,
}

impl Frame {
    /// Takes the mask off the next bytes: RFC 6455, 5.3.
    pub(super) fn unmask(&mut self, piece: &mut [u8]) {
        self.left -= piece.len() as u64;
        let (words, rest) = piece.as_chunks_mut::<4>();
        for word in words {
            *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(self.mask)).to_ne_bytes();
        }
        for (byte, mask) in rest.iter_mut().zip(self.mask) {
            *byte ^= mask;
        }
        self.mask.rotate_left(rest.len());
    }
}

/// The payload of a control frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// Zeros behind the first `len`.
    bytes: [u8; CONTROL_BYTES_MAX],
    len: u8,
}

impl Control {
    pub(super) const EMPTY: Self = Self {
        bytes: [0; CONTROL_BYTES_MAX],
        len: 0,
    };

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + piece.len()].copy_from_slice(piece);
        // A header that announces more is refused.
        self.len += u8::try_from(piece.len()).expect("a control frame is short");
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}
