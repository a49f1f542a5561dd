//! Scripts of several requests, and the ways a session ends.

use std::fs::File;
use std::io::Write;
use std::process::Stdio;
use std::sync::mpsc;

use crate::program::{Folder, finish};
use crate::server::Server;

#[test]
fn a_script_is_served_line_by_line_and_takes_its_leave() {
    let server = Server::polite(|peer| {
        peer.expect(b"one");
        peer.say(b"one ACK\n");
        peer.expect(b"");
        peer.say(b" ACK\n");
        peer.expect(b"last");
        peer.say(b"last ACK\n");
        peer.expect_exit();
    });
    let ended = Folder::new().script(server.address, b"one\r\n\nlast");
    assert_eq!(ended.code, 0);
    assert_eq!(ended.stdout, "one ACK\n ACK\nlast ACK\n");
    assert_eq!(ended.stderr, "");
    server.join();
}

#[test]
fn after_exit_the_goodbye_is_shown_and_the_rest_is_not_sent() {
    let server = Server::polite(|peer| {
        peer.expect(b"EXIT ");
        peer.say(b"Goodbye Client01\n");
        peer.expect(b"");
    });
    let ended = Folder::new().script(server.address, b"EXIT \nstatus\n");
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, "Goodbye Client01\n")
    );
    server.join();
}

#[test]
fn a_script_goes_on_after_a_refusal_and_ends_with_the_first_code() {
    let server = Server::polite(|peer| {
        peer.expect(b"get nope");
        peer.say(b"ERR no such file: nope\n");
        peer.expect(b"hello");
        peer.say(b"hello ACK\n");
        peer.expect_exit();
    });
    let script = b"get nope\nget ..\nhello\n";
    let ended = Folder::new().script(server.address, script);
    assert_eq!(ended.code, 78);
    assert_eq!(ended.stdout, "ERR no such file: nope\nhello ACK\n");
    assert!(
        ended
            .stderr
            .starts_with("berth: line 1: the server refused")
    );
    assert!(ended.stderr.contains("\nberth: line 2: "));
    server.join();
}

#[test]
fn an_exit_that_is_refused_ends_nothing() {
    let exit: &[u8] = [&b"exit"[..], &[b' '; 5000]].concat().leak();
    let server = Server::polite(move |peer| {
        peer.expect(exit);
        peer.say(b"ERR line longer than 4096 bytes\n");
        peer.expect_exit();
    });
    let ended = Folder::new().script(server.address, exit);
    assert_eq!(ended.code, 22);
    assert_eq!(ended.stdout, "ERR line longer than 4096 bytes\n");
    server.join();
}

#[test]
fn a_flood_without_line_ends_is_one_request_and_bounded() {
    let server = Server::polite(|peer| {
        let request = peer.line();
        assert!(request.len() > 4096 && request.len() <= 64 * 1024);
        peer.say(b"ERR line longer than 4096 bytes\n");
        peer.expect(b"hello");
        peer.say(b"hello ACK\n");
        peer.expect_exit();
    });
    let script = [&vec![b'x'; 3 << 20][..], b"\nhello\n"].concat();
    let ended = Folder::new().script(server.address, &script);
    assert_eq!(ended.code, 22);
    assert!(ended.stdout.ends_with("\nhello ACK\n"));
    server.join();
}

#[test]
fn the_last_words_of_a_server_are_shown_before_the_end() {
    for words in ["ERR idle for 10m, closing", "ERR server shutting down"] {
        let (gone, told) = mpsc::channel();
        let server = Server::polite(move |peer| {
            peer.say(format!("{words}\n").as_bytes());
            peer.abandon();
            gone.send(()).unwrap();
        });
        let folder = Folder::new();
        let child = folder.berth_at(server.address).spawn().unwrap();
        told.recv().unwrap();
        let ended = finish(child, b"hello\nhello\n");
        assert_eq!((ended.code, ended.stdout), (18, format!("{words}\n")));
        assert!(ended.stderr.contains("the server closed the connection"));
        assert_eq!(ended.stderr.lines().count(), 1);
        server.join();
    }
}

#[test]
fn last_words_are_found_behind_a_connection_that_takes_no_more() {
    let (gone, told) = mpsc::channel();
    let server = Server::polite(move |peer| {
        peer.expect(b"one");
        peer.say(b"one ACK\nERR server shutting down\n");
        // Whatever the client sends from here on is answered by a reset.
        peer.abandon();
        gone.send(()).unwrap();
    });
    let folder = Folder::new();
    let mut child = folder.berth_at(server.address).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    told.recv().unwrap();
    let ended = finish(child, &[&vec![b'x'; 1 << 20][..], b"\n"].concat());
    assert_eq!(ended.code, 18);
    assert_eq!(ended.stdout, "one ACK\nERR server shutting down\n");
    server.join();
}

#[test]
fn a_reader_that_has_had_enough_ends_the_session_quietly() {
    // The list has no end: a client that does not notice never ends either. One line would not do:
    // a test beside this one may hold the pipe for a moment, between its fork and its exec.
    let server = Server::polite(|peer| {
        peer.expect(b"list");
        peer.say(b"LIST\n");
        peer.repeat(&b"3 2026-11-22T10:00:00Z a\n".repeat(1000));
    });
    let folder = Folder::new();
    let mut child = folder.berth_at(server.address).spawn().unwrap();
    drop(child.stdout.take());
    let ended = finish(child, b"list\nhello\n");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    server.join();
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_no_more_is_23() {
    let server = Server::polite(|peer| {
        peer.expect(b"hello");
        peer.say(b"hello ACK\n");
    });
    let folder = Folder::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = folder.berth_at(server.address);
    command.stdout(Stdio::from(full));
    let ended = finish(command.spawn().unwrap(), b"hello\n");
    assert_eq!(ended.code, 23);
    assert!(ended.stderr.contains("cannot write to standard output"));
    server.join();
}

#[cfg(unix)]
#[test]
fn an_input_that_cannot_be_read_is_1() {
    let server = Server::polite(|_| {});
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    command.stdin(Stdio::from(File::open("/").unwrap()));
    let ended = finish(command.spawn().unwrap(), b"");
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("cannot read standard input"));
    server.join();
}
