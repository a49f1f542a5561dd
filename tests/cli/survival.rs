//! Downloads that survive: cut lines, kills, changes on the server, two at once.

use std::fs;
use std::process::Stdio;

use sha2::{Digest, Sha256};

use crate::program::{DEADLINE, Ended, Folder, finish};
use crate::relay::Relay;
use crate::support::{Server, Setup, noise};

/// How large a file goes through the relay; `BERTH_TEST_RELAY_BYTES` says otherwise.
const RELAY_BYTES: usize = 24 << 20;

/// How often the relay cuts the line.
pub(crate) const CUTS: u64 = 20;

pub(crate) fn run(folder: &Folder, server: std::net::SocketAddr, arguments: &[&str]) -> Ended {
    let mut command = folder.berth_at(server);
    command.args(arguments);
    finish(command.spawn().unwrap(), b"")
}

pub(crate) fn relay_bytes() -> usize {
    let asked = std::env::var("BERTH_TEST_RELAY_BYTES").ok();
    asked.map_or(RELAY_BYTES, |bytes| bytes.parse().expect("a number"))
}

/// Where the line is cut: anywhere, but so early that the file is not whole after the last cut.
pub(crate) fn lengths(size: u64) -> Vec<u64> {
    let mut state = u64::from(std::process::id());
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state >> 33
    };
    (0..CUTS)
        .map(|_| 200 + next() % (size / (CUTS + 1)))
        .collect()
}

#[test]
fn a_line_that_is_cut_twenty_times_brings_the_whole_file() {
    let bytes = noise(relay_bytes());
    let server = Setup::new().file("sub/big", &bytes).start();
    let relay = Relay::new(server.address, lengths(bytes.len() as u64));
    let folder = Folder::new();
    let ended = run(&folder, relay.address, &["get", "sub/big", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(relay.cuts() as u64, CUTS);
    assert_eq!(folder.names(), ["big"]);
    let come = Sha256::digest(fs::read(folder.path("big")).unwrap());
    assert_eq!(come, Sha256::digest(&bytes));
    assert!(
        ended.stdout.contains("\"verified_sha256\":\""),
        "{}",
        ended.stdout
    );
}

#[test]
fn standard_output_gets_each_byte_once_over_a_line_that_is_cut() {
    let bytes = noise(2 << 20);
    let server = Setup::new().file("big", &bytes).start();
    let relay = Relay::new(server.address, lengths(bytes.len() as u64));
    let folder = Folder::new();
    let to = fs::File::create(folder.path("out")).unwrap();
    let mut command = folder.berth_at(relay.address);
    command
        .args(["get", "big", "-o", "-"])
        .stdout(Stdio::from(to));
    let ended = finish(command.spawn().unwrap(), b"");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(fs::read(folder.path("out")).unwrap() == bytes);
    // Standard error is no terminal here, so nothing but text is in it.
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!ended.stderr.contains(control), "{:?}", ended.stderr);
    assert!(ended.stderr.contains("trying again in"), "{}", ended.stderr);
}

/// Waits until some of the file has come.
fn some_has_come(folder: &Folder, name: &str) -> u64 {
    let end = std::time::Instant::now() + DEADLINE;
    loop {
        let size = fs::metadata(folder.path(name)).map_or(0, |part| part.len());
        if size > 0 {
            return size;
        }
        assert!(std::time::Instant::now() < end, "nothing comes");
        std::thread::yield_now();
    }
}

#[test]
fn a_client_that_is_killed_goes_on_where_it_was() {
    let bytes = noise(16 << 20);
    let server = Setup::new().file("big", &bytes).start();
    let folder = Folder::new();
    // The line stands still after a while, so that the kill comes in the middle.
    for killed_at in [300_000, 5 << 20, 9 << 20] {
        let stuck = Relay::stuck(server.address, killed_at);
        let before = fs::metadata(folder.path(".big.part")).map_or(0, |part| part.len());
        let mut command = folder.berth_at(stuck.address);
        let mut child = command.args(["get", "big"]).spawn().unwrap();
        while some_has_come(&folder, ".big.part") <= before + killed_at / 2 {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        finish(child, b"");
        assert_eq!(folder.names(), [".big.part", ".big.part.meta"]);
    }
    let ended = run(&folder, server.address, &["get", "big"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("resuming at "), "{}", ended.stderr);
    assert!(ended.stderr.contains("SHA-256 as on the server"));
    assert!(fs::read(folder.path("big")).unwrap() == bytes);
    assert_eq!(folder.names(), ["big"]);
}

/// A folder with the first bytes of the file `f`, as the server has it now.
fn half_way(server: &Server, part: &[u8]) -> Folder {
    let folder = Folder::new();
    let listing = run(&folder, server.address, &["list"]).stdout;
    let line = listing.lines().find(|line| line.ends_with(" f")).unwrap();
    fs::write(folder.path(".f.part"), part).unwrap();
    fs::write(folder.path(".f.part.meta"), format!("{line}\n")).unwrap();
    folder
}

#[test]
fn a_part_that_is_not_the_servers_is_found_out() {
    let server = Setup::new().file("f", b"1234567890").start();
    let folder = half_way(&server, b"12x45");
    let ended = run(&folder, server.address, &["get", "f"]);
    assert_eq!(ended.code, 19, "{}", ended.stderr);
    assert_eq!(folder.names(), [""; 0]);
    let folder = half_way(&server, b"12x45");
    let ended = run(&folder, server.address, &["get", "f", "--no-verify"]);
    assert_eq!((ended.code, folder.names()), (0, vec!["f".to_owned()]));
}

#[test]
fn a_part_that_a_killed_script_left_is_begun_again() {
    let server = Setup::new().file("f", b"1234567890").start();
    for script in [false, true] {
        let folder = half_way(&server, b"12x45");
        fs::write(folder.path(".f.part.meta"), b"\n").unwrap();
        let ended = match script {
            true => folder.script(server.address, b"get f\n"),
            false => run(&folder, server.address, &["get", "f"]),
        };
        assert_eq!((ended.code, ended.stderr.as_str()), (0, "saved f, 10 B\n"));
        assert_eq!(fs::read(folder.path("f")).unwrap(), b"1234567890");
        assert_eq!(folder.names(), ["f"]);
    }
}

#[test]
fn a_part_is_kept_until_the_server_has_said_that_the_file_comes() {
    let server = Setup::new().file("f", b"1234567890").start();
    let folder = half_way(&server, b"12345");
    fs::remove_file(server.path("f")).unwrap();
    let again = ["get", "f", "--no-resume", "--json"];
    assert_eq!(run(&folder, server.address, &again).code, 78);
    assert_eq!(fs::read(folder.path(".f.part")).unwrap(), b"12345");
    assert_eq!(folder.names(), [".f.part", ".f.part.meta"]);
    fs::write(server.path("f"), b"abc").unwrap();
    let ended = run(&folder, server.address, &again);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // Nothing of what was here is in it.
    assert!(
        ended.stdout.contains("\"resumed_at\":null"),
        "{}",
        ended.stdout
    );
    assert_eq!(fs::read(folder.path("f")).unwrap(), b"abc");
    assert_eq!(folder.names(), ["f"]);
}

#[test]
fn a_download_begun_again_goes_on_over_a_line_that_is_cut() {
    let bytes = noise(2 << 20);
    let server = Setup::new().file("f", &bytes).start();
    let folder = half_way(&server, &bytes[..1 << 20]);
    let relay = Relay::new(server.address, lengths(bytes.len() as u64));
    let again = ["get", "f", "--no-resume"];
    let ended = run(&folder, relay.address, &again);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("\nresuming at "), "{}", ended.stderr);
    assert!(fs::read(folder.path("f")).unwrap() == bytes);
}

#[test]
fn a_part_that_is_whole_only_gets_its_name() {
    let server = Setup::new().file("f", b"1234567890").start();
    let folder = half_way(&server, b"1234567890");
    let ended = run(&folder, server.address, &["get", "f"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("resuming at 100 % of f\n"));
    assert_eq!(folder.names(), ["f"]);
}

#[test]
fn a_file_that_changed_meanwhile_is_not_patched_together() {
    let server = Setup::new().file("f", b"1234567890").start();
    for (part, after) in [
        (&b"12345"[..], &b"123456789012"[..]),
        (b"12345678901", b"12345"),
    ] {
        fs::write(server.path("f"), b"1234567890").unwrap();
        let folder = half_way(&server, part);
        fs::write(server.path("f"), after).unwrap();
        let ended = run(&folder, server.address, &["get", "f"]);
        assert_eq!(ended.code, 33, "{}", ended.stderr);
        assert!(ended.stderr.contains("--no-resume begins again"));
        assert_eq!(fs::read(folder.path(".f.part")).unwrap(), part);
        assert_eq!(
            run(&folder, server.address, &["get", "f", "--no-resume"]).code,
            0
        );
        assert_eq!(fs::read(folder.path("f")).unwrap(), after);
        assert_eq!(folder.names(), ["f"]);
    }
}

#[test]
fn two_downloads_of_one_file_do_not_mix() {
    let bytes = noise(4 << 20);
    let server = Setup::new().file("f", &bytes).start();
    let stuck = Relay::stuck(server.address, 1 << 20);
    let folder = Folder::new();
    let mut command = folder.berth_at(stuck.address);
    let mut first = command.args(["get", "f"]).spawn().unwrap();
    some_has_come(&folder, ".f.part");
    let second = run(&folder, server.address, &["get", "f"]);
    assert_eq!(second.code, 23);
    assert!(
        second.stderr.contains("another berth is fetching it"),
        "{}",
        second.stderr
    );
    first.kill().unwrap();
    finish(first, b"");
    assert_eq!(run(&folder, server.address, &["get", "f"]).code, 0);
    assert!(fs::read(folder.path("f")).unwrap() == bytes);
}

#[test]
fn a_file_that_cannot_be_begun_spoils_none_behind_it() {
    let setup = Setup::new().file("a", &noise(100_000)).file("b", b"2");
    let server = setup.start();
    let folder = Folder::new();
    // What says of what a part is the beginning cannot be written where a folder is.
    fs::create_dir(folder.path(".a.part.meta")).unwrap();
    let ended = run(&folder, server.address, &["get", "a", "b"]);
    assert_eq!(ended.code, 23, "{}", ended.stderr);
    assert!(ended.stderr.contains("saved b, 1 B\n"), "{}", ended.stderr);
    assert_eq!(folder.names(), [".a.part.meta", "b"]);
    let ended = folder.script(server.address, b"get a\nhello\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (23, "hello ACK\n"));
}

#[test]
fn many_files_come_with_their_folders_and_are_summed_up() {
    let setup = Setup::new()
        .file("a/x", b"1")
        .file("a/b/y", b"22")
        .file("z", b"333");
    let server = setup.start();
    let folder = Folder::new();
    let ended = run(&folder, server.address, &["get", "-r", "a/", "-o", "here"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.ends_with("total: 2 of 2 files, 3 B\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read(folder.path("here/a/b/y")).unwrap(), b"22");
    let ended = run(
        &folder,
        server.address,
        &["get", "--all", "-o", "here", "--json"],
    );
    assert_eq!(ended.code, 73);
    assert_eq!(ended.stdout.lines().count(), 3);
    assert!(
        ended.stdout.contains("\"answer\":\"error\",\"code\":73"),
        "{}",
        ended.stdout
    );
    let arguments = ["get", "--all", "-o", "here", "--on-exist", "skip", "-q"];
    let ended = run(&folder, server.address, &arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let ended = run(&folder, server.address, &["get", "z", "nope", "a/x"]);
    assert_eq!(ended.code, 78);
    assert_eq!(folder.names(), ["here", "x", "z"]);
}

#[test]
fn names_from_the_server_never_lead_out() {
    let names = "../x\n1 T /tmp/x\n1 T a/../../x\n1 T .bashrc\n1 T link/x\n1 T ok";
    let names = names.replace('T', "2026-11-22T10:00:00Z");
    let server = crate::server::Server::polite(move |peer| {
        peer.expect(b"list");
        peer.say(format!("LIST\n1 2026-11-22T10:00:00Z {names}\nEND\n").as_bytes());
        peer.expect(b"get ok");
        peer.say(b"START 1\nxEND\n");
        peer.expect_exit();
    });
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("..", folder.path("in/link")).unwrap();
    let ended = run(&folder, server.address, &["get", "--all", "-o", "in"]);
    assert_eq!(ended.code, 65, "{}", ended.stderr);
    assert_eq!(folder.names(), ["in"]);
    let mut inside: Vec<_> = fs::read_dir(folder.path("in")).unwrap().collect();
    assert_eq!(inside.len(), 2);
    inside.clear();
    server.join();
}
