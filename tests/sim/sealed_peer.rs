//! The far end of a sealed pipe.
//!
//! Owns what the peer's end of the seal has to say and has opened. Must never say a byte of the
//! script before the two ends have agreed.

use std::collections::VecDeque;

use crate::rng::Rng;
use crate::seal::{
    ALERT, BUSY, DATA, END, FINISH, FLIGHT, HELLO, KEYS, NEW_KEYS, frame, next_frame,
};

/// The longest piece of a script in one frame.
const FRAME_BYTES_MAX: usize = 700;

/// A peer's end.
#[derive(Debug, Default)]
pub(crate) struct SealedPeer {
    /// Frames that are not all sent.
    raw: VecDeque<u8>,
    /// How many bytes of each frame in `raw` are left, and how much of the script it carries.
    frames: VecDeque<(usize, usize)>,
    said_hello: bool,
    said_finish: bool,
    /// The server's flight has come.
    may_finish: bool,
    /// How much of the script was sealed.
    sealed: usize,
    /// What came and is no whole frame.
    came: VecDeque<u8>,
    pub(crate) end_seen: bool,
    pub(crate) alert_seen: bool,
    pub(crate) busy_seen: bool,
}

impl SealedPeer {
    /// How much of a script of this length is still to be sealed or sent, the seal's own included.
    pub(crate) fn unsaid(&self, script: usize) -> usize {
        script - self.sealed + self.raw.len() + usize::from(!self.said_finish)
    }

    /// Whether both ends have agreed.
    pub(crate) const fn has_shaken_hands(&self) -> bool {
        self.said_finish
    }

    fn queue(&mut self, kind: u8, payload: &[u8]) {
        let frame = frame(kind, payload);
        let carries = if kind == DATA { payload.len() } else { 0 };
        self.frames.push_back((frame.len(), carries));
        self.raw.extend(frame);
    }

    /// Makes the next frame, if there is one to make. `rude`: it may be one that breaks the rules.
    pub(crate) fn prepare(&mut self, script: &[u8], rude: bool, rng: &mut Rng) {
        if !self.raw.is_empty() {
            return;
        }
        if !self.said_hello {
            self.said_hello = true;
            return self.queue(HELLO, &[b'h'; 20]);
        }
        if !self.said_finish {
            if self.may_finish {
                self.said_finish = true;
                self.queue(FINISH, b"done");
            }
            return;
        }
        if rude && rng.chance(30) {
            return self.queue(b'?', b"nonsense");
        }
        if rng.chance(60) {
            return self.queue(NEW_KEYS, &[]);
        }
        if rng.chance(60) {
            return self.queue(DATA, &[]);
        }
        let rest = &script[self.sealed..];
        if !rest.is_empty() {
            let most = rng.pick(&[1, 30, FRAME_BYTES_MAX]);
            let n = rng.between(1, most).min(rest.len());
            self.sealed += n;
            self.queue(DATA, &rest[..n]);
        }
    }

    /// The end of what this peer says.
    pub(crate) fn say_end(&mut self) {
        if self.said_finish {
            self.queue(END, &[]);
        }
    }

    /// Takes up to `most` bytes to be sent, with how much of the script is in the frames that are
    /// whole with them.
    pub(crate) fn take(&mut self, most: usize) -> (Vec<u8>, usize) {
        let n = most.min(self.raw.len());
        let bytes = self.raw.drain(..n).collect();
        let (mut left, mut carried) = (n, 0);
        while let Some((rest, carries)) = self.frames.front_mut() {
            if *rest > left {
                *rest -= left;
                break;
            }
            left -= *rest;
            carried += *carries;
            self.frames.pop_front();
        }
        (bytes, carried)
    }

    /// Opens what came.
    pub(crate) fn open(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.came.extend(bytes);
        let mut plain = Vec::new();
        while let Some((kind, payload)) = next_frame(&mut self.came) {
            assert!(
                !self.end_seen && !self.alert_seen && !self.busy_seen,
                "nothing comes behind the end of a sealed pipe"
            );
            match kind {
                FLIGHT => self.may_finish = true,
                DATA => plain.extend(payload),
                KEYS => {}
                END => self.end_seen = true,
                ALERT => self.alert_seen = true,
                BUSY => self.busy_seen = true,
                other => panic!("a frame of kind {other}"),
            }
        }
        plain
    }
}
