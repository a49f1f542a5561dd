//! The far end of a sealed pipe.
//!
//! Owns what the peer's end of the seal has to say and has opened. Must never say a byte of the
//! script before the two ends have agreed.

use std::collections::VecDeque;

use crate::rng::Rng;
use crate::seal::{
    ALERT, BUSY, DATA, END, FINISH, FLIGHT, HELLO, KEYS, NEW_KEYS, ODD_HELLO, RETRY, frame,
    next_frame,
};
use crate::setup::Setup;
use crate::tls::TlsPeer;
use crate::wire::Wire;

/// The longest piece of a script in one frame.
const FRAME_BYTES_MAX: usize = 700;

/// What a refusal is where it can be said in the middle of a handshake.
const FULL: &[u8] = b"Server full, try later\n";

/// A peer's end.
#[derive(Debug)]
pub(crate) struct SealedPeer {
    /// Frames that are not all sent.
    raw: VecDeque<u8>,
    /// How many bytes of each frame in `raw` are left, and how much of the script it carries.
    frames: VecDeque<(usize, usize)>,
    said_hello: bool,
    said_finish: bool,
    /// How much of the script was sealed.
    sealed: usize,
    /// What was said to it in the middle of its handshake.
    refusal: Vec<u8>,
    cipher: FarCipher,
}

/// What makes its frames and opens those of the server.
#[derive(Debug)]
enum FarCipher {
    Toy(Toy),
    Tls(Box<TlsPeer>),
}

#[derive(Debug, Default)]
struct Toy {
    /// The server's flight has come.
    may_finish: bool,
    /// What came and is no whole frame.
    came: VecDeque<u8>,
    end: Option<End>,
}

/// How the server has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It has said that no more comes.
    Said,
    /// With the alert for who is turned away in its handshake.
    Busy,
    /// With another alert.
    Alert,
}

impl SealedPeer {
    /// That of a new connection; `None` where pipes are not sealed.
    pub(crate) fn new(setup: &Setup) -> Option<Self> {
        setup.seal_bytes?;
        Some(Self {
            raw: VecDeque::new(),
            frames: VecDeque::new(),
            said_hello: false,
            said_finish: false,
            sealed: 0,
            refusal: Vec::new(),
            cipher: match setup.is_tls {
                true => FarCipher::Tls(Box::new(TlsPeer::new())),
                false => FarCipher::Toy(Toy::default()),
            },
        })
    }

    /// How much of a script of this length is still to be sealed or sent, the seal's own included.
    pub(crate) fn unsaid(&self, script: usize) -> usize {
        script - self.sealed + self.raw.len() + usize::from(!self.said_finish)
    }

    /// Whether both ends have agreed.
    pub(crate) const fn has_shaken_hands(&self) -> bool {
        self.said_finish
    }

    /// How the server has ended, if it has.
    const fn end(&self) -> Option<End> {
        match &self.cipher {
            FarCipher::Toy(toy) => toy.end,
            FarCipher::Tls(tls) => tls.end,
        }
    }

    /// Whoever was turned away in its handshake was told so.
    pub(crate) fn check_refusal(&self, id: usize, wire: &Wire) {
        let is_told = match self.end() {
            Some(End::Said) => self.refusal == FULL,
            end => end == Some(End::Busy),
        };
        let is_due = wire.is_refused_early && wire.finished_at.is_some();
        assert!(
            is_told || !is_due,
            "wire {id}: whoever is turned away in its handshake is told so"
        );
    }

    /// Whoever was let in or turned away with a line was told of the end.
    pub(crate) fn check_end(&self, id: usize, wire: &Wire) {
        let due = match wire.broke_rules {
            true => End::Alert,
            false => End::Said,
        };
        assert!(
            wire.finished_at.is_none() || self.end() == Some(due),
            "wire {id}: a sealed pipe says how it ends"
        );
    }

    /// What was opened was said to it in the middle of its handshake.
    pub(crate) fn hear_refusal(&mut self, plain: &[u8]) {
        self.refusal.extend(plain);
    }

    fn queue(&mut self, frame: Vec<u8>, carries: usize) {
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
            let hello = self.cipher.hello(rng);
            return self.queue(hello, 0);
        }
        if !self.said_finish {
            if let Some(finish) = self.cipher.finish() {
                self.said_finish = true;
                self.queue(finish, 0);
            }
            return;
        }
        if rude && rng.chance(30) {
            let nonsense = self.cipher.nonsense(rng);
            return self.queue(nonsense, 0);
        }
        if rng.chance(60)
            && let Some(new_keys) = self.cipher.new_keys()
        {
            return self.queue(new_keys, 0);
        }
        if rng.chance(60)
            && let Some(empty) = self.cipher.empty()
        {
            return self.queue(empty, 0);
        }
        let rest = &script[self.sealed..];
        if !rest.is_empty() {
            let most = rng.pick(&[1, 30, FRAME_BYTES_MAX]);
            let n = rng.between(1, most).min(rest.len());
            self.sealed += n;
            let data = self.cipher.seal(&rest[..n]);
            self.queue(data, n);
        }
    }

    /// The end of what this peer says.
    pub(crate) fn say_end(&mut self) {
        if self.said_finish {
            let end = match &mut self.cipher {
                FarCipher::Toy(_) => frame(END, &[]),
                FarCipher::Tls(tls) => tls.say_end(),
            };
            self.queue(end, 0);
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
        match &mut self.cipher {
            FarCipher::Toy(toy) => toy.open(bytes),
            FarCipher::Tls(tls) => tls.open(bytes),
        }
    }
}

impl FarCipher {
    fn hello(&mut self, rng: &mut Rng) -> Vec<u8> {
        match self {
            // Whoever knows that it will be asked for another one need not wait for the question.
            Self::Toy(_) => {
                let mut hellos = frame(ODD_HELLO, b"?").repeat(rng.pick(&[0, 0, 0, 1, 4]));
                hellos.extend(frame(HELLO, &[b'h'; 20]));
                hellos
            }
            Self::Tls(tls) => tls.output(),
        }
    }

    fn finish(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Toy(toy) => toy.may_finish.then(|| frame(FINISH, b"done")),
            Self::Tls(tls) => tls.may_finish().then(|| tls.output()),
        }
    }

    fn nonsense(&self, rng: &mut Rng) -> Vec<u8> {
        match self {
            Self::Toy(_) => frame(b'?', b"nonsense"),
            // A record of no kind that there is, and one that no key has made.
            Self::Tls(_) => [rng.pick(b"?\x17"), 3, 3, 0, 30]
                .into_iter()
                .chain([9; 30])
                .collect(),
        }
    }

    /// What makes new keys, if the rules allow it once more.
    fn new_keys(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Toy(_) => Some(frame(NEW_KEYS, &[])),
            Self::Tls(tls) => tls.new_keys(),
        }
    }

    /// A frame with nothing in it, if it can be made.
    fn empty(&self) -> Option<Vec<u8>> {
        matches!(self, Self::Toy(_)).then(|| frame(DATA, &[]))
    }

    fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        match self {
            Self::Toy(_) => frame(DATA, plain),
            Self::Tls(tls) => tls.seal(plain),
        }
    }
}

impl Toy {
    fn open(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.came.extend(bytes);
        let mut plain = Vec::new();
        while let Some((kind, payload)) = next_frame(&mut self.came) {
            assert!(
                self.end.is_none(),
                "nothing comes behind the end of a sealed pipe"
            );
            match kind {
                FLIGHT => self.may_finish = true,
                DATA => plain.extend(payload),
                KEYS | RETRY => {}
                END => self.end = Some(End::Said),
                ALERT => self.end = Some(End::Alert),
                BUSY => self.end = Some(End::Busy),
                other => panic!("a frame of kind {other}"),
            }
        }
        plain
    }
}
