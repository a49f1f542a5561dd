//! How much is measured, and on what files.
//!
//! Owns the sizes, the two sets of them (one for figures, one that only shows that all works), and
//! the files that are served, which are kept in `target/bench` from one time to the next.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Advice, fadvise, fdatasync};

use crate::dialect::{TINY_NAME, TINY_TEXT};

const MIB: u64 = 1024 * 1024;
/// What the tree for `list` has in each of its folders.
const FILES_PER_FOLDER: usize = 100;

pub(crate) struct Plan {
    pub(crate) runs: usize,
    pub(crate) quick: bool,
    pub(crate) chart: bool,
    /// The rows that are wanted, by words in their names; none: all.
    pub(crate) only: Vec<String>,
    /// How long a load that is counted by time lasts.
    pub(crate) span: Duration,
    /// The files of `get`, in the folder below.
    pub(crate) big: String,
    pub(crate) cold: String,
    pub(crate) files: PathBuf,
    /// Where uploads go. Each row empties it.
    pub(crate) inbox: PathBuf,
    /// How many bytes are uploaded by one client, and by each of several.
    pub(crate) put_bytes: u64,
    pub(crate) each_put_bytes: u64,
    pub(crate) slow_put_bytes: u64,
    /// The folder of `list`.
    pub(crate) tree: PathBuf,
    /// How many idle clients there are in the two rows that have any.
    pub(crate) crowds: [usize; 2],
    /// Where every value is kept.
    pub(crate) results: PathBuf,
    /// Where the chart is drawn: small files make no figures, and are not to be published.
    pub(crate) chart_file: PathBuf,
    /// Nothing is measured, and the values of the last time are shown and drawn again.
    pub(crate) again: bool,
}

impl Plan {
    /// As the environment says: `RUNS`, `QUICK`, `CHART`, `ROWS`, `AGAIN`.
    pub(crate) fn from_env() -> io::Result<Self> {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let quick = set("QUICK").is_some();
        let runs = match set("RUNS") {
            None => 9,
            Some(runs) => runs.parse().map_err(|_| wrong("RUNS is not a number"))?,
        };
        if runs == 0 {
            return Err(wrong("RUNS is 0"));
        }
        let only = set("ROWS").unwrap_or_default().to_lowercase();
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
        let (mib, folders) = if quick { (64, 20) } else { (1024, 1000) };
        let plan = Self {
            runs,
            quick,
            chart: set("CHART").is_some(),
            only: only.split_whitespace().map(str::to_owned).collect(),
            span: Duration::from_millis(if quick { 200 } else { 1000 }),
            big: format!("big-{mib}m"),
            cold: format!("cold-{mib}m"),
            files: home.join("files"),
            inbox: home.join("inbox"),
            put_bytes: mib * MIB,
            each_put_bytes: mib * MIB / 4,
            slow_put_bytes: mib * MIB * 3 / 16,
            tree: home.join(format!("tree-{folders}")),
            crowds: if quick { [100, 200] } else { [1000, 10_000] },
            chart_file: if quick { home.clone() } else { docs() }.join("performance.svg"),
            results: home.join(if quick { "quick.tsv" } else { "results.tsv" }),
            again: set("AGAIN").is_some(),
        };
        if !plan.again {
            plan.prepare(mib * MIB, folders)?;
        }
        Ok(plan)
    }

    /// Whether a row is wanted.
    pub(crate) fn wants(&self, row: &str) -> bool {
        let row = row.to_lowercase();
        self.only.is_empty() || self.only.iter().any(|word| row.contains(word))
    }

    /// Drops the pages of a file from the cache, so that it has to be read from the disk again.
    ///
    /// The kernel drops only what it need not write first, hence the sync.
    pub(crate) fn chill(&self, name: &str) -> io::Result<()> {
        let file = File::open(self.files.join(name))?;
        fdatasync(&file)?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
        Ok(())
    }

    /// Reads a file, so that it is in the page cache: on some machines the host takes such memory
    /// back after a while.
    pub(crate) fn warm(&self, name: &str) -> io::Result<()> {
        let mut file = File::open(self.files.join(name))?;
        io::copy(&mut file, &mut io::sink()).map(drop)
    }

    fn prepare(&self, bytes: u64, folders: usize) -> io::Result<()> {
        fs::create_dir_all(&self.files)?;
        fs::write(self.files.join(TINY_NAME), TINY_TEXT)?;
        fill(&self.files.join(&self.big), bytes)?;
        fill(&self.files.join(&self.cold), bytes)?;
        plant(&self.tree, folders)?;
        fs::create_dir_all(&self.inbox)?;
        fs::write(self.inbox.join(TINY_NAME), TINY_TEXT)?;
        // So that the first run finds it in the cache as the others do.
        self.warm(&self.big)
    }
}

pub(crate) fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Writes a file that is not sparse, unless it is there.
fn fill(path: &Path, bytes: u64) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|there| there.len() == bytes) {
        return Ok(());
    }
    let block: Vec<u8> = (0..MIB).map(|i| (i * i / 251) as u8).collect();
    let mut file = File::create(path)?;
    for _ in 0..bytes / MIB {
        file.write_all(&block)?;
    }
    file.sync_all()
}

/// Makes the tree for `list`, unless it is there. The last file says that it is whole.
fn plant(tree: &Path, folders: usize) -> io::Result<()> {
    let last = tree.join("whole.txt");
    if last.exists() {
        return Ok(());
    }
    for folder in 0..folders {
        let folder = tree.join(format!("folder {folder:04}"));
        fs::create_dir_all(&folder)?;
        for file in 0..FILES_PER_FOLDER {
            fs::write(folder.join(format!("file {file:03}.txt")), TINY_TEXT)?;
        }
    }
    fs::write(last, TINY_TEXT)
}
