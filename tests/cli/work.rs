//! Who waits for what: a silent line is dead after a while, and a server at work is not.

use std::time::Duration;

use crate::exit_codes::{LISTED, Talk, gives};
use crate::program::{Folder, finish};
use crate::server::{Peer, Server};

/// Longer than a client waits on a silent line that is told to wait so long.
const LONG: Duration = Duration::from_millis(600);
const SHORT: &str = "100ms";

#[test]
fn work_of_the_server_is_waited_for_longer_than_a_silent_line() {
    const DIGEST: &str =
        "SHA256 c775e7b757ede630cd0aa1113bd102661ab38829ca52a6422ab782862f268646 10\n";
    fn works(peer: &mut Peer, request: &[u8], answer: &str) {
        peer.expect(request);
        assert!(peer.stays(LONG), "the client has gone");
        peer.say(answer.as_bytes());
    }
    let table: [(&[&str], &[u8], Talk); 4] = [
        (&["sha256", "a"], b"", |peer| {
            works(peer, b"sha256 a", DIGEST);
        }),
        (&["list"], b"", |peer| works(peer, b"list", LISTED)),
        (&["get", "a", "--verify"], b"", |peer| {
            gives(peer, b"START 10\n1234567890END\n");
            works(peer, b"sha256 a", DIGEST);
        }),
        (&[], b"sha256 a\nlist\n", |peer| {
            works(peer, b"sha256 a", DIGEST);
            works(peer, b"list", LISTED);
        }),
    ];
    for (arguments, script, talk) in table {
        let server = Server::polite(move |peer| {
            talk(peer);
            peer.expect_exit();
        });
        let mut command = Folder::new().berth_at(server.address);
        command.args(["--timeout", SHORT]).args(arguments);
        let folder = Folder::new();
        command.current_dir(folder.path("."));
        let ended = finish(command.spawn().unwrap(), script);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        server.join();
    }
}

#[test]
fn a_silent_line_is_65_in_the_middle_of_a_line_and_28_elsewhere_without_work() {
    for (request, beginning, code) in [
        (&b"status"[..], &b"STATUS\n"[..], 28),
        (b"hello", b"", 28),
        (b"status", b"STATUS\nClient", 65),
        (b"hello", b"hel", 65),
        // No work of a server takes place within a line.
        (b"list", b"LIST\n10 2026", 65),
        (b"sha256 a", b"SHA", 65),
    ] {
        let server = Server::polite(move |peer| {
            peer.expect(request);
            peer.say(beginning);
            assert_eq!(peer.line(), b"");
        });
        let folder = Folder::new();
        let mut command = folder.berth_at(server.address);
        command.args(["--timeout", SHORT]);
        let ended = finish(command.spawn().unwrap(), &[request, b"\n"].concat());
        assert_eq!(ended.code, code, "{}", ended.stderr);
        server.join();
    }
}
