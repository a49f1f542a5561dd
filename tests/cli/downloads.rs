//! `get`: a whole file under its own name, or nothing.

use std::fs;
use std::sync::mpsc;

use crate::program::{Ended, Folder, finish};
use crate::server::{Peer, Server};

/// Answers `request` so, and says goodbye where the client goes on.
fn fetched(folder: &Folder, request: &'static str, answer: Vec<u8>) -> Ended {
    let server = Server::polite(move |peer| {
        peer.expect(request.as_bytes());
        peer.say(&answer);
        if peer.line() == b"exit" {
            peer.say(b"Goodbye Client01\n");
        }
    });
    let ended = folder.script(server.address, format!("{request}\n").as_bytes());
    server.join();
    ended
}

/// Runs a script of which nothing may be sent.
fn asks_nothing(folder: &Folder, script: &[u8]) -> Ended {
    let server = Server::polite(Peer::expect_exit);
    let ended = folder.script(server.address, script);
    server.join();
    ended
}

/// A file's answer, with `END` behind it.
fn answer(content: &[u8]) -> Vec<u8> {
    let start = format!("START {}\n", content.len());
    [start.as_bytes(), content, b"END\n"].concat()
}

/// Bytes in which every value and every pair occurs somewhere, LF and `END` among them.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_file_is_saved_whole_under_the_last_part_of_its_name() {
    for (length, request, size) in [
        (0, "get c.txt", "0 B"),
        (1, "get a/b/c.txt", "1 B"),
        (812, "get /c.txt", "812 B"),
        (3_000_001, "get ../c.txt", "2.9 MiB"),
    ] {
        let folder = Folder::new();
        let content = noise(length);
        let ended = fetched(&folder, request, answer(&content));
        assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{request}");
        // No bar: standard error is no terminal.
        assert_eq!(ended.stderr, format!("saved c.txt, {size}\n"));
        assert_eq!(folder.names(), ["c.txt"]);
        assert!(fs::read(folder.path("c.txt")).unwrap() == content);
    }
}

#[test]
fn content_that_looks_like_an_end_is_content() {
    let folder = Folder::new();
    let ended = fetched(&folder, "get a", answer(b"END\nEND\nERR x\n"));
    assert_eq!(ended.code, 0);
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"END\nEND\nERR x\n");
}

#[cfg(unix)]
#[test]
fn a_saved_file_has_the_mode_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    fs::write(folder.path("usual"), b"").unwrap();
    assert_eq!(fetched(&folder, "get a", answer(b"x")).code, 0);
    let mode = |name| {
        fs::metadata(folder.path(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("a"), mode("usual"));
}

#[test]
fn after_a_file_the_session_goes_on() {
    let folder = Folder::new();
    let server = Server::polite(|peer| {
        peer.expect(b"get a");
        peer.say(&answer(b"first"));
        peer.expect(b"get b");
        peer.say(&answer(b"second"));
        peer.expect(b"hello");
        peer.say(b"hello ACK\n");
        peer.expect_exit();
    });
    // It is asked for what was meant, in the one form that every server takes.
    let ended = folder.script(server.address, b"GET a\r\nget@0 b\nhello\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "hello ACK\n"));
    assert_eq!(folder.names(), ["a", "b"]);
    server.join();
}

#[test]
fn a_file_that_breaks_off_is_18_and_leaves_nothing() {
    for part in [
        &b"START 10\n"[..],
        b"START 10\n12345",
        b"START 10\n1234567890",
        b"START 10\n1234567890EN",
        b"START 10\n1234567890END",
        b"START 0\n",
        b"START 18446744073709551615\n12345",
    ] {
        for reset in [false, true] {
            let folder = Folder::new();
            let server = Server::polite(move |peer| {
                peer.expect(b"get a");
                peer.say(part);
                if reset {
                    peer.reset();
                }
            });
            let ended = folder.script(server.address, b"get a\nhello\n");
            server.join();
            assert_eq!((ended.code, ended.stdout.as_str()), (18, ""));
            // A reset may overtake what was sent before it, so only a close is told exactly.
            let told = ended.stderr.contains("the connection ended after");
            assert!(reset || told, "{}", ended.stderr);
            assert_eq!(ended.stderr.lines().count(), 1);
            assert_eq!(folder.names(), [""; 0]);
        }
    }
}

#[test]
fn what_is_no_start_is_65_and_leaves_nothing() {
    for start in [
        "START",
        "START ",
        "START x",
        "START 1e30",
        "START -1",
        "START 18446744073709551616",
        "START 3 ",
        "start 3",
        "STARTLED",
    ] {
        let folder = Folder::new();
        let ended = fetched(&folder, "get a", format!("{start}\nabcEND\n").into());
        assert_eq!((ended.code, ended.stdout.as_str()), (65, ""), "{start}");
        assert!(ended.stderr.contains("expected START and a size"));
        assert_eq!(folder.names(), [""; 0]);
    }
}

#[test]
fn what_is_no_end_is_65_without_waiting_and_leaves_nothing() {
    for tail in ["xx", "\nEND\n", "END \n", "END\r\n", "ENDEND\n", "end\n"] {
        let folder = Folder::new();
        let (over, go) = mpsc::channel::<()>();
        let server = Server::polite(move |peer| {
            peer.expect(b"get a");
            peer.say(format!("START 10\n1234567890{tail}").as_bytes());
            // The connection stays open and silent until the client is gone.
            go.recv().unwrap();
        });
        let ended = folder.script(server.address, b"get a\n");
        over.send(()).unwrap();
        server.join();
        assert_eq!(ended.code, 65, "{tail:?}");
        assert!(ended.stderr.contains("expected END behind the file"));
        assert_eq!(folder.names(), [""; 0]);
    }
}

#[test]
fn a_refused_file_leaves_nothing() {
    let folder = Folder::new();
    let ended = fetched(&folder, "get a", b"ERR no such file: a\n".to_vec());
    assert_eq!(ended.code, 78);
    assert_eq!(ended.stdout, "ERR no such file: a\n");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_file_that_exists_is_73_before_anything_is_asked() {
    let folder = Folder::new();
    fs::write(folder.path("a"), b"mine").unwrap();
    fs::create_dir(folder.path("d")).unwrap();
    for script in [&b"get a\n"[..], b"get x/a\n", b"get d\n"] {
        let ended = asks_nothing(&folder, script);
        assert_eq!((ended.code, ended.stdout.as_str()), (73, ""));
        assert!(ended.stderr.contains("exists and is left as it is"));
    }
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"mine");
    assert_eq!(folder.names(), ["a", "d"]);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_not_written_through() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("elsewhere", folder.path("a")).unwrap();
    assert_eq!(asks_nothing(&folder, b"get a\n").code, 73);
    assert_eq!(folder.names(), ["a"]);
}

#[test]
fn a_file_that_appears_meanwhile_is_73_and_untouched() {
    let folder = Folder::new();
    let target = folder.path("a");
    let server = Server::polite(move |peer| {
        peer.expect(b"get a");
        fs::write(&target, b"mine").unwrap();
        peer.say(&answer(b"theirs"));
        peer.expect(b"hello");
        peer.say(b"hello ACK\n");
        peer.expect_exit();
    });
    let ended = folder.script(server.address, b"get a\nhello\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (73, "hello ACK\n"));
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"mine");
    assert_eq!(folder.names(), ["a"]);
    server.join();
}

#[test]
fn a_name_that_is_no_files_is_2_and_not_asked_for() {
    for name in [&b"."[..], b"..", b"/", b"a/", b"a/..", b"a\0b", b"\x1b/"] {
        let folder = Folder::new();
        let ended = asks_nothing(&folder, &[b"get ", name, b"\n"].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
        assert!(ended.stderr.contains("no file can be saved under"));
        assert!(!ended.stderr.contains(['\x1b', '\0']));
    }
}

#[test]
fn a_part_of_a_file_is_2_and_not_asked_for() {
    let folder = Folder::new();
    let ended = asks_nothing(&folder, b"get@5 a\n");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("use get NAME"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_longest_name_is_saved_and_a_longer_one_is_23() {
    let folder = Folder::new();
    let longest: &str = String::leak(format!("get {}", "n".repeat(255)));
    assert_eq!(fetched(&folder, longest, answer(b"x")).code, 0);
    let wide: &str = String::leak(format!("get {}", "\u{1f6a5}".repeat(63)));
    assert_eq!(fetched(&folder, wide, answer(b"x")).code, 0);
    assert_eq!(folder.names().len(), 2);

    let ended = asks_nothing(&folder, format!("get {}\n", "n".repeat(256)).as_bytes());
    assert_eq!((ended.code, ended.stdout.as_str()), (23, ""));
    assert!(ended.stderr.contains("cannot save nnn"));
    assert!(
        ended
            .stderr
            .contains("'berth get -o' gives it another name")
    );
}

#[test]
fn a_file_on_its_way_has_another_name() {
    let folder = Folder::new();
    let (seen, go) = mpsc::channel::<()>();
    let (begun, half) = mpsc::channel::<()>();
    let server = Server::polite(move |peer| {
        peer.expect(b"get a");
        peer.say(b"START 10\n12345");
        begun.send(()).unwrap();
        go.recv().unwrap();
        peer.say(b"67890END\n");
        peer.expect_exit();
    });
    let child = folder.berth_at(server.address).spawn().unwrap();
    let waiting = std::thread::spawn(move || finish(child, b"get a\n"));
    half.recv().unwrap();
    let names = folder.names();
    assert!(
        !names.is_empty() && names.iter().all(|name| name.starts_with(".a.")),
        "{names:?}"
    );
    seen.send(()).unwrap();
    assert_eq!(waiting.join().unwrap().code, 0);
    assert_eq!(folder.names(), ["a"]);
    server.join();
}
