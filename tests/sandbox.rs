//! From inside the process: what an attacker who controls the server could still reach.
//!
//! The sandbox is around a thread and what it starts, so the server runs in a thread of this test,
//! and that thread tries what it must not be able to do.

#[path = "support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use berth::engine::limits::Limits;
use berth::server::process::sandbox::Sandbox;
use berth::server::uploads::Settings;
use berth::server::{Config, Server};

use support::skip;

fn config(repo: PathBuf, sandbox: Sandbox) -> Config {
    Config {
        repo,
        tls: None,
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0)).into()],
        limits: Limits::default(),
        per_address_max: usize::MAX,
        user: None,
        sandbox,
        drain: Duration::ZERO,
        slow_turn: Duration::MAX,
        trace: None,
        trace_limit: 0,
        tokens: None,
        tokens_in_clear: false,
        uploads: None,
        journal: None,
    }
}

fn fetch(address: SocketAddr, name: &str) -> String {
    ask(address, &format!("get {name}"))
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    write!(stream, "{request}\nexit\n").expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the end comes");
    answer
}

/// How many folders this process has watched, as the kernel says.
fn watched() -> usize {
    let descriptors = fs::read_dir("/proc/self/fdinfo").expect("the kernel tells");
    descriptors
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
        .map(|info| info.matches("inotify wd:").count())
        .sum()
}

/// What must not be possible in the sandbox, and whether it was denied.
fn attempts(config: &Config, elsewhere: SocketAddr) -> [(&'static str, bool); 7] {
    let denied = |result: io::Result<()>| {
        result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let file = config.repo.join("file");
    [
        (
            "read /etc/passwd",
            denied(File::open("/etc/passwd").map(drop)),
        ),
        ("list /", denied(fs::read_dir("/").map(drop))),
        (
            "write into the folder",
            denied(fs::write(config.repo.join("new"), "x")),
        ),
        ("remove from the folder", denied(fs::remove_file(file))),
        (
            "run a program",
            denied(Command::new("/bin/true").status().map(drop)),
        ),
        (
            "call an address",
            denied(TcpStream::connect(elsewhere).map(drop)),
        ),
        (
            "bind a port",
            denied(TcpListener::bind("127.0.0.1:0").map(drop)),
        ),
    ]
}

#[test]
fn inside_the_fence_the_folder_is_served_and_nothing_else_can_be_reached() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let repo = folder.path().join("repo");
    fs::create_dir(&repo).expect("it is new");
    fs::write(repo.join("file"), "inside").expect("it is new");
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let elsewhere = elsewhere.local_addr().expect("it is bound");
    let (tell, told) = mpsc::channel();
    let config = config(repo.clone(), Sandbox::Require);
    // The server runs until the test's process ends; nothing is waited for.
    thread::spawn(move || {
        let server = match Server::bind(&config) {
            Ok(server) => server,
            Err(error) => return drop(tell.send(Err(error.to_string()))),
        };
        let tried = attempts(&config, elsewhere);
        let address = server.local_addrs().expect("it is bound")[0].0;
        tell.send(Ok((address, tried)))
            .expect("the test waits for it");
        let _ = server.run();
    });
    match told.recv().expect("the thread tells") {
        Err(why) => {
            // A kernel before 6.7, or one without Landlock, cannot do it, and must say so.
            assert!(
                why.contains("the sandbox is required and not in force"),
                "{why}"
            );
            skip(&why, "run on Linux 6.7 or newer, with Landlock");
        }
        Ok((address, tried)) => {
            for (what, was_denied) in tried {
                assert!(was_denied, "inside the sandbox one can {what}");
            }
            let answer = fetch(address, "file");
            assert!(answer.contains("START 6\ninsideEND\n"), "{answer}");
            let list = || ask(address, "list");
            let before = list();
            assert_eq!(watched(), 1, "a listing is cached inside the sandbox too");
            assert_eq!(list(), before.replace("Client02", "Client03"));
            fs::write(repo.join("file"), "grown inside").expect("we are outside");
            assert!(list().contains("\n12 "), "and not beyond a change");
        }
    }
}

/// What can and cannot be done to the folder of uploads, and whether it was so.
fn attempts_on_files(repo: &Path, replaces: bool) -> Vec<(&'static str, bool)> {
    let denied = |result: io::Result<()>| {
        result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let (file, part) = (repo.join("file"), repo.join(".berth/part"));
    let write = |path: &Path| File::options().write(true).open(path).map(drop);
    let beside = |name: &str| repo.join(name);
    vec![
        ("no file can be written to", denied(write(&file))),
        (
            "none can be made beside",
            denied(fs::write(beside("new"), "x")),
        ),
        ("none can be shortened", {
            let shortened = File::options().write(true).truncate(true).open(&file);
            denied(shortened.map(drop))
        }),
        ("a part can be written", fs::write(&part, "x").is_ok()),
        (
            "it can be moved to a new name",
            fs::rename(&part, beside("moved")).is_ok(),
        ),
        (
            "and not be written to any more",
            denied(write(&beside("moved"))),
        ),
        ("another part can be written", fs::write(&part, "x").is_ok()),
        ("it takes a name that is taken if it may", {
            let renamed = fs::rename(&part, beside("moved"));
            if replaces {
                renamed.is_ok()
            } else {
                denied(renamed)
            }
        }),
        ("a file can be removed if it may be replaced", {
            let removed = fs::remove_file(beside("moved"));
            if replaces {
                removed.is_ok()
            } else {
                denied(removed)
            }
        }),
    ]
}

/// What cannot be done in the folder and beside it.
fn other_attempts(repo: &Path) -> Vec<(&'static str, bool)> {
    let denied = |result: io::Result<()>| {
        result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let beside = |name: &str| repo.join(name);
    vec![
        (
            "a folder can be made",
            fs::create_dir(beside("folder")).is_ok(),
        ),
        (
            "and not be removed",
            denied(fs::remove_dir(beside("folder"))),
        ),
        (
            "nothing else is read",
            denied(File::open("/etc/passwd").map(drop)),
        ),
        (
            "nothing else is written",
            denied(fs::write("/tmp/berth-test", "x")),
        ),
        ("no link is made", denied(symlink("file", beside("link")))),
    ]
}

#[test]
fn inside_the_fence_uploads_add_files_and_change_none() {
    [false, true].into_iter().for_each(add_files);
}

fn add_files(replaces: bool) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let repo = folder.path().join("repo");
    fs::create_dir(&repo).expect("it is new");
    fs::write(repo.join("file"), "inside").expect("it is new");
    let mut config = config(repo.clone(), Sandbox::Require);
    config.uploads = Some(Settings {
        dir: ".".into(),
        overwrite: replaces,
        size_max: None,
        keep_free: 0,
        parts_max: None,
        keep_parts: Duration::from_secs(3600),
    });
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let server = match Server::bind(&config) {
            Ok(server) => server,
            Err(error) => return drop(tell.send(Err(error.to_string()))),
        };
        let mut tried = attempts_on_files(&config.repo, replaces);
        tried.extend(other_attempts(&config.repo));
        let address = server.local_addrs().expect("it is bound")[0].0;
        tell.send(Ok((address, tried)))
            .expect("the test waits for it");
        let _ = server.run();
    });
    match told.recv().expect("the thread tells") {
        Err(why) => {
            let said = "the sandbox is required and not in force";
            assert!(why.contains(said), "{why}");
            skip(&why, "run on Linux 6.7 or newer, with Landlock");
        }
        Ok((address, tried)) => {
            for (what, holds) in tried {
                assert!(holds, "with --overwrite {replaces}: {what}");
            }
            let answer = ask(address, "put 3 sub/upload\nabcget sub/upload");
            assert!(answer.contains("START 3\nabcEND\n"), "{answer}");
        }
    }
}

/// Runs `berthd` with these arguments and gives back its log up to where it listens.
fn log_of(arguments: &[&str]) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::set_permissions(
        folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .expect("it is ours");
    let mut berthd = Command::new(env!("CARGO_BIN_EXE_berthd"))
        .args(["--listen", "127.0.0.1:0", "--repo"])
        .arg(folder.path())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server was built");
    let mut line = String::new();
    let stdout = berthd.stdout.take().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it is text");
    let uid = fs::read_to_string(format!("/proc/{}/status", berthd.id())).unwrap_or_default();
    let uid = uid
        .lines()
        .find(|line| line.starts_with("Uid:"))
        .unwrap_or_default()
        .to_owned();
    berthd.kill().expect("it is our child");
    let output = berthd.wait_with_output().expect("it is our child");
    let log = String::from_utf8(output.stderr).expect("it is text");
    (format!("{line}{uid}\n{log}"), output.status.code())
}

#[test]
fn the_log_says_what_is_in_force() {
    let (log, _) = log_of(&[]);
    assert!(
        log.contains("sandbox: Landlock") || log.contains("sandbox: no new priv"),
        "{log}"
    );
    let (log, _) = log_of(&["--sandbox", "off"]);
    assert!(log.contains("sandbox: off"), "{log}");
}

#[test]
fn started_by_root_the_server_becomes_the_user_it_is_told() {
    if !rustix::process::geteuid().is_root() {
        let (log, code) = log_of(&["--user", "root"]);
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains("only root can become 'root'"), "{log}");
        return;
    }
    let (log, _) = log_of(&["--user", "nobody"]);
    assert!(log.starts_with("berthd listening on "), "{log}");
    let uid = log
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .expect("the kernel tells");
    let uids: Vec<&str> = uid.split_whitespace().collect();
    assert_eq!(uids.len(), 4);
    assert!(
        uids.iter().all(|uid| *uid != "0" && *uid == uids[0]),
        "{uid}"
    );
    let (log, _) = log_of(&[]);
    assert!(log.contains("running as root"), "{log}");
}
