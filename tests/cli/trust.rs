//! A server that is not known, and a person who is asked whether to trust it.

use std::fs;
use std::process::Command;

use crate::program::{Folder, finish};
use crate::support::{Server, Setup};
use crate::terminal::Terminal;

/// A server that speaks TLS, with a key of its own.
fn server() -> (Server, tempfile::TempDir) {
    let keys = tempfile::tempdir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_berthd"))
        .args(["cert", "new"])
        .arg(keys.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let at = |name: &str| keys.path().join(name).display().to_string();
    let arguments = format!(
        "--tls-listen 127.0.0.1:0 --tls-cert {} --tls-key {}",
        at("berth.crt"),
        at("berth.key")
    );
    let server = Setup::new().file("a", b"x").with(&arguments).start();
    (server, keys)
}

/// Runs this command at a terminal, and types the answer to its question.
fn ask(folder: &Folder, arguments: &[&str], answer: &[u8]) -> (i32, String) {
    let mut terminal = Terminal::new(80);
    let mut command = folder.berth();
    command.args(arguments);
    command.stdin(terminal.stream());
    command.stdout(terminal.stream());
    command.stderr(terminal.stream());
    let child = command.spawn().unwrap();
    drop(command);
    terminal.answer("trust it? [yes/No] ", answer);
    let code = finish(child, b"").code;
    (code, terminal.all())
}

#[test]
fn a_server_is_trusted_once_somebody_has_said_yes_and_not_before() {
    let (server, _keys) = server();
    let name = server.tls.unwrap().to_string();
    let list = ["--tls", "--server", &name, "list"];
    let folder = Folder::new();
    for no in [&b"\r"[..], b"no\r"] {
        let (code, screen) = ask(&folder, &list, no);
        assert_eq!(code, 60, "{screen}");
        assert!(!folder.known_servers().exists());
    }
    let (code, screen) = ask(&folder, &list, b"yes\r");
    assert_eq!(code, 0, "{screen}");
    let known = fs::read_to_string(folder.known_servers()).unwrap();
    assert!(known.starts_with(&name), "{known}");
    // From now on nothing is asked, and TLS goes without saying.
    let ended = finish(
        folder
            .berth_at(server.tls.unwrap())
            .arg("list")
            .spawn()
            .unwrap(),
        b"",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.ends_with(" a\n"), "{}", ended.stdout);
}

#[test]
fn another_key_is_shown_beside_the_known_one_and_replaces_it_after_a_question() {
    let (server, _keys) = server();
    let name = server.tls.unwrap().to_string();
    let folder = Folder::new();
    let old = "A".repeat(43);
    let known = || fs::read_to_string(folder.known_servers()).unwrap();
    let mut trust = folder.berth();
    trust.args(["trust", &name, &old]);
    assert_eq!(finish(trust.spawn().unwrap(), b"").code, 0);
    let (code, screen) = ask(&folder, &["trust", &name], b"\r");
    assert_eq!(code, 60, "{screen}");
    assert!(screen.contains(&old), "{screen}");
    assert!(known().contains(&old));
    let (code, screen) = ask(&folder, &["trust", &name], b"yes\r");
    assert_eq!(code, 0, "{screen}");
    assert!(!known().contains(&old) && known().lines().count() == 1);
}
