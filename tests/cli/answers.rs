//! Answers to single requests: how they end, how they are shown, what they mean for the exit code.

use crate::program::Folder;
use crate::server::Server;

/// Answers one request so and runs a script of just that request.
fn answered(request: &'static [u8], answer: &'static [u8]) -> crate::program::Ended {
    let server = Server::polite(move |peer| {
        peer.expect(request);
        peer.say(answer);
        if peer.line() == b"exit" {
            peer.say(b"Goodbye Client01\n");
        }
    });
    let ended = Folder::new().script(server.address, &[request, b"\n"].concat());
    server.join();
    ended
}

#[test]
fn answers_go_to_a_pipe_byte_for_byte() {
    // The welcome, the goodbye at the end and the prompt are no answers.
    for line in [
        &b"hello ACK\n"[..],
        b" ACK\n",
        b"\x1b[2J\x07\x9b2J\xe2\x80\xae\0\r\t\x7f ACK\r\n",
        b"STATUS ACK\n",
        b"START 5\n",
    ] {
        let ended = answered(b"hello", line);
        let text = match str::from_utf8(line) {
            Ok(text) => text.to_owned(),
            Err(_) => line.escape_ascii().to_string(),
        };
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!((ended.stdout, ended.stderr), (text, String::new()));
    }
}

#[test]
fn a_list_ends_at_end_and_nowhere_else() {
    let list = "LIST\n3 2026-11-22T10:00:00Z END\n4 2026-11-22T10:00:00Z ERR x\nEND\n";
    let ended = answered(b"list", list.as_bytes());
    assert_eq!((ended.code, ended.stdout.as_str()), (0, list));
    let ended = answered(
        b"StatuS \t",
        b"STATUS\nClient01 1.2.3.4:5 connected x\nEND\n",
    );
    assert_eq!(ended.code, 0);
    assert!(ended.stdout.ends_with("connected x\nEND\n"));
}

#[test]
fn what_looks_like_a_command_and_is_a_message_has_one_line() {
    for request in [&b"status please"[..], b" list", b" exit", b"get\ta", b"END"] {
        let answer: &[u8] = [request, b" ACK\n"].concat().leak();
        let ended = answered(request, answer);
        assert_eq!((ended.code, ended.stdout.as_bytes()), (0, answer));
    }
}

#[test]
fn a_message_that_looks_like_a_refusal_is_none() {
    let ended = answered(b"ERR no such file: a", b"ERR no such file: a ACK\n");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

#[test]
fn a_refusal_is_shown_and_22() {
    for request in [
        &b"get nope"[..],
        b"get",
        b"get@99999999999999999999 a",
        b"list",
        b"x",
    ] {
        let ended = answered(request, b"ERR no \x1b[2J\n");
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (22, "ERR no \x1b[2J\n")
        );
        assert_eq!(
            ended.stderr,
            "berth: line 1: the server refused: no \\u{1b}[2J\n"
        );
    }
}

#[test]
fn an_answer_that_is_none_is_65() {
    for (request, answer) in [
        (&b"status"[..], &b"STATUS 1\n"[..]),
        (b"list", b"hello ACK\n"),
        (b"list", b"STATUS\nEND\n"),
        (b"exit", b"exit ACK\n"),
        (b"exit", b"Goodbye \n"),
        (b"get", b"START 0\nEND\n"),
        (b"get a", b"a ACK\n"),
    ] {
        let ended = answered(request, answer);
        assert_eq!((ended.code, ended.stdout.as_str()), (65, ""));
        assert!(ended.stderr.contains("broke the protocol: expected "));
    }
}

#[test]
fn a_line_without_end_is_65_and_not_kept() {
    let server = Server::polite(|peer| {
        peer.expect(b"hello");
        // Far more than the limit, and no LF ever.
        for _ in 0..1000 {
            peer.say(&[b'x'; 4096]);
        }
    });
    let ended = Folder::new().script(server.address, b"hello\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (65, ""));
    assert!(ended.stderr.contains("a line that does not end"));
    server.join();
}

#[test]
fn the_longest_line_that_is_read_is_64_kib() {
    for (length, code) in [(64 * 1024, 0), (64 * 1024 + 1, 65)] {
        let answer: &[u8] = [&vec![b'x'; length][..], b"\n"].concat().leak();
        assert_eq!(answered(b"hello", answer).code, code);
    }
}

#[test]
fn an_answer_that_breaks_off_is_18() {
    for (request, answer, shown) in [
        (&b"hello"[..], &b""[..], ""),
        (b"hello", b"hello AC", ""),
        (b"list", b"LIST\n3 x a\n4 x", "LIST\n3 x a\n"),
        (b"exit", b"", ""),
        (b"get a", b"START 1", ""),
    ] {
        let server = Server::polite(move |peer| {
            peer.expect(request);
            peer.say(answer);
        });
        let ended = Folder::new().script(server.address, &[request, b"\n"].concat());
        server.join();
        assert_eq!((ended.code, ended.stdout.as_str()), (18, shown));
        assert!(ended.stderr.contains("the server closed the connection"));
        let begun = answer.rsplit(|&byte| byte == b'\n').next().unwrap();
        let begun = String::from_utf8(begun.to_vec()).unwrap();
        let told = ended
            .stderr
            .contains(&format!("in the middle of a line, '{begun}'"));
        assert_eq!(told, !begun.is_empty(), "{}", ended.stderr);
    }
}

#[test]
fn a_reset_is_18() {
    let server = Server::polite(|peer| {
        peer.expect(b"hello");
        peer.reset();
    });
    let ended = Folder::new().script(server.address, b"hello\n");
    server.join();
    assert_eq!((ended.code, ended.stdout.as_str()), (18, ""));
    assert!(
        ended.stderr.contains("the connection broke"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_stat_is_the_line_of_the_list_and_one_that_fails_does_not_keep_the_others() {
    let server = crate::support::Setup::new()
        .file("a b", b"12345")
        .file("c", b"")
        .start();
    let folder = Folder::new();
    let run = |arguments: &[&str]| {
        let berth = folder.berth_at(server.address).args(arguments).spawn();
        crate::program::finish(berth.unwrap(), b"")
    };
    let list = run(&["list"]).stdout;
    let ended = run(&["stat", "a b", "nope", "c"]);
    assert_eq!((ended.code, &ended.stdout), (78, &list));
    assert!(
        ended.stderr.contains("no such file: 'nope'"),
        "{}",
        ended.stderr
    );
    let lines: Vec<String> = list.lines().map(|line| format!("STAT {line}\n")).collect();
    let ended = run(&["stat", "--raw", "a b", "c"]);
    assert_eq!((ended.code, ended.stdout), (0, lines.concat()));
    let ended = run(&["stat", "--json", "a b"]);
    let object: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&object["name"], &object["size"]),
        (&"a b".into(), &5.into())
    );
    assert!(list.starts_with(&format!("5 {} a b\n", object["modified"].as_str().unwrap())));
}

#[test]
fn what_is_no_stat_of_that_file_is_no_answer_to_stat() {
    for answer in [
        &b"stat a ACK\n"[..],
        b"STAT\n",
        b"STAT 1 2026-11-22T10:00:00Z b\n",
        b"STAT 1 2026-11-22T10:00:00Z ba\n",
        b"1 2026-11-22T10:00:00Z a\n",
    ] {
        let server = Server::polite(move |peer| {
            peer.expect(b"stat a");
            peer.say(answer);
            peer.line();
        });
        let folder = Folder::new();
        let berth = folder.berth_at(server.address).args(["stat", "a"]).spawn();
        let ended = crate::program::finish(berth.unwrap(), b"");
        assert_eq!((ended.code, ended.stdout.as_str()), (65, ""), "{answer:?}");
        server.join();
    }
}
