//! Folders to download into that are not as one thinks: with something in the way, and on file
//! systems that cannot do all that others can.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::program::{DEADLINE, Ended, Folder, finish};
use crate::support::{Server, Setup, can_trace, noise, skip};
use crate::survival::run;

/// Puts something at a path.
type Put = fn(&Path);

/// What somebody puts at a path, with a word for it.
const OBSTACLES: [(&str, Put); 5] = [
    ("a link", |path| {
        let other = path.with_file_name("other");
        std::os::unix::fs::symlink(other, path).unwrap();
    }),
    ("a link", |path| {
        std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    }),
    ("a FIFO", |path| {
        mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0).unwrap();
    }),
    ("a folder", |path| fs::create_dir(path).unwrap()),
    ("a socket", |path| drop(UnixListener::bind(path).unwrap())),
];

#[test]
fn what_lies_in_the_way_of_a_download_is_named_and_not_touched() {
    let server = Setup::new().file("f", b"new").file("g", b"2").start();
    for name in [".f.part", ".f.part.meta"] {
        for (what, put) in OBSTACLES {
            for have in [&b""[..], b"n"] {
                let folder = Folder::new();
                fs::write(folder.path("other"), b"mine").unwrap();
                if name != ".f.part" && !have.is_empty() {
                    fs::write(folder.path(".f.part"), have).unwrap();
                }
                put(&folder.path(name));
                let before = folder.names();
                let told = format!("{name} is in the way: it is {what}, and stays");
                let ended = run(&folder, server.address, &["get", "f"]);
                assert_eq!(ended.code, 23, "{name} {what}: {}", ended.stderr);
                assert!(ended.stderr.contains(&told), "{}", ended.stderr);
                let ended = run(&folder, server.address, &["get", "f", "--no-resume"]);
                assert_eq!(ended.code, 23, "{name} {what}: {}", ended.stderr);
                assert_eq!(folder.names(), before);
                let ended = folder.script(server.address, b"get f\nget g\n");
                assert_eq!(ended.code, 23, "{name} {what}: {}", ended.stderr);
                assert_eq!(fs::read(folder.path("other")).unwrap(), b"mine");
                assert_eq!(fs::read(folder.path("g")).unwrap(), b"2");
            }
        }
    }
}

#[test]
fn a_part_that_has_another_name_is_not_written_to() {
    let server = Setup::new().file("f", b"new").start();
    let folder = Folder::new();
    fs::write(folder.path("other"), b"mine").unwrap();
    fs::hard_link(folder.path("other"), folder.path(".f.part")).unwrap();
    let ended = run(&folder, server.address, &["get", "f", "--no-resume"]);
    assert_eq!(ended.code, 23, "{}", ended.stderr);
    assert!(ended.stderr.contains("a hard link"), "{}", ended.stderr);
    assert_eq!(fs::read(folder.path("other")).unwrap(), b"mine");
}

#[test]
fn names_from_the_server_reach_no_terminal_raw_when_something_is_in_the_way() {
    let name = "f\u{1b}[2J";
    let server = Setup::new().file(name, b"new").start();
    let folder = Folder::new();
    fs::create_dir(folder.path(&format!(".{name}.part"))).unwrap();
    let ended = run(&folder, server.address, &["get", name]);
    assert_eq!(ended.code, 23);
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_file_that_is_overwritten_keeps_its_mode() {
    let server = Setup::new().file("f", b"new").start();
    for kept in [0o600, 0o640, 0o755, 0o400] {
        let folder = Folder::new();
        fs::write(folder.path("f"), b"old").unwrap();
        fs::set_permissions(folder.path("f"), fs::Permissions::from_mode(kept)).unwrap();
        let over = ["get", "f", "--on-exist", "overwrite"];
        let ended = run(&folder, server.address, &over);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(fs::read(folder.path("f")).unwrap(), b"new");
        assert_eq!(mode(&folder.path("f")), kept, "{kept:o}");
        assert_eq!(folder.names(), ["f"]);
    }
}

/// Runs the program while the system refuses `calls` so; nothing where that cannot be had.
fn refused(folder: &Folder, server: &Server, calls: &[&str], arguments: &[&str]) -> Option<Ended> {
    if !can_trace() {
        return None;
    }
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null"]);
    for call in calls {
        strace.args(["-e", &format!("inject={call}")]);
    }
    strace
        .arg(env!("CARGO_BIN_EXE_berth"))
        .args(["--server", &server.address.to_string()])
        .args(arguments)
        .current_dir(folder.path("."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Some(finish(strace.spawn().unwrap(), b""))
}

/// Calls that a file system refuses, and the words that say what that weakens.
const REFUSED: [(&[&str], &str); 9] = [
    (
        &["fsync:error=EINVAL"],
        "does not say when a file is on the disk",
    ),
    (
        &["fsync:error=ENOSYS"],
        "does not say when a file is on the disk",
    ),
    (
        &["fsync:error=EOPNOTSUPP"],
        "does not say when a file is on the disk",
    ),
    (&["flock:error=ENOLCK"], "cannot be locked"),
    (&["flock:error=EOPNOTSUPP"], "cannot be locked"),
    (&["flock:error=ENOSYS"], "cannot be locked"),
    (
        &["renameat2:error=EINVAL", "link,linkat:error=EPERM"],
        "reserved empty",
    ),
    (
        &["renameat2:error=ENOSYS", "link,linkat:error=ENOSYS"],
        "reserved empty",
    ),
    (
        &["renameat2:error=EOPNOTSUPP", "link,linkat:error=EMLINK"],
        "reserved empty",
    ),
];

#[test]
fn what_a_file_system_cannot_do_is_done_less_well_and_said_once() {
    let server = Setup::new().file("f", b"1").file("g", b"2").start();
    for (calls, told) in REFUSED {
        let folder = Folder::new();
        let Some(ended) = refused(&folder, &server, calls, &["get", "f", "g"]) else {
            return;
        };
        assert_eq!(ended.code, 0, "{calls:?}: {}", ended.stderr);
        assert_eq!(folder.names(), ["f", "g"], "{calls:?}");
        assert_eq!(fs::read(folder.path("f")).unwrap(), b"1");
        let notes: Vec<_> = ended
            .stderr
            .lines()
            .filter(|line| line.contains(told))
            .collect();
        assert_eq!(notes.len(), 1, "{calls:?}: {}", ended.stderr);
        assert!(
            notes[0].split([' ', ',']).any(|word| word == "f"),
            "{}",
            notes[0]
        );
        // What is there is left as it is, here too.
        fs::write(folder.path("f"), b"mine").unwrap();
        let ended = refused(&folder, &server, calls, &["get", "f"]).unwrap();
        assert_eq!(ended.code, 73, "{calls:?}: {}", ended.stderr);
        assert_eq!(fs::read(folder.path("f")).unwrap(), b"mine");
    }
}

#[test]
fn bytes_that_do_not_get_to_the_disk_are_an_error_and_kept() {
    let server = Setup::new().file("f", b"1").start();
    let folder = Folder::new();
    let calls = ["fsync:error=EIO"];
    if let Some(ended) = refused(&folder, &server, &calls, &["get", "f"]) {
        assert_eq!(ended.code, 23, "{}", ended.stderr);
        assert_eq!(folder.names(), [".f.part", ".f.part.meta"]);
    }
}

/// A folder on a file system in user space that knows no hard links and no flags of a rename.
struct Mount {
    at: PathBuf,
    sshfs: Child,
    sftp: Child,
}

impl Mount {
    /// Shows `below` at `at`; nothing where that cannot be had.
    fn new(below: &Path, at: &Path) -> Option<Self> {
        let programs = [
            "/usr/lib/openssh/sftp-server",
            "/usr/libexec/openssh/sftp-server",
        ];
        let program = programs.iter().find(|path| Path::new(path).exists())?;
        let (here, there) = UnixStream::pair().unwrap();
        let both = |end: UnixStream| {
            let other = end.try_clone().unwrap();
            (
                Stdio::from(OwnedFd::from(end)),
                Stdio::from(OwnedFd::from(other)),
            )
        };
        let (stdin, stdout) = both(here);
        let mut sshfs = Command::new("sshfs");
        sshfs.arg(format!(":{}", below.display())).arg(at);
        sshfs.args(["-f", "-o", "passive", "-o", "disable_hardlink"]);
        let sshfs = sshfs.stdin(stdin).stdout(stdout).stderr(Stdio::null());
        let sshfs = sshfs.spawn().ok()?;
        let (stdin, stdout) = both(there);
        let sftp = Command::new(program).stdin(stdin).stdout(stdout).spawn();
        let at = at.to_owned();
        let mut mount = Self {
            at,
            sshfs,
            sftp: sftp.unwrap(),
        };
        mount.comes().then_some(mount)
    }

    /// Whether it gets there; it ends itself where it may not mount.
    fn comes(&mut self) -> bool {
        let end = std::time::Instant::now() + DEADLINE;
        let device = |path: &Path| rustix::fs::stat(path).map(|there| there.st_dev);
        let before = device(self.at.parent().unwrap()).unwrap();
        while device(&self.at).is_ok_and(|now| now == before) {
            if self.sshfs.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(std::time::Instant::now() < end, "no mount comes");
            std::thread::yield_now();
        }
        true
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("fusermount3").arg("-u").arg(&self.at).output();
        for child in [&mut self.sshfs, &mut self.sftp] {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

#[test]
fn a_download_is_saved_where_there_are_no_hard_links() {
    let bytes = noise(1 << 20);
    let server = Setup::new().file("f", &bytes).start();
    let folder = Folder::new();
    for name in ["below", "at"] {
        fs::create_dir(folder.path(name)).unwrap();
    }
    let Some(_mount) = Mount::new(&folder.path("below"), &folder.path("at")) else {
        skip(
            "no sshfs, no sftp-server or no FUSE here",
            "apt-get install sshfs openssh-sftp-server",
        );
        return;
    };
    assert!(fs::write(folder.path("at/x"), b"").is_ok());
    assert!(fs::hard_link(folder.path("at/x"), folder.path("at/y")).is_err());
    let ended = run(&folder, server.address, &["get", "f", "-o", "at/f"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("note: "), "{}", ended.stderr);
    assert!(fs::read(folder.path("below/f")).unwrap() == bytes);
    let ended = run(&folder, server.address, &["get", "f", "-o", "at/f"]);
    assert_eq!(ended.code, 73, "{}", ended.stderr);
    let over = ["get", "f", "-o", "at/f", "--on-exist", "overwrite"];
    let ended = run(&folder, server.address, &over);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let below = fs::read_dir(folder.path("below")).unwrap().count();
    assert_eq!(below, 2, "nothing is left beside it");
}
