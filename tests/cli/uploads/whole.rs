//! Uploads to a real server: whole there or not at all, whatever happens on the way.

use std::fs;
use std::process::Stdio;

use super::{hex, with, write};
use crate::exit_codes::run;
use crate::program::{Folder, finish};
use crate::relay::Relay;
use crate::support::{Server, Setup, noise};
use crate::survival::{CUTS, lengths, relay_bytes};

/// A server that accepts uploads, however full the disk of these tests is.
fn accepting(more: &str) -> Server {
    let arguments = format!("--uploads . --keep-free 0 {more}");
    Setup::new().with(&arguments).start()
}

/// What the server's folder shows, without the unfinished.
fn names(server: &Server) -> Vec<String> {
    let mut client = server.connect();
    client.line();
    let lines = client.lines("list");
    let names = lines.iter().filter_map(|line| line.splitn(3, ' ').nth(2));
    names.map(str::to_owned).collect()
}

/// How many bytes of unfinished uploads the server has.
fn unfinished(server: &Server) -> u64 {
    let parts = fs::read_dir(server.path(".berth")).unwrap().flatten();
    let parts = parts.filter(|part| part.file_name().as_encoded_bytes().len() > 64);
    parts
        .map(|part| part.metadata().map_or(0, |part| part.len()))
        .sum()
}

#[test]
fn a_file_is_there_whole_and_with_its_time() {
    let server = accepting("");
    let bytes = noise(3_000_001);
    let folder = with("big", &bytes);
    write(&folder, "empty", b"");
    let ended = run(
        &folder,
        server.address,
        &["put", "big", "empty", "--as", "a/b/"],
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(fs::read(server.path("a/b/big")).unwrap() == bytes);
    assert_eq!(fs::read(server.path("a/b/empty")).unwrap(), b"");
    let time = |path| fs::metadata(path).unwrap().modified().unwrap();
    assert_eq!(time(server.path("a/b/big")), time(folder.path("big")));
    let again = run(&folder, server.address, &["put", "big", "--as", "a/b/big"]);
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (0, "a/b/big is there, 2.9 MiB\n")
    );
}

#[test]
fn a_line_that_is_cut_twenty_times_takes_the_whole_file() {
    let bytes = noise(relay_bytes());
    let server = accepting("");
    let relay = Relay::upstream(server.address, lengths(bytes.len() as u64));
    let folder = with("big", &bytes);
    let ended = run(&folder, relay.address, &["put", "big", "--as", "sub/big"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(relay.cuts() as u64, CUTS);
    assert!(ended.stderr.contains("resuming at "), "{}", ended.stderr);
    assert_eq!(names(&server), ["sub/big"]);
    assert!(fs::read(server.path("sub/big")).unwrap() == bytes);
    assert_eq!(unfinished(&server), 0);
}

#[test]
fn a_client_that_is_killed_goes_on_where_the_server_is() {
    let bytes = noise(16 << 20);
    // The server does not learn of the kills: behind the relay each line stays, and its berth.
    let server = accepting("--max-clients 9");
    // From another folder each time, as from another machine.
    for reached in [300_000, 5 << 20, 9 << 20] {
        let folder = with("big", &bytes);
        // The line takes no more after a while, so that the kill comes in the middle.
        let before = unfinished(&server);
        let relay = Relay::stuck_upstream(server.address, reached);
        let mut command = folder.berth_at(relay.address);
        let mut child = command.args(["put", "big"]).spawn().unwrap();
        while unfinished(&server) < before + reached / 2 {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        finish(child, b"");
        assert_eq!(names(&server), [""; 0]);
    }
    let folder = with("big", &bytes);
    let ended = run(&folder, server.address, &["put", "big", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let object: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(object["resumed_at"].as_u64().unwrap() > 5 << 20, "{object}");
    assert!(fs::read(server.path("big")).unwrap() == bytes);
}

#[test]
fn a_server_that_is_killed_goes_on_where_it_was() {
    let bytes = noise(16 << 20);
    let server = accepting("");
    let repo = tempfile::tempdir().unwrap();
    let start = || {
        let arguments = "--uploads . --keep-free 0";
        Setup::new().serving(repo.path()).with(arguments).start()
    };
    drop(server);
    let first = start();
    let folder = with("big", &bytes);
    let relay = Relay::stuck_upstream(first.address, 6 << 20);
    let mut command = folder.berth_at(relay.address);
    let child = command
        .args(["put", "big", "--retries", "0"])
        .spawn()
        .unwrap();
    while unfinished(&first) < 5 << 20 {
        std::thread::yield_now();
    }
    first.signal(rustix::process::Signal::KILL);
    let ended = finish(child, b"");
    assert_eq!(ended.code, 18, "{}", ended.stderr);
    drop(first);
    let second = start();
    let ended = run(&folder, second.address, &["put", "big"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("resuming at "), "{}", ended.stderr);
    assert!(fs::read(second.path("big")).unwrap() == bytes);
}

#[test]
fn an_answer_that_was_lost_is_given_again_by_the_server() {
    let server = accepting("");
    // It is cut when the file is there and before the answer is.
    let welcome = "Welcome Client01\nREADY 0\n".len() as u64;
    let relay = Relay::new(server.address, vec![welcome]);
    let folder = with("f", b"1234567890");
    let ended = run(&folder, relay.address, &["put", "f"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(relay.cuts(), 1);
    assert_eq!(fs::read(server.path("f")).unwrap(), b"1234567890");
}

#[test]
fn a_folder_goes_there_and_comes_back() {
    let server = accepting("");
    let folder = with("tree/z", b"1");
    for (name, content) in [
        ("tree/a/x y", &b"22"[..]),
        ("tree/a/b/c", b""),
        ("tree/.x", b""),
    ] {
        write(&folder, name, content);
    }
    let ended = run(
        &folder,
        server.address,
        &["put", "-r", "tree", "--as", "kept/it/"],
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(
        names(&server),
        ["kept/it/a/b/c", "kept/it/a/x y", "kept/it/z"]
    );
    let ended = run(
        &folder,
        server.address,
        &["get", "-r", "kept", "-o", "back"],
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(fs::read(folder.path("back/kept/it/a/x y")).unwrap(), b"22");
}

#[test]
fn what_comes_on_a_pipe_is_uploaded_and_comes_back_the_same() {
    let server = accepting("");
    let bytes = noise(2_000_000);
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    command.args(["put", "-", "--as", "piped"]);
    let ended = finish(command.spawn().unwrap(), &bytes);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (0, "stored piped, 1.9 MiB\n")
    );
    let ended = run(&folder, server.address, &["sha256", "piped"]);
    assert_eq!(ended.stdout, format!("{}  piped\n", hex(&bytes)));
}

#[test]
fn what_is_there_is_left_passed_by_or_replaced() {
    let allowing = accepting("--overwrite");
    let server = accepting("");
    for server in [&server, &allowing] {
        fs::write(server.path("f"), b"old").unwrap();
    }
    let folder = with("f", b"new");
    let put = |server: &Server, what| {
        let ended = run(&folder, server.address, &["put", "f", "--on-exist", what]);
        (ended.code, ended.stderr)
    };
    assert_eq!(put(&server, "error").0, 73);
    assert_eq!(put(&server, "skip").0, 0);
    assert_eq!(put(&server, "rename"), (0, "stored f.1, 3 B\n".to_owned()));
    assert_eq!(
        put(&server, "rename"),
        (0, "f.1 is there, 3 B\n".to_owned())
    );
    let (code, told) = put(&server, "overwrite");
    assert_eq!(code, 22, "{told}");
    assert!(told.contains("'berthd --overwrite' allows it"), "{told}");
    assert_eq!(names(&server), ["f", "f.1"]);
    assert_eq!(fs::read(server.path("f")).unwrap(), b"old");
    assert_eq!(
        put(&allowing, "overwrite"),
        (0, "stored f, 3 B\n".to_owned())
    );
    assert_eq!(fs::read(allowing.path("f")).unwrap(), b"new");
}

#[test]
fn what_the_server_has_against_a_file_has_its_code() {
    let server = accepting("--max-upload 5");
    let folder = with("f", b"1234567890");
    write(&folder, "a\u{1b}b", b"1");
    write(&folder, ".hidden", b"1");
    let put = |arguments: &[&str]| run(&folder, server.address, &[&["put"], arguments].concat());
    assert_eq!(put(&["f"]).code, 22);
    for arguments in [&["a\u{1b}b"][..], &[".hidden"], &["f", "--as", "../f"]] {
        let ended = put(arguments);
        assert_eq!(ended.code, 22, "{}", ended.stderr);
        assert!(!ended.stderr.contains('\u{1b}'));
    }
    assert_eq!(names(&server), [""; 0]);
    let full = Setup::new().with("--uploads . --keep-free 1000TiB").start();
    assert_eq!(run(&folder, full.address, &["put", "f"]).code, 70);
    let off = Setup::new().start();
    assert_eq!(run(&folder, off.address, &["put", "f"]).code, 25);
    let mut command = folder.berth_at(off.address);
    command.args(["put", "-", "--as", "x"]);
    assert_eq!(finish(command.spawn().unwrap(), b"1").code, 25);
}

#[test]
fn two_clients_with_one_file_both_end_well() {
    let bytes = noise(8 << 20);
    let server = accepting("--max-clients 5");
    let folders = [with("f", &bytes), with("f", &bytes)];
    let begin = |folder: &Folder| {
        let mut command = folder.berth_at(server.address);
        command
            .args(["put", "f"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    };
    for child in folders.each_ref().map(begin) {
        let ended = finish(child, b"");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    assert!(fs::read(server.path("f")).unwrap() == bytes);
    assert_eq!(unfinished(&server), 0);
}
