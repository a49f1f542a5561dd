//! What becomes of uploads.
//!
//! Owns the fate of each upload of a day: both the sink that takes the bytes and the oracle that
//! knows the answers look here. It follows from the upload's name and size alone, so that neither
//! has to ask the other who came first.

use crate::net::Net;
use crate::rng::Rng;

/// How the uploads of a day go.
#[derive(Clone, Debug)]
pub(crate) struct Uploads {
    /// Whether there are any.
    pub(crate) accepted: bool,
    /// Larger bodies that nobody wants end the session.
    pub(crate) discard_bytes: u64,
    /// Behind so many bytes every one fails; see `nth`.
    pub(crate) all_fail_at: Option<u64>,
    salt: u64,
    /// How many of a thousand are refused, fail, turn out to be something else, and wait.
    refused: u64,
    failing: u64,
    differing: u64,
    waiting: u64,
}

/// What becomes of one upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UploadFate {
    /// Something has its name.
    pub(crate) exists: bool,
    /// How many bytes are there already; only whoever waits to be told profits from them.
    pub(crate) offset: u64,
    /// How many steps are done before it is known.
    pub(crate) steps: u64,
    /// Behind so many bytes the disk fails.
    pub(crate) fails_at: Option<u64>,
    /// Behind so many bytes the disk has to be waited for, each time.
    pub(crate) pauses_at: Option<u64>,
    /// For so many rounds of the loop.
    pub(crate) rounds: u64,
    /// The bytes are not those that were announced.
    pub(crate) differs: bool,
}

impl Uploads {
    pub(crate) fn draw(discard_bytes: u64, rng: &mut Rng) -> Self {
        Self {
            accepted: rng.chance(750),
            discard_bytes,
            all_fail_at: None,
            salt: rng.next(),
            refused: rng.pick(&[0, 200, 500]),
            failing: rng.pick(&[0, 0, 100, 400]),
            differing: rng.pick(&[0, 100]),
            waiting: rng.pick(&[0, 500, 1000]),
        }
    }

    pub(crate) fn fate(&self, name: &[u8], size: u64, waits_for_ready: bool) -> UploadFate {
        let mut seed = self.salt ^ size.rotate_left(32);
        for &byte in name {
            seed = (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let mut rng = Rng::new(seed);
        let mut is = |permille: u64| rng.chance(permille as u32);
        let (exists, fails, differs, waits) = (
            is(self.refused),
            is(self.failing),
            is(self.differing),
            is(self.waiting),
        );
        let offset = match rng.below(4) {
            _ if !waits_for_ready => 0,
            0 => size,
            1 => rng.below(size.min(5000) as usize + 1) as u64,
            _ => 0,
        };
        let left = size - offset;
        let at = 1 + rng.below(left.clamp(1, 5000) as usize) as u64;
        let fails_at = match self.all_fail_at {
            Some(at) => (at >= 1 && at <= left).then_some(at),
            None => (fails && left > 0).then_some(at),
        };
        UploadFate {
            exists,
            offset,
            steps: rng.pick(&[0, 0, 1, 5]),
            fails_at,
            pauses_at: waits.then(|| rng.pick(&[1, 20, 700])),
            rounds: rng.pick(&[1, 1, 3, 9]),
            differs,
        }
    }
}

/// An upload under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uploading {
    pub(crate) wire: usize,
    /// It has still to be told that its bytes are wanted.
    pub(crate) is_ready_due: bool,
    /// How many bytes are still to come.
    pub(crate) left: u64,
}

impl Uploading {
    /// How many replies come before no request is taken any more: when the server stops, or when
    /// its bytes are not waited for either.
    pub(crate) const fn replies_left(self, is_cut: bool) -> usize {
        match (self.is_ready_due, self.left) {
            (is_ready_due, 1..) if is_cut => is_ready_due as usize,
            (is_ready_due, _) => 1 + is_ready_due as usize,
        }
    }
}

impl Net {
    pub(crate) fn uploading(&mut self, wire: usize) -> &mut Uploading {
        let mut all = self.book.uploading.iter_mut();
        let found = all.find(|each| each.wire == wire);
        found.expect("whose upload goes on has begun it")
    }

    /// How many replies are still to come to an upload of this peer before it is told of an end.
    pub(crate) fn replies_left(&self, wire: usize, is_cut: bool) -> usize {
        let upload = self.book.uploading.iter().find(|each| each.wire == wire);
        upload.map_or(0, |upload| upload.replies_left(is_cut))
    }
}

/// Sums up the bytes of an upload, so that none is lost, added or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum(u64);

impl Sum {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn digest(self) -> [u8; 32] {
        let mut digest = [0; 32];
        for (i, byte) in digest.iter_mut().enumerate() {
            *byte = self.0.to_le_bytes()[i % 8];
        }
        digest
    }
}
