//! The two programs with each other: what a person gets who starts one and then the other.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Server, Setup, noise};

/// Runs `berth` in `folder` with `script` as its input.
fn berth(server: &Server, folder: &Path, script: &str) -> (Option<i32>, Vec<u8>, String) {
    let mut berth = Command::new(env!("CARGO_BIN_EXE_berth"))
        .args(["--server", &server.address.to_string()])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the client was built");
    let mut input = berth.stdin.take().expect("it is piped");
    // A client that was turned away reads no script, and that is fine.
    let _ = input.write_all(script.as_bytes());
    drop(input);
    let output = berth.wait_with_output().expect("it is our child");
    let errors = String::from_utf8(output.stderr).expect("it is text");
    (output.status.code(), output.stdout, errors)
}

#[test]
fn a_script_gets_its_answers_and_its_files() {
    let bytes = noise(3 << 20);
    let server = Setup::new().file("sub/data.bin", &bytes).start();
    let here = tempfile::tempdir().expect("a folder can be made");
    let script = "hello\nget sub/data.bin\nlist\nexit\n";
    let (code, out, err) = berth(&server, here.path(), script);
    assert_eq!(code, Some(0), "{err}");
    let out = String::from_utf8(out).expect("it is text");
    assert!(out.starts_with("hello ACK\nLIST\n3145728 "), "{out}");
    assert!(
        out.ends_with(" sub/data.bin\nEND\nGoodbye Client01\n"),
        "{out}"
    );
    assert!(fs::read(here.path().join("data.bin")).expect("it was saved") == bytes);
    assert_eq!(
        fs::read_dir(here.path()).expect("it is ours").count(),
        1,
        "and nothing else"
    );
}

#[test]
fn a_fourth_client_is_told_and_ends_with_75() {
    let server = Server::start();
    let _inside = ["Client01", "Client02", "Client03"].map(|name| server.client(name));
    let here = tempfile::tempdir().expect("a folder can be made");
    let (code, out, err) = berth(&server, here.path(), "hello\n");
    assert_eq!((code, out.as_slice()), (Some(75), &b""[..]));
    assert!(err.contains("Server full, try later"), "{err}");
}

/// How much of a download has come.
fn part_size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("it is ours").flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .map(|file| file.len())
        .sum()
}

#[test]
fn a_file_that_shrinks_under_way_leaves_nothing_behind() {
    let server = Setup::new().sparse("big", 8 << 30).start();
    let here = tempfile::tempdir().expect("a folder can be made");
    let path = server.path("big");
    std::thread::scope(|scope| {
        let client = scope.spawn(|| berth(&server, here.path(), "get big\n"));
        // The client's part file grows when the transfer has begun; then the file is cut.
        while part_size(here.path()) == 0 {
            std::thread::yield_now();
        }
        let file = fs::OpenOptions::new()
            .write(true)
            .open(path)
            .expect("it is there");
        file.set_len(0).expect("it shrinks");
        let (code, _, err) = client.join().expect("it does not panic");
        assert_eq!(code, Some(18), "{err}");
    });
    assert_eq!(fs::read_dir(here.path()).expect("it is ours").count(), 0);
}
