//! Uploads into a folder of their own, without a socket. This file owns the stage.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};

use rustix::fs::Mode;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::*;
use crate::server::files::digest::Digests;
use crate::server::files::root::ServedDir;
use crate::server::uploads::syncer::Work;
use crate::wire::put::Put;
use crate::wire::reply::Hex;

mod disk;
mod limits;
mod parts;
mod replacing;

/// Long enough for any disk that tests run on.
const PATIENCE: Duration = Duration::from_secs(60);

struct Yard {
    folder: TempDir,
    served: ServedDir,
    uploads: Uploads,
    digests: Digests,
    woken: Receiver<()>,
}

fn settings() -> Settings {
    Settings {
        dir: ".".into(),
        overwrite: false,
        size_max: None,
        keep_free: 0,
        parts_max: None,
        keep_parts: Duration::from_secs(86_400),
    }
}

impl Yard {
    fn new(settings: &Settings) -> Self {
        Self::of(tempfile::tempdir().unwrap(), settings)
    }

    fn of(folder: TempDir, settings: &Settings) -> Self {
        let served = ServedDir::open(folder.path()).unwrap();
        let mut uploads = Uploads::open(&served, folder.path(), settings).unwrap();
        let (wake, woken) = mpsc::channel();
        let wake = move || _ = wake.send(());
        uploads.start(SystemTime::now(), wake).unwrap();
        let digests = Digests::default();
        Self {
            folder,
            served,
            uploads,
            digests,
            woken,
        }
    }

    /// The server is killed and starts again.
    fn restarted(mut self, settings: &Settings) -> Self {
        // Its thread would be killed too, and must not be at work any more.
        self.parts();
        let Self {
            folder, uploads, ..
        } = self;
        drop(uploads);
        Self::of(folder, settings)
    }

    fn ask(&mut self, line: &str) -> Result<Upload, Failure> {
        let put = Put::parse(line.as_bytes()).expect("it is a request");
        let size = put.size.expect("it has a size");
        let (from, now) = (ClientName(1), Instant::now());
        self.uploads.begin(&self.served, &put, size, from, now)
    }

    fn step(&mut self, upload: &mut Upload) -> Progress {
        let mut tools = Tools {
            served: &self.served,
            digests: &mut self.digests,
            now: &SystemTime::now,
        };
        self.uploads.resume(upload, &mut tools)
    }

    /// Goes on until something is said or wanted.
    fn run(&mut self, upload: &mut Upload) -> Progress {
        loop {
            match self.step(upload) {
                Progress::More => {}
                Progress::Waiting => self.woken.recv_timeout(PATIENCE).expect("the disk is done"),
                progress => return progress,
            }
        }
    }

    /// From the question to the last word.
    fn put(&mut self, line: &str, bytes: &[u8]) -> Progress {
        let mut upload = match self.ask(line) {
            Ok(upload) => upload,
            Err(failure) => return Progress::Failed(failure),
        };
        let mut sent = 0;
        loop {
            match self.run(&mut upload) {
                Progress::Ready(offset) => sent = usize::try_from(offset).unwrap(),
                Progress::Body(_) => {}
                last => return last,
            }
            for piece in bytes[sent..].chunks(256 << 10) {
                sent += piece.len();
                match self.uploads.receive(&mut upload, piece, SystemTime::now()) {
                    Received::Going => {}
                    Received::Pause => break,
                    Received::Failed(failure) => return Progress::Failed(failure),
                }
            }
        }
    }

    /// Sends the first `n` bytes that are wanted, and goes.
    fn cut(&mut self, line: &str, bytes: &[u8], n: usize) -> Left {
        let mut upload = self.ask(line).unwrap();
        let from = match self.run(&mut upload) {
            Progress::Ready(offset) => usize::try_from(offset).unwrap(),
            Progress::Body(_) => 0,
            other => panic!("{other:?}"),
        };
        self.uploads
            .receive(&mut upload, &bytes[from..from + n], SystemTime::now());
        self.uploads.abandoned(&upload, SystemTime::now())
    }

    fn offset(&mut self, line: &str) -> u64 {
        let mut upload = self.ask(line).unwrap();
        let Progress::Ready(offset) = self.run(&mut upload) else {
            panic!("READY was expected");
        };
        self.uploads.abandoned(&upload, SystemTime::now());
        offset
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// What is in the staging folder, once the disk is done, without what is always there.
    fn parts(&mut self) -> Vec<String> {
        let ticket = self.uploads.shared.syncer().ask(Work::All(Vec::new()));
        while ticket.poll().is_none() {
            self.woken.recv_timeout(PATIENCE).expect("the disk is done");
        }
        entries(&self.path(STAGING))
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "boot").collect()
}

fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

fn waiting(verb: &str, bytes: &[u8], name: &str) -> String {
    format!("{verb}@{} {} - {name}", Hex(&digest(bytes)), bytes.len())
}

fn stored(bytes: &[u8]) -> Progress {
    let (digest, replaced) = (digest(bytes), false);
    Progress::Stored { digest, replaced }
}

#[test]
fn what_comes_is_there_whole_and_nothing_else_is() {
    let mut yard = Yard::new(&settings());
    assert_eq!(
        yard.put("put 15 tide.txt", b"Mind the tide.\n"),
        stored(b"Mind the tide.\n")
    );
    assert_eq!(yard.read("tide.txt"), b"Mind the tide.\n");
    assert_eq!(yard.put("put 0 empty", b""), stored(b""));
    assert_eq!(yard.read("empty"), b"");
    let line = format!("put@{} 3 2026-11-22T09:30:00Z a/b/c", Hex(&digest(b"abc")));
    assert_eq!(yard.put(&line, b"abc"), stored(b"abc"));
    let metadata = fs::metadata(yard.path("a/b/c")).unwrap();
    assert_eq!(metadata.mtime(), 1_795_339_800);
    fs::write(yard.path("beside"), "").unwrap();
    let beside = fs::metadata(yard.path("beside")).unwrap();
    assert_eq!(metadata.mode(), beside.mode(), "the umask decides");
    assert_eq!(yard.parts(), [""; 0]);
    let staging = fs::metadata(yard.path(STAGING)).unwrap();
    assert_eq!(staging.mode() & 0o777, 0o700);
}

#[test]
fn an_upload_goes_on_where_it_was_cut_after_a_restart_too() {
    let bytes: Vec<u8> = (0..700_000_u32).map(|i| (i / 7) as u8).collect();
    let line = waiting("put", &bytes, "a");
    let mut yard = Yard::new(&settings());
    assert_eq!(yard.cut(&line, &bytes, 300_000), Left::Unfinished(300_000));
    assert_eq!(yard.cut(&line, &bytes, 1), Left::Unfinished(300_001));
    let mut yard = yard.restarted(&settings());
    assert_eq!(yard.offset(&line), 300_001);
    // Another name is another upload.
    assert_eq!(yard.offset(&waiting("put", &bytes, "b")), 0);
    assert_eq!(yard.put(&line, &bytes), stored(&bytes));
    assert_eq!(yard.read("a"), bytes);
    assert_eq!(
        yard.put(&line, b""),
        stored(&bytes),
        "the answer may have been lost"
    );
    assert_eq!(yard.parts(), [""; 0]);
}

#[test]
fn bytes_that_came_at_once_are_thrown_away_when_they_are_cut() {
    let mut yard = Yard::new(&settings());
    assert_eq!(yard.cut("put 9 a", b"abcdefghi", 4), Left::Unfinished(4));
    assert_eq!(yard.parts(), [""; 0]);
    assert!(!yard.path("a").exists());
}

#[test]
fn a_digest_that_lies_leaves_nothing() {
    let mut yard = Yard::new(&settings());
    let line = waiting("put", b"abc", "a");
    let failed = Progress::Failed(Failure::DigestDiffers);
    assert_eq!(yard.put(&line, b"abd"), failed);
    assert_eq!(yard.parts(), [""; 0]);
    assert!(!yard.path("a").exists());
    assert_eq!(yard.offset(&line), 0);
}

#[test]
fn the_newest_connection_has_the_upload_and_other_content_waits() {
    let mut yard = Yard::new(&settings());
    let line = waiting("put", b"abcdef", "a");
    let mut old = yard.ask(&line).unwrap();
    assert_eq!(yard.run(&mut old), Progress::Ready(0));
    yard.uploads.receive(&mut old, b"abc", SystemTime::now());
    let mut new = yard.ask(&line).unwrap();
    assert_eq!(yard.run(&mut new), Progress::Ready(3));
    for other in ["put 6 a".to_owned(), waiting("put", b"abcdeX", "a")] {
        assert_eq!(yard.ask(&other).err(), Some(Failure::BeingUploaded));
    }
    let taken = Received::Failed(Failure::TakenOver);
    assert_eq!(
        yard.uploads.receive(&mut old, b"def", SystemTime::now()),
        taken
    );
    assert_eq!(yard.step(&mut old), Progress::Failed(Failure::TakenOver));
    assert_eq!(
        yard.uploads.abandoned(&old, SystemTime::now()),
        Left::TakenOver
    );
    yard.uploads.receive(&mut new, b"def", SystemTime::now());
    assert_eq!(yard.run(&mut new), stored(b"abcdef"));
    assert_eq!(yard.read("a"), b"abcdef");
    assert_eq!(yard.step(&mut old), Progress::Failed(Failure::TakenOver));
}

#[test]
fn nothing_that_has_the_name_is_touched() {
    let mut yard = Yard::new(&settings());
    fs::write(yard.path("file"), "old").unwrap();
    fs::create_dir(yard.path("folder")).unwrap();
    symlink("nowhere", yard.path("link")).unwrap();
    let fifo = Mode::RUSR | Mode::WUSR;
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, yard.path("fifo"), kind, fifo, 0).unwrap();
    for name in ["file", "folder", "link", "fifo"] {
        for line in [format!("put 3 {name}"), waiting("put", b"new", name)] {
            assert_eq!(
                yard.put(&line, b"new"),
                Progress::Failed(Failure::Exists),
                "{line}"
            );
        }
    }
    assert_eq!(
        yard.put(&waiting("put", b"old", "file"), b""),
        stored(b"old")
    );
    assert_eq!(yard.read("file"), b"old");
    assert_eq!(
        fs::read_link(yard.path("link")).unwrap(),
        Path::new("nowhere")
    );
    // It appears while the bytes come.
    let line = waiting("put", b"new", "late");
    let mut upload = yard.ask(&line).unwrap();
    assert_eq!(yard.run(&mut upload), Progress::Ready(0));
    fs::write(yard.path("late"), "outsider").unwrap();
    yard.uploads.receive(&mut upload, b"new", SystemTime::now());
    assert_eq!(yard.run(&mut upload), Progress::Failed(Failure::Exists));
    assert_eq!(yard.read("late"), b"outsider");
    assert_eq!(yard.parts(), [""; 0]);
}
