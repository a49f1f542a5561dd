//! The client, and the tokens that it shows.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::door::Guard;
use crate::support::{Server, outcome};

/// A home for the client.
pub(crate) struct Home(pub(crate) TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    pub(crate) fn tokens(&self) -> PathBuf {
        self.0.path().join("berth/tokens")
    }

    pub(crate) fn berth(&self, server: &str, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
        for name in ["BERTH_SERVER", "BERTH_TOKEN", "BERTH_TOKEN_FILE"] {
            command.env_remove(name);
        }
        command
            .env("XDG_CONFIG_HOME", self.0.path())
            .env("XDG_STATE_HOME", self.0.path())
            .current_dir(self.0.path())
            .args(["--server", server])
            .args(words.split_whitespace())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, server: &Server, words: &str) -> (Option<i32>, String, String) {
        outcome(&mut self.berth(&server.address.to_string(), words))
    }

    /// Keeps a token with `berth login`, from standard input.
    pub(crate) fn login(&self, server: &Server, token: &str) {
        let path = self.0.path().join("input");
        fs::write(&path, format!("{token}\n")).unwrap();
        let mut command = self.berth(&server.address.to_string(), "login");
        command.stdin(File::open(&path).unwrap());
        let (code, out, err) = outcome(&mut command);
        assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
        assert!(!err.contains(&token[16..]), "{err}");
    }
}

#[test]
fn a_kept_token_is_shown_where_one_is_demanded() {
    let (guard, home) = (Guard::new(), Home::new());
    let token = guard.add("alice --rights list");
    let server = guard.setup().file("a.txt", b"abc").start();
    let (code, _, err) = home.run(&server, "list");
    assert_eq!(code, Some(67), "{err}");
    assert!(
        err.contains("demands a token") && err.contains("berth login"),
        "{err}"
    );
    home.login(&server, &token);
    let tokens = home.tokens();
    for (path, due) in [(tokens.as_path(), 0o600), (tokens.parent().unwrap(), 0o700)] {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, due, "{}", path.display());
    }
    let (code, out, err) = home.run(&server, "list");
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("a.txt"), "{out}");
    let (code, out, err) = home.run(&server, "get a.txt");
    assert_eq!((code, out.as_str()), (Some(9), ""), "{err}");
    assert!(err.contains("not allowed: get"), "{err}");
    let (code, out, _) = home.run(&server, "list --json");
    assert_eq!(code, Some(0));
    assert!(!out.contains(&token[16..]), "{out}");
}

#[test]
fn a_token_of_the_environment_goes_before_the_file_and_a_wrong_one_is_final() {
    let (guard, home) = (Guard::new(), Home::new());
    let token = guard.add("alice --rights list");
    let server = guard.setup().start();
    home.login(&server, &format!("berth1-00000000-{}", "s".repeat(43)));
    let (code, _, err) = home.run(&server, "list --wait 1m");
    assert_eq!(code, Some(67), "{err}");
    assert!(
        err.contains("does not accept the token: not let in"),
        "{err}"
    );
    let mut command = home.berth(&server.address.to_string(), "list");
    let (code, _, err) = outcome(command.env("BERTH_TOKEN", &token));
    assert_eq!(code, Some(0), "{err}");
    let bare = home.0.path().join("bare");
    fs::write(&bare, format!("{token}\n")).unwrap();
    fs::set_permissions(&bare, Permissions::from_mode(0o600)).unwrap();
    let mut command = home.berth(&server.address.to_string(), "list");
    let (code, _, err) = outcome(command.env("BERTH_TOKEN_FILE", &bare));
    assert_eq!(code, Some(0), "{err}");
    let mut command = home.berth(&server.address.to_string(), "list");
    let (code, _, err) = outcome(command.env("BERTH_TOKEN", "s3cret"));
    assert_eq!(code, Some(77), "{err}");
    assert!(!err.contains("s3cret"), "{err}");
}

#[test]
fn a_tokens_file_that_others_can_read_is_not_used_and_the_cure_is_told() {
    let (guard, home) = (Guard::new(), Home::new());
    let token = guard.add("alice --rights list");
    let server = guard.setup().start();
    home.login(&server, &token);
    for mode in [0o644, 0o640, 0o660, 0o601] {
        fs::set_permissions(home.tokens(), Permissions::from_mode(mode)).unwrap();
        let (code, _, err) = home.run(&server, "list");
        assert_eq!(code, Some(77), "{err}");
        assert!(err.contains("chmod 600"), "{err}");
    }
}

#[test]
fn a_server_that_demands_no_token_is_shown_none() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"Welcome Client01\n").unwrap();
        let mut lines = Vec::new();
        let mut input = BufReader::new(stream.try_clone().unwrap());
        for answer in [&b"LIST\nEND\n"[..], b"Goodbye Client01\n"] {
            let mut line = String::new();
            input.read_line(&mut line).unwrap();
            lines.push(line);
            stream.write_all(answer).unwrap();
        }
        lines
    });
    let mut command = home.berth(&address, "list");
    let token = format!("berth1-00000000-{}", "s".repeat(43));
    let (code, _, err) = outcome(command.env("BERTH_TOKEN", token));
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(served.join().unwrap(), ["list\n", "exit\n"]);
}

#[test]
fn what_is_no_token_is_not_kept() {
    let (guard, home) = (Guard::new(), Home::new());
    let server = guard.setup().start();
    let (code, _, err) = home.run(&server, "login");
    assert_eq!(code, Some(2), "{err}");
    assert!(!home.tokens().exists());
}

#[test]
fn tokens_that_are_kept_at_the_same_time_are_all_kept_and_a_link_stays_one() {
    let home = Home::new();
    let elsewhere = home.0.path().join("elsewhere");
    fs::write(&elsewhere, "").unwrap();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(home.0.path().join("berth")).unwrap();
    symlink(&elsewhere, home.tokens()).unwrap();
    let token = format!("berth1-00000000-{}\n", "s".repeat(43));
    let logins: Vec<_> = (0..12)
        .map(|n| {
            let mut command = home.berth(&format!("files.example.org:{}", 7000 + n), "login");
            command.stdin(Stdio::piped()).stderr(Stdio::null());
            let mut login = command.spawn().unwrap();
            let mut input = login.stdin.take().expect("it is piped");
            input.write_all(token.as_bytes()).unwrap();
            login
        })
        .collect();
    for mut login in logins {
        assert!(login.wait().unwrap().success());
    }
    assert!(home.tokens().is_symlink());
    assert_eq!(fs::read_to_string(elsewhere).unwrap().lines().count(), 12);
}

#[test]
fn a_pin_in_a_token_decides_alone_whom_it_is_shown_to() {
    let (guard, home) = (Guard::new(), Home::new());
    let token = guard.add("alice --rights list");
    let keys = home.0.path().join("keys");
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    let (code, out, err) = outcome(command.args(["cert", "new"]).arg(&keys));
    assert_eq!(code, Some(0), "{err}");
    let pin = out.trim_end().to_owned();
    let path = |name| keys.join(name).display().to_string();
    let server = guard
        .tls_setup(&path("berth.crt"), &path("berth.key"))
        .start();
    let address = server.tls.expect("it speaks TLS").to_string();
    let list = |token: String| outcome(home.berth(&address, "list").env("BERTH_TOKEN", token));
    let (code, out, err) = list(format!("{token}-{pin}"));
    assert_eq!(code, Some(0), "{out}{err}");
    let other = format!("{}{}", &pin[1..], &pin[..1]);
    let (code, _, err) = list(format!("{token}-{other}"));
    assert_eq!(code, Some(60), "{err}");
    let (code, _, err) = outcome(
        home.berth(&address, "list --tls")
            .env("BERTH_TOKEN", &token),
    );
    assert_eq!(code, Some(60), "{err}");
    assert!(!err.contains(&token[16..]), "{err}");
}
