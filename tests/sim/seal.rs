//! A pipe that holds bytes back and owes some of its own, as TLS does.
//!
//! Owns the state of the server's end: a toy with TLS's shape and none of its secrets. Frames of
//! three bytes and a payload; a hello, a flight and a finish before anything is said; answers of
//! its own to a request for new keys; an end that is said; and an alert for who breaks the rules.
//! Must never be kind: it gives out what it holds one piece at a time, and takes what it is given
//! whether the socket does or not.

use std::collections::VecDeque;

use berth::engine::ports::More;

/// What a frame is.
pub(crate) const HELLO: u8 = b'H';
pub(crate) const FLIGHT: u8 = b'S';
pub(crate) const FINISH: u8 = b'F';
pub(crate) const DATA: u8 = b'D';
pub(crate) const NEW_KEYS: u8 = b'K';
pub(crate) const KEYS: u8 = b'k';
pub(crate) const END: u8 = b'E';
pub(crate) const ALERT: u8 = b'A';

/// The most that is read from the socket at once.
pub(crate) const RAW_BYTES_MAX: usize = 16 * 1024;

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
pub(crate) enum Stage {
    AwaitsHello,
    AwaitsFinish,
    Open,
    /// The peer has said that no more comes.
    Ended,
    /// The peer broke the rules.
    Broken,
}

/// The server's end of a sealed pipe.
#[derive(Debug)]
pub(crate) struct Seal {
    pub(crate) stage: Stage,
    /// What came out of the socket and is no whole frame.
    pub(crate) raw: VecDeque<u8>,
    /// What was opened and not given out.
    pub(crate) plain: VecDeque<u8>,
    /// What the socket has not taken.
    pub(crate) out: VecDeque<u8>,
    /// A read of the socket in this call took all there was. In an earlier one means nothing: an
    /// event may have come since, and comes once.
    pub(crate) drained: bool,
    /// The end of this direction was said.
    pub(crate) said_end: bool,
    /// The pipe below was told too: what comes is thrown away.
    pub(crate) finished: bool,
    /// The most bytes that go into one frame.
    pub(crate) frame_bytes: usize,
}

impl Seal {
    pub(crate) fn new(frame_bytes: usize) -> Self {
        Self {
            stage: Stage::AwaitsHello,
            raw: VecDeque::new(),
            plain: VecDeque::new(),
            out: VecDeque::new(),
            drained: false,
            said_end: false,
            finished: false,
            frame_bytes,
        }
    }

    pub(crate) fn owes(&self) -> bool {
        !self.out.is_empty()
    }

    pub(crate) const fn is_ready(&self) -> bool {
        !matches!(self.stage, Stage::AwaitsHello | Stage::AwaitsFinish)
    }

    /// Whether a read would give something without asking the socket.
    pub(crate) fn holds(&self) -> bool {
        !self.plain.is_empty()
    }

    /// Opens every frame that is all there. Says whether one of the handshake was.
    pub(crate) fn open(&mut self) -> bool {
        let mut shook_hands = false;
        while let Some((kind, payload)) = next_frame(&mut self.raw) {
            match (self.stage, kind) {
                (Stage::AwaitsHello, HELLO) => {
                    self.stage = Stage::AwaitsFinish;
                    self.out.extend(frame(FLIGHT, &[b's'; FLIGHT_BYTES]));
                    shook_hands = true;
                }
                (Stage::AwaitsFinish, FINISH) => {
                    self.stage = Stage::Open;
                    shook_hands = true;
                }
                (Stage::Open, DATA) => self.plain.extend(payload),
                (Stage::Open, NEW_KEYS) if self.said_end => {}
                (Stage::Open, NEW_KEYS) => self.out.extend(frame(KEYS, &[])),
                (Stage::Open, END) => self.stage = Stage::Ended,
                _ => {
                    self.stage = Stage::Broken;
                    self.raw.clear();
                    self.plain.clear();
                    if !self.said_end {
                        self.out.extend(frame(ALERT, &[]));
                    }
                }
            }
        }
        shook_hands
    }

    /// What is known of the rest, now that so much was given out.
    pub(crate) fn more(&self) -> More {
        match self.stage {
            _ if self.holds() => More::Perhaps,
            Stage::Ended => More::Never,
            _ if self.drained => More::WhenTold,
            _ => More::Perhaps,
        }
    }
}
