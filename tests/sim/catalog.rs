//! What the simulated server serves.
//!
//! Owns the files and listings of one seed: both the service that answers and the oracle that
//! knows the answers look here, and neither at the other.

use std::sync::OnceLock;

use crate::rng::Rng;
use crate::uploads::Uploads;

/// The longest file.
const FILE_BYTES_MAX: usize = 20_000;

/// When every file was last changed, as the protocol writes it.
pub(crate) const CHANGED: &str = "2027-01-15T08:00:00Z";
/// The same in seconds since 1970.
pub(crate) const CHANGED_SECONDS: u64 = 1_800_000_000;

/// One file, with what will happen to it while it is sent.
#[derive(Clone, Debug)]
pub(crate) struct FileSpec {
    pub(crate) name: Vec<u8>,
    /// How long it is when it is opened.
    pub(crate) size: usize,
    /// How long it turns out to be.
    pub(crate) actual: usize,
    /// There is no descriptor left to open it with.
    pub(crate) unopenable: bool,
    /// Whether it is read into memory when it is asked for, and not sent by itself.
    pub(crate) carried: bool,
    /// From where on it cannot be read.
    pub(crate) broken_at: Option<usize>,
    /// What makes its bytes its own.
    salt: usize,
}

impl FileSpec {
    /// The bytes from `from` to `to`: they follow from the file and the offset alone.
    pub(crate) fn bytes(&self, from: usize, to: usize) -> &'static [u8] {
        static POOL: OnceLock<Vec<u8>> = OnceLock::new();
        let pool = POOL.get_or_init(|| {
            let mut rng = Rng::new(0xbe27);
            (0..2 * FILE_BYTES_MAX).map(|_| rng.next() as u8).collect()
        });
        &pool[self.salt + from..self.salt + to]
    }

    /// What the service says its digest is; it follows from the file alone.
    pub(crate) fn digest(&self) -> [u8; 32] {
        [self.salt as u8; 32]
    }

    /// How many bytes can be read before the end, or before it breaks.
    pub(crate) fn readable(&self) -> usize {
        self.broken_at.unwrap_or(usize::MAX).min(self.actual)
    }
}

/// A listing in the pieces that its steps write; some of them are empty.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) steps: Vec<Vec<u8>>,
    /// Whether it is written at once, without a task.
    pub(crate) at_once: bool,
}

impl Listing {
    fn draw(is_small: bool, rng: &mut Rng) -> Self {
        let steps = (0..rng.below(8))
            .map(|_| Self::step(is_small, rng))
            .collect();
        let at_once = rng.chance(300);
        Self { steps, at_once }
    }

    fn step(is_small: bool, rng: &mut Rng) -> Vec<u8> {
        let lines = rng.pick(&[0, 0, 1, 3, 20, 60][..if is_small { 3 } else { 6 }]);
        let line = |n| format!("{n} 2026-11-22T10:00:00Z an entry of a listing\n");
        let lines = (0..lines).map(|_| line(rng.below(1_000_000)));
        lines.collect::<String>().into_bytes()
    }

    /// The most bytes that are queued at once.
    pub(crate) fn bytes_at_once_max(&self) -> usize {
        let sizes = self.steps.iter().map(Vec::len);
        let most = if self.at_once {
            sizes.sum()
        } else {
            sizes.max().unwrap_or(0)
        };
        most + b"STATUS\nEND\n".len()
    }
}

/// All that can be had.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    pub(crate) files: Vec<FileSpec>,
    pub(crate) status: Listing,
    pub(crate) list: Listing,
    pub(crate) uploads: Uploads,
}

impl Catalog {
    pub(crate) fn draw(is_small: bool, discard_bytes: u64, rng: &mut Rng) -> Self {
        let unsound = rng.pick(&[0, 0, 500]);
        let files = (0..rng.between(1, 8)).map(|n| Self::file(n, is_small, unsound, rng));
        Self {
            files: files.collect(),
            status: Listing::draw(is_small, rng),
            list: Listing::draw(is_small, rng),
            uploads: Uploads::draw(discard_bytes, rng),
        }
    }

    fn file(n: usize, is_small: bool, unsound: u32, rng: &mut Rng) -> FileSpec {
        let sizes = [0, 1, 2, 3, 511, 512, 513, 4096, 9000, FILE_BYTES_MAX];
        let size = rng.pick(&sizes[..if is_small { 6 } else { sizes.len() }]);
        let mut actual = size;
        let mut broken_at = None;
        if size > 0 && rng.chance(unsound) {
            let at = rng.below(size);
            if rng.chance(500) {
                actual = at;
            } else {
                broken_at = Some(at);
            }
        }
        FileSpec {
            name: format!("{n} file.bin").into_bytes(),
            size,
            actual,
            broken_at,
            // Only what can be read to its end.
            carried: broken_at.is_none() && actual == size && size <= 4096 && rng.chance(500),
            unopenable: rng.chance(unsound / 2),
            salt: rng.below(FILE_BYTES_MAX),
        }
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<&FileSpec> {
        self.files.iter().find(|file| file.name == name)
    }
}
