//! The client: whom it trusts, and what it says to the others.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::peer::{Keys, tls_address};
use crate::support::{Server, Setup, noise, outcome};

pub(crate) type Outcome = (Option<i32>, String, String);

/// A person's home, with whom they trust in it.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    pub(crate) fn berth(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
        for name in ["BERTH_SERVER", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        command
            .env("HOME", self.0.path())
            .current_dir(self.0.path());
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        outcome(&mut command)
    }

    /// Trusts this server by this pin.
    pub(crate) fn trust(&self, server: &str, pin: &str) {
        let (code, _, err) = self.berth(&["trust", server, pin]);
        assert_eq!(code, Some(0), "{err}");
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join(".config/berth/known_servers")
    }
}

/// The pin that the client finds at a server.
pub(crate) fn pin(keys: &Keys) -> String {
    let server = keys.serve(|setup| setup);
    let url = format!("berths://{}", tls_address(&server));
    let (code, _, err) = Home::new().berth(&["--server", &url, "list"]);
    assert_eq!(code, Some(60), "{err}");
    let (_, pin) = err.split_once("its pin is ").expect("it is shown");
    pin[..43].to_owned()
}

pub(crate) fn name(server: &Server) -> String {
    tls_address(server).to_string()
}

#[test]
fn a_server_that_is_not_known_is_asked_for_nothing() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup.file("a", b"x"));
    let home = Home::new();
    let name = name(&server);
    for arguments in [
        &["--tls", "--server", &name, "list"][..],
        &["--server", &format!("berths://{name}"), "get", "a"],
        // Without a terminal nobody is there to ask.
        &["trust", &name],
    ] {
        let (code, out, err) = home.berth(arguments);
        assert_eq!((code, out.as_str()), (Some(60), ""), "{err}");
    }
    assert!(!home.file().exists());
    let clients = server.client("Client01").lines("status").len();
    assert_eq!(clients, 3, "nobody else was ever let in");
}

#[test]
fn a_pin_decides_alone_and_tls_is_spoken_without_being_asked_for() {
    let keys = Keys::new();
    let bytes = noise(3_000_000);
    // No certificate has this address in it.
    let arguments = keys.arguments_at("127.0.0.3:0");
    let setup = Setup::new().file("big", &bytes).with(&arguments);
    let server = setup.start();
    let certificate = keys.certificate();
    let certificate = certificate.to_str().expect("it is text");
    let name = name(&server);
    let home = Home::new();
    let (code, _, err) = home.berth(&["--server", &name, "--ca", certificate, "list"]);
    assert_eq!(code, Some(60), "{err}");
    let (code, _, err) = home.berth(&["trust", &name, &pin(&keys)]);
    assert_eq!(code, Some(0), "{err}");
    let mode = fs::metadata(home.file())
        .expect("it was made")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let (code, out, err) = home.berth(&["--server", &name, "get", "big", "--verify"]);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    assert!(fs::read(home.0.path().join("big")).expect("it was fetched") == bytes);
}

#[test]
fn a_certificate_is_trusted_by_the_file_that_says_so_and_for_its_names_only() {
    let (keys, others) = (Keys::new(), Keys::new());
    let server = keys.serve(|setup| setup.file("a", b"x"));
    let port = tls_address(&server).port();
    let home = Home::new();
    let list = |host: &str, ca: &Keys| {
        let ca = ca.certificate();
        let ca = ca.to_str().expect("it is text");
        home.berth(&[
            "--server",
            &format!("{host}:{port}"),
            "--ca",
            ca,
            "list",
            "--raw",
        ])
    };
    for host in ["127.0.0.1", "localhost"] {
        let (code, out, err) = list(host, &keys);
        assert_eq!(code, Some(0), "{err}");
        assert!(out.starts_with("LIST\n1 "), "{out}");
    }
    let (code, out, err) = list("127.0.0.1", &others);
    assert_eq!((code, out.as_str()), (Some(60), ""), "{err}");
    let cut = home.0.path().join("cut");
    fs::write(&cut, "-----BEGIN CERTIFICATE-----\nMIIB\n").expect("it can be written");
    let cut = cut.to_str().expect("it is text");
    for (file, told) in [
        ("missing", "No such file"),
        ("/dev/null", "no certificate"),
        ("/dev/zero", "longer than 16 MiB"),
        (cut, "cut off"),
    ] {
        let (code, _, err) = home.berth(&["--server", "127.0.0.1:1", "--ca", file, "list"]);
        assert_eq!(code, Some(77), "{err}");
        assert!(err.contains(&format!("'{file}'")), "{err}");
        assert!(err.contains(told), "{err}");
    }
}

#[test]
fn another_key_is_refused_until_that_one_entry_is_replaced() {
    let (keys, others) = (Keys::new(), Keys::new());
    let home = Home::new();
    let server = others.serve(|setup| setup.file("a", b"x"));
    let name = name(&server);
    home.trust("files.example.org:7", &pin(&keys));
    home.trust(&name, &pin(&keys));
    for ca in [
        &[][..],
        &["--ca", others.certificate().to_str().expect("it is text")],
    ] {
        // Not even an authority outdoes a pin.
        let arguments = [&["--server", &name, "--wait", "5m", "list"], ca].concat();
        let (code, out, err) = home.berth(&arguments);
        assert_eq!((code, out.as_str()), (Some(60), ""), "{err}");
        assert!(
            err.contains(&pin(&keys)) && err.contains(&pin(&others)),
            "{err}"
        );
    }
    let (code, _, err) = home.berth(&["trust", &name, &pin(&others)]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(home.berth(&["--server", &name, "list"]).0, Some(0));
    let text = fs::read_to_string(home.file()).expect("it is there");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(
        text.contains(&format!("files.example.org:7 {}", pin(&keys))),
        "{text}"
    );
}

#[test]
fn a_known_server_is_never_spoken_to_in_the_clear() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let plain = server.address.to_string();
    let home = Home::new();
    home.trust(&plain, &pin(&keys));
    let (code, out, err) = home.berth(&["--server", &plain, "list"]);
    assert_eq!((code, out.as_str()), (Some(35), ""), "{err}");
    assert!(err.contains("does not speak TLS"), "{err}");
    assert!(!err.contains("Welcome"), "nothing of it is shown: {err}");
    // What it sends is no line of a session.
    let (address, heard) = listener(b"");
    home.trust(&address.to_string(), &pin(&keys));
    let (code, _, err) = home.berth(&["--server", &address.to_string(), "send", "secret"]);
    assert_eq!(code, Some(35), "{err}");
    let heard = heard.join().expect("it listens");
    assert_eq!(heard[0], 0x16, "a record of TLS");
    assert!(!heard.windows(6).any(|bytes| bytes == b"secret"));
}

/// A server that says this, closes, and gives back what it heard.
fn listener(says: &'static [u8]) -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let heard = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        stream.write_all(says).expect("it is taken");
        let mut heard = vec![0; 10_000];
        let n = stream.read(&mut heard).unwrap_or(0);
        heard.truncate(n);
        heard
    });
    (address, heard)
}

#[test]
fn words_in_the_clear_are_never_shown_where_tls_was_asked_for() {
    let home = Home::new();
    for says in [
        &b"Welcome Client01\n"[..],
        b"\x1b[2J\x15\x03",
        b"\x16\x03\x03\xff\xff",
    ] {
        let (address, heard) = listener(says);
        let (code, out, err) = home.berth(&["--tls", "--server", &address.to_string(), "list"]);
        assert_eq!((code, out.as_str()), (Some(35), ""), "{err}");
        assert!(!err.contains("Client01") && !err.contains('\x1b'), "{err}");
        heard.join().expect("it listens");
    }
}

#[test]
fn a_server_that_speaks_tls_says_so_to_a_client_that_does_not() {
    let (address, heard) = listener(b"ERR this port speaks TLS\n");
    let (code, out, err) = Home::new().berth(&["--server", &address.to_string(), "list"]);
    assert_eq!((code, out.as_str()), (Some(35), ""), "{err}");
    assert!(
        err.contains("the server speaks TLS") && err.contains("--tls"),
        "{err}"
    );
    heard.join().expect("it listens");
}

#[test]
fn a_file_of_trust_that_others_can_change_or_that_is_damaged_is_no_file_of_trust() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let (plain, pin) = (server.address.to_string(), pin(&keys));
    let home = Home::new();
    home.trust("files.example.org:7", &pin);
    let list = || home.berth(&["--server", &plain, "list"]);
    assert_eq!(list().0, Some(0));
    for mode in [0o602, 0o620] {
        fs::set_permissions(home.file(), Permissions::from_mode(mode)).expect("it is ours");
        let (code, out, err) = list();
        assert_eq!((code, out.as_str()), (Some(77), ""), "{err}");
        assert!(err.contains("chmod 600"), "{err}");
    }
    fs::set_permissions(home.file(), Permissions::from_mode(0o600)).expect("it is ours");
    fs::write(home.file(), format!("{plain} {pin} now\n{plain} half")).expect("it is ours");
    let (code, _, err) = list();
    assert_eq!(code, Some(77), "{err}");
    assert!(err.contains("line 2"), "{err}");
    let before = fs::read(home.file()).expect("it is there");
    assert_eq!(home.berth(&["trust", "a:1", &pin]).0, Some(77));
    assert_eq!(
        fs::read(home.file()).expect("it is there"),
        before,
        "nothing is lost"
    );
}

#[test]
fn a_full_server_is_waited_for_through_tls_too() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup.with("--max-clients 1"));
    let (name, home) = (name(&server), Home::new());
    home.trust(&name, &pin(&keys));
    let inside = server.client("Client01");
    let (code, _, err) = home.berth(&["--server", &name, "list"]);
    assert_eq!(code, Some(75), "{err}");
    assert!(err.contains("Server full, try later"), "{err}");
    drop(inside);
    assert_eq!(
        home.berth(&["--server", &name, "--wait", "1m", "list"]).0,
        Some(0)
    );
}
