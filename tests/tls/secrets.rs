//! What a wrong token behind a handshake finds out, and what is left of it.

use std::fs;
use std::io::Read;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::peer::{Keys, TlsPeer, token};
use crate::support::{Server, Strace, can_trace};

/// The records that come from now on, up to an end that is no reset: what each is, and how long.
fn records(peer: &TlsPeer) -> Vec<(u8, usize)> {
    let mut raw = Vec::new();
    let read = peer.stream().read_to_end(&mut raw);
    read.expect("the end comes, and no reset");
    let mut rest = &raw[..];
    let mut records = Vec::new();
    while let [kind, _, _, high, low, ..] = *rest {
        let len = usize::from(u16::from_be_bytes([high, low]));
        records.push((kind, len));
        rest = &rest[5 + len..];
    }
    records
}

/// A client that was asked for a token, and shows this with a request behind it.
fn show(keys: &Keys, server: &Server, shown: &[u8], request: &str) -> TlsPeer {
    let mut peer = keys.connect(server);
    assert_eq!(peer.line(), "AUTH token\n");
    peer.send([b"auth ", shown, b"\n", request.as_bytes()].concat());
    peer
}

struct Setting {
    keys: Keys,
    folder: TempDir,
    token: String,
    server: Server,
}

/// A server that writes down all that it can.
fn setting() -> Setting {
    let (keys, folder) = (Keys::new(), tempfile::tempdir().expect("a folder"));
    let (tokens, token) = token(&folder, "get");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let arguments = format!(
        "--tokens {} --journal {} --trace {} --log trace",
        tokens.display(),
        at("journal"),
        at("trace")
    );
    let server = keys.serve(|setup| {
        let setup = setup.file("secret", b"secret").file("shown", b"shown");
        setup.with(&arguments)
    });
    Setting {
        keys,
        folder,
        token,
        server,
    }
}

/// Tokens that are none, each in its own way.
fn wrong(token: &str) -> Vec<Vec<u8>> {
    let other = if token.ends_with('x') { 'y' } else { 'x' };
    vec![
        format!("{}{other}", &token[..token.len() - 1]).into_bytes(),
        format!("berth1-00000000-{}", "s".repeat(43)).into_bytes(),
        vec![b'A'; 4000],
        Vec::new(),
        b"a\0b".to_vec(),
    ]
}

#[test]
fn every_wrong_token_is_answered_with_the_same_records_and_written_down_nowhere() {
    let Setting {
        keys,
        folder,
        token,
        mut server,
    } = setting();
    let all = wrong(&token);
    let answers = all.iter().map(|shown| {
        let peer = show(&keys, &server, shown, "get secret\n");
        records(&peer)
    });
    let answers: Vec<_> = answers.collect();
    // The line and close_notify, each with a byte for its kind and a tag of 16.
    assert_eq!(answers[0], [(0x17, 15 + 17), (0x17, 2 + 17)]);
    assert!(
        answers.iter().all(|each| *each == answers[0]),
        "{answers:?}"
    );
    let mut right = show(&keys, &server, token.as_bytes(), "get shown\nexit\n");
    let told = "Welcome Client01\nSTART 5\nshownEND\nGoodbye Client01\n";
    assert_eq!(right.rest().0, told.as_bytes());
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("it is text");
    let written = [server.log(), read("journal"), read("trace"), read("tokens")];
    let secret = &token[token.len() - 43..];
    for text in &written {
        assert!(text.len() > 20, "something was written: {text}");
        for hidden in [secret, &secret[..42], "AAAAAAAA", "00000000-s", "ssssssss"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
}

#[test]
fn a_request_behind_a_wrong_token_opens_no_file() {
    if !can_trace() {
        return;
    }
    let Setting {
        keys,
        token,
        server,
        ..
    } = setting();
    let Some(strace) = Strace::watch(&server, "open,openat,openat2") else {
        return;
    };
    for shown in wrong(&token) {
        let peer = show(&keys, &server, &shown, "get secret\n");
        records(&peer);
    }
    let mut right = show(&keys, &server, token.as_bytes(), "get shown\nexit\n");
    right.rest();
    let calls = strace.detach().concat();
    assert!(
        calls.contains("\"shown\""),
        "what is opened is seen: {calls}"
    );
    assert!(!calls.contains("secret"), "{calls}");
}
