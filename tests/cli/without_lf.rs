//! What the client makes of a server that does not end its lines.

use crate::exit_codes::{QUICK, VERIFY, gives, run};
use crate::program::{Folder, finish};
use crate::server::Server;

/// The server greets, is asked, says something without LF, and says no more.
fn falls_silent(request: &'static [u8], words: &'static [u8]) -> Server {
    Server::polite(move |peer| {
        peer.expect(request);
        peer.say(words);
        assert_eq!(
            peer.line(),
            b"",
            "the client waits for no more and asks for none"
        );
    })
}

#[test]
fn a_greeting_without_lf_is_shown_and_65() {
    for arguments in [
        &["status"][..],
        &["get", "a", "--retries", "0"],
        &["send", "x"],
    ] {
        let server = Server::mute(|peer| {
            peer.say(b"Welcome \x1b[2JClient01");
            assert_eq!(peer.line(), b"");
        });
        let arguments = [arguments, &["--connect-timeout", "200ms"]].concat();
        let ended = run(&Folder::new(), server.address, &arguments);
        assert_eq!(ended.code, 65, "{}", ended.stderr);
        assert!(
            ended
                .stderr
                .contains("'Welcome \\u{1b}[2JClient01' and no line end"),
            "{}",
            ended.stderr
        );
        server.join();
    }
}

#[test]
fn an_answer_without_lf_is_shown_and_65_wherever_the_lf_is_missing() {
    for (arguments, request, words, shown) in [
        (
            &["send", "x"][..],
            &b"x"[..],
            &b"x ACK\x07"[..],
            "x ACK\\u{7}",
        ),
        (&["status"], b"status", b"STATUS", "STATUS"),
        (&["status"], b"status", b"STATUS\nClient01 x\nEND", "END"),
        (&["list"], b"list", b"No files", "No files"),
        (
            &["list"],
            b"list",
            b"LIST\n1 2026-11-22T10:00:00Z a\nEND",
            "END",
        ),
        (&["list", "--json"], b"list", b"LIST\n1 202", "1 202"),
        (
            &["sha256", "a"],
            b"sha256 a",
            b"sha256 a ACK",
            "sha256 a ACK",
        ),
        (&["stat", "a"], b"stat a", b"stat a ACK", "stat a ACK"),
        (
            &["stat", "a"],
            b"stat a",
            b"ERR no such file: a",
            "ERR no such file: a",
        ),
        (
            &["get", "a", "--retries", "0"],
            b"stat a",
            b"file a",
            "file a",
        ),
        (
            &["get", "-r", "a/", "--retries", "0"],
            b"list",
            b"LIST\n1",
            "1",
        ),
    ] {
        let server = falls_silent(request, words);
        let arguments = [arguments, &["--timeout", "200ms"]].concat();
        let ended = run(&Folder::new(), server.address, &arguments);
        assert_eq!(ended.code, 65, "{arguments:?}: {}", ended.stderr);
        let shown = format!("'{shown}' and no line end");
        assert!(
            ended.stderr.contains(&shown),
            "{arguments:?}: {}",
            ended.stderr
        );
        server.join();
    }
}

#[test]
fn a_file_whose_head_or_end_has_no_lf_is_65() {
    for (answer, shown) in [
        (&b"START 10"[..], "START 10"),
        (b"START 10\n1234567890END", "END"),
        (b"no such file", "no such file"),
    ] {
        let server = Server::polite(move |peer| {
            gives(peer, answer);
            assert_eq!(peer.line(), b"");
        });
        let ended = run(&Folder::new(), server.address, QUICK);
        assert_eq!(ended.code, 65, "{}", ended.stderr);
        let shown = format!("'{shown}' and no line end");
        assert!(ended.stderr.contains(&shown), "{}", ended.stderr);
        server.join();
    }
}

#[test]
fn a_digest_without_lf_behind_a_file_is_65() {
    let server = Server::polite(|peer| {
        gives(peer, b"START 10\n1234567890END\n");
        peer.expect(b"sha256 a");
        peer.say(b"SHA256 0");
        assert_eq!(peer.line(), b"");
    });
    let arguments = [VERIFY, &["--retries", "0", "--timeout", "200ms"]].concat();
    let ended = run(&Folder::new(), server.address, &arguments);
    assert_eq!(ended.code, 65, "{}", ended.stderr);
    assert!(ended.stderr.contains("'SHA256 0' and no line end"));
    server.join();
}

#[test]
fn a_goodbye_without_lf_is_shown_and_65() {
    let server = falls_silent(b"exit", b"Goodbye Client01");
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    let child = command.args(["--timeout", "200ms"]).spawn().unwrap();
    let ended = finish(child, b"exit\n");
    assert_eq!(ended.code, 65, "{}", ended.stderr);
    assert!(ended.stderr.contains("'Goodbye Client01' and no line end"));
    server.join();
}
