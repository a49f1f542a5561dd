//! A cached listing of a folder that changes at random: it is never stale.
//!
//! - `cargo test --test remembered` plays a few seeds.
//! - `BERTH_LISTING_SEED=42 cargo test --test remembered` plays that one.
//! - `BERTH_LISTING_SEEDS=1000 cargo test --test remembered` plays that many.

#[path = "sim/rng.rs"]
#[allow(dead_code)]
mod rng;

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::time::{Duration, UNIX_EPOCH};

use berth::engine::outbox::{Chunk, Outbox};
use berth::engine::ports::{Handler, Query, Step};
use berth::server::files::listing::Listing;
use berth::server::files::listing_cache::{CacheFill, ListingCache};
use berth::server::files::root::ServedDir;
use berth::server::handler::{FolderHandler, Task};
use berth::server::net::socket::Served;
use berth::server::records::recorder::EventLog;

use rng::Rng;

const SEEDS: u64 = 24;
const CHANGES: usize = 60;

/// What a listing was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Walk,
    Memory,
}

/// Names are few, so that changes meet each other.
const NAMES: [&str; 6] = ["a", "b", "c", ".d", "e f", "g"];

struct Tree {
    root: PathBuf,
    rng: Rng,
    /// Whether files get more than one name, after which nothing is remembered for a while.
    has_links: bool,
}

impl Tree {
    /// A place in the tree, which may be a file, a folder or nothing.
    fn place(&mut self) -> PathBuf {
        let mut path = self.root.clone();
        for _ in 0..self.rng.between(1, 3) {
            path.push(self.rng.pick(&NAMES));
        }
        path
    }

    /// Changes something, or tries to: what cannot be done changes nothing.
    fn change(&mut self) -> String {
        let (at, to) = (self.place(), self.place());
        let kinds = if self.has_links { 12 } else { 10 };
        let (what, done) = match self.rng.below(kinds) {
            0 => ("touch", self.touch(&at)),
            1 | 2 => ("grow", grow(&at)),
            3 => ("shorten", shorten(&at)),
            4 | 5 => ("make the folder", fs::create_dir_all(&at)),
            6 => ("remove", fs::remove_file(&at)),
            7 => ("remove all of", remove_all(&at, &self.root)),
            8 | 9 => ("rename", fs::rename(&at, &to)),
            10 => ("link", fs::hard_link(&at, &to)),
            _ => ("link symbolically", symlink(&at, &to)),
        };
        format!("{what} {at:?} {to:?}: {done:?}")
    }

    fn touch(&mut self, at: &Path) -> io::Result<()> {
        let seconds = self.rng.below(1 << 30) as u64;
        let file = File::options().write(true).open(at)?;
        file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds))
    }
}

fn grow(at: &Path) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).open(at)?;
    file.write_all(b"more")
}

fn shorten(at: &Path) -> io::Result<()> {
    let file = File::options().write(true).open(at)?;
    file.set_len(file.metadata()?.len() / 2)
}

fn remove_all(at: &Path, root: &Path) -> io::Result<()> {
    // Moved out first: what is in it then changes where nobody looks.
    let gone = root.with_file_name("gone");
    fs::rename(at, &gone)?;
    if gone.is_dir() {
        fs::remove_dir_all(gone)
    } else {
        fs::remove_file(gone)
    }
}

/// A service asked for a listing step by step.
struct Asked {
    reply: Outbox<Served>,
    task: Option<Task>,
}

impl Asked {
    fn new(service: &mut FolderHandler) -> Self {
        let mut reply = Outbox::new();
        let task = service.answer(Query::List, Instant::now(), &mut reply);
        Self { reply, task }
    }

    fn from(&self) -> From {
        match self.task {
            Some(Task::CachedListing(..)) => From::Memory,
            _ => From::Walk,
        }
    }

    fn step(&mut self, service: &mut FolderHandler) {
        if let Some(task) = &mut self.task
            && service.resume(task, &mut self.reply) == Step::Done
        {
            self.task = None;
        }
    }

    /// What comes to the end, without the first line.
    fn rest(mut self, service: &mut FolderHandler) -> String {
        while self.task.is_some() {
            self.step(service);
        }
        let mut text = Vec::new();
        while let Some(Chunk::Bytes(bytes)) = self.reply.front() {
            text.extend_from_slice(bytes);
            let n = bytes.len();
            self.reply.sent(n);
        }
        let text = String::from_utf8(text).expect("the names are text");
        let rest = text.strip_prefix("LIST\n");
        rest.expect("it begins as every listing").to_owned()
    }
}

fn service(root: &Path) -> FolderHandler {
    let served_dir = ServedDir::open(root).expect("it is there");
    FolderHandler::new(served_dir, EventLog::new(|| UNIX_EPOCH))
}

/// What a server says that remembers nothing.
fn truth(root: &Path) -> String {
    let mut served_dir = ServedDir::open(root).expect("it is there");
    let (mut walk, mut out) = (Listing::new(CacheFill::Off), Vec::new());
    while walk.resume(&mut served_dir, &mut ListingCache::default(), &mut out) == Step::More {}
    String::from_utf8(out).expect("the names are text")
}

/// Plays a seed. Returns how many listings came from memory.
fn play(seed: u64) -> usize {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let root = folder.path().join("served");
    fs::create_dir(&root).expect("it is new");
    let mut rng = Rng::new(seed);
    let has_links = rng.chance(200);
    let mut tree = Tree {
        root: root.clone(),
        rng,
        has_links,
    };
    let mut service = service(&root);
    let mut remembered = 0;
    for i in 0..CHANGES {
        let mut asked = Asked::new(&mut service);
        // Mostly between two listings, sometimes while one is made, sometimes nothing happens.
        let mut done = Vec::new();
        for _ in 0..tree.rng.below(3) {
            asked.step(&mut service);
            done.push(tree.change());
        }
        asked.rest(&mut service);
        for _ in 0..tree.rng.below(2) {
            done.push(tree.change());
        }
        let asked = Asked::new(&mut service);
        let from = asked.from();
        remembered += usize::from(from == From::Memory);
        assert_eq!(
            asked.rest(&mut service),
            truth(&root),
            "seed {seed}, round {i}, from {from:?}, after {done:#?}\n\
             again: BERTH_LISTING_SEED={seed} cargo test --test remembered"
        );
    }
    remembered
}

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is no number")),
    )
}

#[test]
fn whatever_changes_a_listing_is_that_of_a_server_that_remembers_nothing() {
    if let Some(seed) = number("BERTH_LISTING_SEED") {
        println!("seed {seed}: {} from memory", play(seed));
        return;
    }
    let seeds = number("BERTH_LISTING_SEEDS").unwrap_or(SEEDS);
    let remembered: usize = (0..seeds).map(play).sum();
    assert!(
        remembered as u64 >= 5 * seeds,
        "only {remembered} listings came from memory, which shows nothing"
    );
}
