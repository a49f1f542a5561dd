//! A server that is killed: before each of its system calls, and at random moments.
//!
//! What holds afterwards: a name is what it was, or whole, and never half; who read STORED was told
//! the truth; the same command ends in STORED, and leaves nothing behind.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::{PATIENCE, Server, Strace, can_trace, noise};
use crate::{setup, stored, until_parts, upload, waiting};

/// Uploads something to a server that may die at any moment, and returns its last word.
fn attempt(address: SocketAddr, line: &str, bytes: &[u8]) -> io::Result<String> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut input = BufReader::new(stream);
    let mut next = |send: &[u8]| {
        input.get_ref().write_all(send)?;
        let mut line = String::new();
        input.read_line(&mut line)?;
        // Half a line is none.
        let whole = line.strip_suffix('\n').map(str::to_owned);
        whole.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    };
    next(b"")?;
    // Its bytes come at once, or when they are asked for.
    if !line.contains('@') {
        return next(&[line.as_bytes(), b"\n", bytes].concat());
    }
    let answer = next(format!("{line}\n").as_bytes())?;
    match answer.strip_prefix("READY ") {
        Some(offset) => next(&bytes[offset.parse::<usize>().expect("a number")..]),
        None => Ok(answer),
    }
}

fn start(repo: &Path) -> Server {
    setup().serving(repo).with("--overwrite").start()
}

/// The calls that an upload is made of, but for those that read and wait. Each is counted for
/// itself.
const CALLS: &str = "openat openat2 fallocate pwrite64 fchown utimensat mkdirat renameat renameat2 \
                     linkat sendto write close fdatasync fsync ftruncate unlinkat";

/// One upload, in place of `old` if that is there.
struct Upload<'a> {
    verb: &'a str,
    name: &'a str,
    old: Option<&'a [u8]>,
    new: &'a [u8],
}

impl Upload<'_> {
    /// Kills a server before its first such call, its second, and so on, until one lives through it
    /// all, and returns how many were killed. `None`: none can be here.
    fn kill_before_each(&self, call: &str) -> Option<usize> {
        for n in 1.. {
            let folder = tempfile::tempdir().unwrap();
            if let Some(old) = self.old {
                fs::write(folder.path().join(self.name), old).unwrap();
            }
            let inject = format!("{call}:signal=SIGKILL:when={n}");
            if self.lives(folder.path(), &inject)? {
                return Some(n - 1);
            }
        }
        unreachable!("a number is never the last one")
    }

    /// Whether a server lives that is treated like this. If not, what has to hold then does.
    fn lives(&self, folder: &Path, inject: &str) -> Option<bool> {
        let &Self {
            verb,
            name,
            old,
            new,
        } = self;
        let path = folder.join(name);
        let server = start(folder);
        let strace = Strace::attach(&server, inject)?;
        let line = waiting(verb, new, name);
        let said = attempt(server.address, &line, new);
        let there = fs::read(&path).ok();
        let is_new = there.as_deref() == Some(new);
        let is_whole = is_new || there.as_deref() == old;
        assert!(is_whole, "{inject}: half a file");
        if let Ok(said) = &said {
            assert_eq!(*said, stored(new), "{inject}");
            assert!(is_new, "{inject}: STORED lied");
        }
        let lives = attempt(server.address, "hello", b"").is_ok();
        drop((strace, server));
        let server = start(folder);
        let mut peer = server.client("Client01");
        let listed = peer.lines("list").join("\n");
        assert!(!listed.contains(".berth"), "{listed}");
        assert_eq!(upload(&mut peer, &line, new), stored(new), "{inject}");
        assert!(fs::read(&path).unwrap() == new, "{inject}");
        until_parts(&mut peer, folder, 0);
        Some(lives)
    }

    fn kill_before_every_call(&self) {
        if !can_trace() {
            return;
        }
        let kills = CALLS.split(' ').map(|call| self.kill_before_each(call));
        let Some(kills) = kills.collect::<Option<Vec<usize>>>() else {
            return;
        };
        println!("{}: kills before {CALLS}: {kills:?}", self.name);
        // At least one each of opening, writing, syncing, naming and answering.
        let hit = kills.iter().filter(|&&n| n > 0).count();
        assert!(hit >= 5, "{kills:?}");
    }
}

#[test]
fn killed_before_any_of_its_calls_a_new_name_is_absent_or_whole() {
    // It is synced under way too.
    let upload = Upload {
        verb: "put",
        name: "new/in/a",
        old: None,
        new: &noise(9 << 20),
    };
    upload.kill_before_every_call();
}

#[test]
fn killed_before_any_of_its_calls_a_file_that_is_replaced_is_the_old_or_the_new() {
    let (old, new) = (noise(300_000), vec![7; 200_000]);
    let upload = Upload {
        verb: "replace",
        name: "a",
        old: Some(&old),
        new: &new,
    };
    upload.kill_before_every_call();
}

/// A small generator: what it draws is decided by its seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// An upload, and what its client was told.
struct Told {
    line: String,
    bytes: Vec<u8>,
    name: String,
    answer: io::Result<String>,
}

/// Uploads one file after another, until the server is gone.
fn client(number: u64, seed: u64, address: SocketAddr) -> Vec<Told> {
    let mut draw = Draw(seed);
    let mut told = Vec::new();
    loop {
        let most = [10, 300_000, 300_000, 10 << 20][draw.below(4) as usize];
        let mut bytes = noise(draw.below(most) as usize);
        let mask = draw.below(256) as u8;
        bytes.iter_mut().for_each(|byte| *byte ^= mask);
        let verb = ["put", "replace", "replace"][draw.below(3) as usize];
        let folder = ["a", "b/c"][draw.below(2) as usize];
        let name = format!("{folder}/f{number}-{}", draw.below(3));
        let line = match draw.below(3) {
            0 => format!("{verb} {} {name}", bytes.len()),
            _ => waiting(verb, &bytes, &name),
        };
        let answer = attempt(address, &line, &bytes);
        let is_last = answer.is_err();
        told.push(Told {
            line,
            bytes,
            name,
            answer,
        });
        if is_last {
            return told;
        }
    }
}

/// What a client was told has to be true of what is there. Returns how many files are stored.
fn judge(each: &Told, folder: &Path, known: &mut BTreeMap<String, Vec<u8>>) -> usize {
    let context = format!("{}: {:?}", each.line, each.answer);
    match &each.answer {
        Ok(word) if word.starts_with("STORED ") => {
            assert_eq!(*word, stored(&each.bytes), "{context}");
            known.insert(each.name.clone(), each.bytes.clone());
            return 1;
        }
        Ok(word) => {
            assert_eq!(*word, format!("ERR exists: {}", each.name), "{context}");
            assert!(known.contains_key(&each.name), "{context}");
        }
        // The last of this client: all that it was told before is known.
        Err(_) => {
            let now = fs::read(folder.join(&each.name)).ok();
            let is_whole = now.as_ref() == Some(&each.bytes);
            let is_old = now.as_ref() == known.get(&each.name);
            assert!(is_whole || is_old, "{context}: half a file");
            now.map(|now| known.insert(each.name.clone(), now));
        }
    }
    0
}

/// Every file there, but for those in the staging folder.
fn files(folder: &Path, prefix: &str, out: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let full = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            if name != ".berth" {
                files(&entry.path(), &format!("{full}/"), out);
            }
        } else {
            out.insert(full, fs::read(entry.path()).unwrap());
        }
    }
}

/// `UPLOAD_KILLS=200` does it so often; `UPLOAD_SEED=7` draws the same again.
#[test]
fn killed_at_random_moments_every_name_is_old_or_whole_and_no_stored_lies() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
    let kills: u64 = number("UPLOAD_KILLS").unwrap_or(20);
    let seed = number("UPLOAD_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("UPLOAD_SEED={seed} UPLOAD_KILLS={kills}");
    let mut draws = Draw(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut known = BTreeMap::new();
    let mut said_stored = 0;
    for round in 0..kills {
        let server = start(folder.path());
        let address = server.address;
        let seeds: Vec<u64> = (0..3).map(|_| draws.below(1 << 30)).collect();
        let moment = Duration::from_micros(draws.below(60_000));
        let told: Vec<Vec<Told>> = thread::scope(|scope| {
            let clients = (0..).zip(seeds);
            let clients = clients.map(|(n, seed)| scope.spawn(move || client(n, seed, address)));
            let clients: Vec<_> = clients.collect();
            // Nobody ever sends: it is the time that ends this.
            let (_sender, never) = mpsc::channel::<()>();
            let _ = never.recv_timeout(moment);
            drop(server);
            clients.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let told = told.iter().flatten();
        said_stored += told
            .map(|each| judge(each, folder.path(), &mut known))
            .sum::<usize>();
        let mut there = BTreeMap::new();
        files(folder.path(), "", &mut there);
        let names: Vec<_> = there
            .keys()
            .filter(|&name| there[name] != known[name])
            .collect();
        assert_eq!(names, [""; 0], "round {round}: not what was said");
        assert_eq!(there.len(), known.len(), "round {round}: something is gone");
    }
    println!("{kills} kills: {said_stored} stored, {} cut off", 3 * kills);
    let server = setup()
        .serving(folder.path())
        .with("--keep-parts 0s")
        .start();
    until_parts(&mut server.client("Client01"), folder.path(), 0);
}
