//! What no server and no odd word on the command line makes of the client.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use crate::program::{Ended, Folder, finish};
use crate::support::Setup;

fn run(folder: &Folder, server: std::net::SocketAddr, arguments: &[&str]) -> Ended {
    finish(
        folder.berth_at(server).args(arguments).spawn().unwrap(),
        b"",
    )
}

#[test]
fn a_carriage_return_does_not_make_a_command_of_a_message() {
    let server = Setup::new().file("a", b"x").start();
    for arguments in [
        ["send", "exit\r"],
        ["get", "a\r"],
        ["sha256", "a\r"],
        ["stat", "a\r"],
    ] {
        let folder = Folder::new();
        let ended = run(&folder, server.address, &arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("cannot stand in a line"),
            "{}",
            ended.stderr
        );
        assert!(folder.names().is_empty());
    }
}

#[test]
fn a_greeting_that_comes_a_byte_at_a_time_is_shown_when_its_time_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Nothing comes, so each read lasts as long as may be: that is the pause.
        stream
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        while stream.write_all(b"W").is_ok() && !matches!(stream.read(&mut [0; 9]), Ok(0)) {}
    });
    let ended = run(
        &Folder::new(),
        address,
        &["status", "--connect-timeout", "300ms"],
    );
    assert_eq!(ended.code, 65, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("W' and no line end within 300ms"),
        "{}",
        ended.stderr
    );
    server.join().unwrap();
}

#[test]
fn where_a_folder_has_the_files_name_nothing_is_fetched() {
    let server = Setup::new().file("a", b"x").start();
    for (choice, code) in [("error", 73), ("overwrite", 23), ("skip", 23)] {
        let folder = Folder::new();
        std::fs::create_dir(folder.path("a")).unwrap();
        let ended = run(&folder, server.address, &["get", "a", "--on-exist", choice]);
        assert_eq!(ended.code, code, "{choice}: {}", ended.stderr);
        assert_eq!(folder.names(), ["a"], "{choice}");
    }
}
