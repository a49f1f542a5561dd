//! What is here: files that cannot be read, folders, lines of a script.

use std::fs;

use super::{TIME, hex, offered, stored, takes, with, write};
use crate::exit_codes::run;
use crate::program::Folder;
use crate::server::Server;

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_26_and_spoils_nothing_behind_it() {
    let server = Server::polite(|peer| {
        offered(peer, b"1", "a");
        takes(peer, b"1", 0);
        peer.expect_exit();
    });
    let folder = with("a", b"1");
    fs::create_dir(folder.path("d")).unwrap();
    let ended = run(
        &folder,
        server.address,
        &["put", "no\x1b[2J", "d", "/dev/null", "a"],
    );
    assert_eq!(ended.code, 26, "{}", ended.stderr);
    assert!(!ended.stderr.contains('\x1b'));
    for told in [
        "no\\u{1b}[2J: No such file",
        "-r' uploads a folder",
        "put -' uploads",
    ] {
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
    server.join();
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_line_is_refused_here() {
    let server = Server::polite(|peer| {
        // One belongs to the line's end.
        peer.expect(format!("put@{} 1 {TIME} c\r\r", hex(b"1")).as_bytes());
        stored(peer, b"1");
        peer.expect_exit();
    });
    let folder = with("a\nexit", b"1");
    write(&folder, "c\r", b"1");
    let ended = run(&folder, server.address, &["put", "a\nexit", "c\r"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("with a line end in it cannot be sent")
    );
    assert!(!ended.stderr.contains('\r'), "{}", ended.stderr);
    server.join();
}

#[test]
fn a_folder_is_uploaded_in_order_and_without_what_is_hidden() {
    let server = Server::polite(|peer| {
        for name in ["d/z", "d/a/1"] {
            offered(peer, b"1", name);
            takes(peer, b"1", 0);
        }
        peer.expect_exit();
    });
    let folder = with("x/d/z", b"1");
    write(&folder, "x/d/a/1", b"1");
    write(&folder, "x/d/.git/2", b"1");
    let ended = run(&folder, server.address, &["put", "-r", "x/d"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let left = "left out x/d/.git: its name begins with a dot\n";
    let stored = "stored d/z, 1 B\nstored d/a/1, 1 B\ntotal: 2 of 2 files, 2 B\n";
    assert_eq!(ended.stderr, [left, stored].concat());
    server.join();
}

#[test]
fn a_message_that_reads_as_an_upload_gets_a_space_in_front() {
    for text in ["put 5 apples", "replace 5 apples", "put 5"] {
        let server = Server::polite(move |peer| {
            peer.expect(format!(" {text}").as_bytes());
            peer.say(format!(" {text} ACK\n").as_bytes());
            peer.expect_exit();
        });
        let ended = run(&Folder::new(), server.address, &["send", text]);
        assert_eq!((ended.code, ended.stdout), (0, format!(" {text} ACK\n")));
        server.join();
    }
}

#[test]
fn in_a_script_put_uploads_a_file_and_the_wires_put_ends_it() {
    let server = Server::polite(|peer| {
        offered(peer, b"1", "a b");
        takes(peer, b"1", 0);
        offered(peer, b"1", "x/y");
        peer.say(b"ERR exists: x/y\n");
        peer.expect(b" put the kettle on");
        peer.say(b" put the kettle on ACK\n");
        // The rest would be the bytes of a file, for all that is known.
        assert_eq!(peer.line(), b"");
    });
    let folder = with("a b", b"1");
    let script = b"put a b\nput a b x/y\nput the kettle on\n put the kettle on\nput 5 f\nexit\n";
    let ended = folder.script(server.address, script);
    assert_eq!(ended.code, 73, "{}", ended.stderr);
    assert_eq!(ended.stdout, "ERR exists: x/y\n put the kettle on ACK\n");
    for told in [
        "stored a b, 1 B\n",
        "line 2: ",
        "line 3: cannot read the kettle on",
        "line 5: ",
    ] {
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
    server.join();
}
