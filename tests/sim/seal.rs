//! A cipher that hides nothing and has the shape of TLS.
//!
//! Owns the state of the server's end: frames of three bytes and a payload; a hello, a flight and a
//! finish before anything is said, and another hello where the first is of no use; answers of its
//! own to a request for new keys; an end that is said; an alert for who breaks the rules, and one
//! for who is turned away before it has finished.
//! Must never ask whether it may be asked: that is [`super::cipher`]'s.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use berth::engine::sealed::{Cipher, Fault};

/// What a frame is.
pub(crate) const HELLO: u8 = b'H';
/// A hello that the server asks for anew.
pub(crate) const ODD_HELLO: u8 = b'O';
pub(crate) const RETRY: u8 = b'R';
pub(crate) const FLIGHT: u8 = b'S';
pub(crate) const FINISH: u8 = b'F';
pub(crate) const DATA: u8 = b'D';
pub(crate) const NEW_KEYS: u8 = b'K';
pub(crate) const KEYS: u8 = b'k';
pub(crate) const END: u8 = b'E';
pub(crate) const ALERT: u8 = b'A';
pub(crate) const BUSY: u8 = b'B';

/// What the server answers a hello with.
const FLIGHT_BYTES: usize = 40;

/// A frame with its three bytes in front.
pub(crate) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).expect("a frame is short");
    let mut frame = vec![kind];
    frame.extend(len.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Takes the first frame out of `raw`, if it is all there.
pub(crate) fn next_frame(raw: &mut VecDeque<u8>) -> Option<(u8, Vec<u8>)> {
    let (kind, high, low) = (*raw.front()?, *raw.get(1)?, *raw.get(2)?);
    let len = usize::from(u16::from_be_bytes([high, low]));
    if raw.len() < 3 + len {
        return None;
    }
    let payload = raw.drain(..3 + len).skip(3).collect();
    Some((kind, payload))
}

/// How far the two ends have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    AwaitsHello,
    AwaitsFinish,
    Open,
    /// The peer has said that no more comes.
    Ended,
    /// The peer broke the rules.
    Broken,
}

/// The server's end.
#[derive(Debug)]
pub(crate) struct Seal {
    stage: Stage,
    /// What came out of the socket and is no whole frame.
    raw: VecDeque<u8>,
    /// What was opened and not given out.
    plain: VecDeque<u8>,
    /// What the socket has not taken.
    out: VecDeque<u8>,
    /// The most bytes that go into one frame.
    frame_bytes: usize,
}

impl Seal {
    pub(crate) fn new(frame_bytes: usize) -> Self {
        Self {
            stage: Stage::AwaitsHello,
            raw: VecDeque::new(),
            plain: VecDeque::new(),
            out: VecDeque::new(),
            frame_bytes,
        }
    }
}

impl Cipher for Seal {
    /// Opens every frame that is all there.
    fn feed(&mut self, raw: &[u8]) -> Result<(), Fault> {
        self.raw.extend(raw);
        while let Some((kind, payload)) = next_frame(&mut self.raw) {
            match (self.stage, kind) {
                (Stage::AwaitsHello, HELLO) => {
                    self.stage = Stage::AwaitsFinish;
                    self.out.extend(frame(FLIGHT, &[b's'; FLIGHT_BYTES]));
                }
                (Stage::AwaitsHello, ODD_HELLO) => self.out.extend(frame(RETRY, &[])),
                (Stage::AwaitsFinish, FINISH) => self.stage = Stage::Open,
                (Stage::Open, DATA) => self.plain.extend(payload),
                (Stage::Open, NEW_KEYS) => self.out.extend(frame(KEYS, &[])),
                (Stage::Open, END) => self.stage = Stage::Ended,
                _ => {
                    self.stage = Stage::Broken;
                    self.raw.clear();
                    self.plain.clear();
                    self.out.extend(frame(ALERT, &[]));
                }
            }
        }
        match self.stage {
            Stage::Broken => Err(Fault),
            _ => Ok(()),
        }
    }

    fn holds(&self) -> bool {
        !self.plain.is_empty()
    }

    fn take(&mut self, space: &mut [u8]) -> usize {
        let n = space.len().min(self.plain.len());
        for (to, from) in space.iter_mut().zip(self.plain.drain(..n)) {
            *to = from;
        }
        n
    }

    fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    fn seal(&mut self, plain: &[u8]) -> usize {
        let n = plain.len().min(self.frame_bytes);
        self.out.extend(frame(DATA, &plain[..n]));
        n
    }

    fn close(&mut self) {
        if !self.is_handshaking() {
            self.out.extend(frame(END, &[]));
        }
    }

    fn refuse(&mut self) {
        self.out.extend(frame(BUSY, &[]));
    }

    fn owes(&self) -> bool {
        !self.out.is_empty()
    }

    fn send(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let (first, second) = self.out.as_slices();
        let n = write(&[first, second].map(IoSlice::new))?;
        self.out.drain(..n);
        Ok(n)
    }

    fn is_handshaking(&self) -> bool {
        matches!(self.stage, Stage::AwaitsHello | Stage::AwaitsFinish)
    }
}
