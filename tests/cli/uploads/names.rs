//! What is offered, under which name and with which time, and what is sent of it.

use super::{TIME, USAGE, hex, offered, probed, put, stored, takes, with};
use crate::exit_codes::run;
use crate::program::{Folder, finish};
use crate::server::{Peer, Server};

#[test]
fn a_file_is_offered_by_its_digest_and_sent_when_the_server_is_ready() {
    let ended = put(b"Mind the tide.\n", &[], |peer| {
        offered(peer, b"Mind the tide.\n", "f");
        takes(peer, b"Mind the tide.\n", 0);
        peer.expect_exit();
    });
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
    // No bar: standard error is no terminal.
    assert_eq!(ended.stderr, "stored f, 15 B\n");
}

#[test]
fn what_the_server_has_is_not_sent_again() {
    let ended = put(b"1234567890", &["--json"], |peer| {
        offered(peer, b"1234567890", "f");
        takes(peer, b"1234567890", 7);
        peer.expect_exit();
    });
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stderr, "resuming at 70 % of f\nstored f, 10 B\n");
    let object: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&object["answer"], &object["name"]),
        (&"put".into(), &"f".into())
    );
    assert_eq!(
        (&object["resumed_at"], &object["size"]),
        (&7.into(), &10.into())
    );
    assert_eq!(object["sha256"], hex(b"1234567890"));

    let ended = put(b"1234567890", &[], |peer| {
        offered(peer, b"1234567890", "f");
        stored(peer, b"1234567890");
        peer.expect_exit();
    });
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (0, "f is there, 10 B\n")
    );
}

#[test]
fn names_and_times_are_as_they_were_asked_for() {
    let table: [(&[&str], &str, &str); 4] = [
        (&["--as", "inbox/today.txt"], TIME, "inbox/today.txt"),
        (&["--as", "inbox/"], TIME, "inbox/f"),
        (&["--no-mtime"], "-", "f"),
        (&["--on-exist", "overwrite"], TIME, "f"),
    ];
    for (arguments, time, name) in table {
        let verb = if name == "f" && time == TIME {
            "replace"
        } else {
            "put"
        };
        let line = format!("{verb}@{} 0 {time} {name}", hex(b""));
        let server = Server::polite(move |peer| {
            peer.expect(line.as_bytes());
            stored(peer, b"");
            peer.expect_exit();
        });
        let folder = with("f", b"");
        let ended = run(
            &folder,
            server.address,
            &[&["put", "f"], arguments].concat(),
        );
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.stderr, format!("stored {name}, 0 B\n"));
        server.join();
    }
}

#[test]
fn standard_input_is_kept_until_it_is_stored() {
    let content: &'static [u8] = b"a\nexit\nb";
    let line = format!("put@{} 8 - inbox/x", hex(content));
    let again = line.clone();
    let server = Server::polite_each(vec![
        Box::new(move |peer| {
            probed(peer, USAGE);
            peer.expect(line.as_bytes());
            peer.say(b"READY 0\n");
            peer.take(3);
            peer.reset();
        }),
        Box::new(move |peer| {
            peer.expect(again.as_bytes());
            takes(peer, content, 3);
            peer.expect_exit();
        }),
    ]);
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    command.args(["put", "-", "--as", "inbox/x", "--json"]);
    let ended = finish(command.spawn().unwrap(), content);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("\"path\":null"), "{}", ended.stdout);
    server.join();
}

#[test]
fn a_name_that_is_taken_is_left_replaced_or_passed_by() {
    fn refuses(peer: &mut Peer, verb: &str, name: &str) {
        let line = format!("{verb}@{} 3 {TIME} {name}", hex(b"new"));
        peer.expect(line.as_bytes());
        peer.say(format!("ERR exists: {name}\n").as_bytes());
    }
    let rename = put(b"new", &["--on-exist", "rename"], |peer| {
        refuses(peer, "put", "f");
        refuses(peer, "put", "f.1");
        offered(peer, b"new", "f.2");
        takes(peer, b"new", 0);
        peer.expect_exit();
    });
    assert_eq!(
        (rename.code, rename.stderr.as_str()),
        (0, "stored f.2, 3 B\n")
    );
    let skip = put(b"new", &["--on-exist", "skip", "--json"], |peer| {
        refuses(peer, "put", "f");
        peer.expect_exit();
    });
    assert_eq!(
        (skip.code, skip.stderr.as_str()),
        (0, "skipped f, it is there\n")
    );
    assert!(skip.stdout.contains("\"skipped\":true"), "{}", skip.stdout);
    // A folder is there.
    let overwrite = put(b"new", &["--on-exist", "overwrite"], |peer| {
        refuses(peer, "replace", "f");
        peer.expect_exit();
    });
    assert_eq!(overwrite.code, 73, "{}", overwrite.stderr);
    let error = put(b"new", &["--on-exist", "error", "--json"], |peer| {
        refuses(peer, "put", "f");
        peer.expect_exit();
    });
    assert_eq!(error.code, 73);
    assert!(
        error.stderr.contains("'berth put --on-exist'"),
        "{}",
        error.stderr
    );
    assert!(
        error
            .stdout
            .starts_with("{\"answer\":\"error\",\"code\":73,")
    );
}

#[test]
fn a_name_that_was_taken_meanwhile_is_passed_by_too() {
    let server = Server::polite_each(vec![
        Box::new(|peer| {
            offered(peer, b"new", "f");
            peer.say(b"READY 0\n");
            peer.take(3);
            peer.say(b"ERR exists: f\n");
        }),
        Box::new(|peer| {
            offered(peer, b"new", "f.1");
            takes(peer, b"new", 0);
            peer.expect_exit();
        }),
    ]);
    let folder = with("f", b"new");
    let ended = run(
        &folder,
        server.address,
        &["put", "f", "--on-exist", "rename"],
    );
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (0, "stored f.1, 3 B\n")
    );
    server.join();
}
