//! A server that demands tokens, and those who come to it.

use std::fs::{self, Permissions};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::{Peer, Server, Setup, meanwhile, outcome};

/// A tokens file and a journal, in a folder of their own.
pub(crate) struct Guard(TempDir);

impl Guard {
    pub(crate) fn new() -> Self {
        let guard = Self(tempfile::tempdir().expect("a folder can be made"));
        guard.add("first");
        guard
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("tokens")
    }

    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(self.0.path().join("journal")).expect("it is kept")
    }

    pub(crate) fn token(&self, words: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
        command.arg("token").args(words.split_whitespace());
        let (code, out, err) = outcome(command.arg("--tokens").arg(self.file()));
        assert_eq!(code, Some(0), "{err}");
        out.trim_end().to_owned()
    }

    pub(crate) fn add(&self, words: &str) -> String {
        self.token(&format!("add {words}"))
    }

    pub(crate) fn setup(&self) -> Setup {
        self.quiet_setup().with("--log trace")
    }

    /// A server that speaks TLS as well.
    pub(crate) fn tls_setup(&self, cert: &str, key: &str) -> Setup {
        let tls = "--tls-listen 127.0.0.1:0";
        self.setup()
            .with(&format!("{tls} --tls-cert {cert} --tls-key {key}"))
    }

    pub(crate) fn quiet_setup(&self) -> Setup {
        let folder = self.0.path().display();
        Setup::new().with(&format!(
            "--tokens {folder}/tokens --journal {folder}/journal"
        ))
    }
}

/// A peer that was asked for a token.
pub(crate) fn asked(server: &Server) -> Peer {
    let mut peer = server.connect();
    peer.expect("AUTH token\n");
    peer
}

/// A client that was let in with this token.
pub(crate) fn inside(server: &Server, token: &str) -> Peer {
    let mut peer = asked(server);
    let welcome = peer.ask(&format!("auth {token}"));
    assert!(welcome.starts_with("Welcome Client"), "{welcome}");
    peer
}

/// Sends SIGHUP and waits until the log says what came of it.
pub(crate) fn reload(server: &Server, with: &str, client: &mut Peer) {
    let count = |log: &str| log.matches(with).count();
    let before = count(&server.log());
    server.signal(Signal::HUP);
    meanwhile(client, |_| count(&server.log()) > before);
}

#[test]
fn a_token_lets_in_and_what_was_sent_behind_it_is_answered() {
    let guard = Guard::new();
    let token = guard.add("alice --rights get,list,status,echo");
    let server = guard.setup().file("a.txt", b"abc").start();
    let mut peer = server.connect();
    peer.send(format!(
        "auth {token}\nhello\nget a.txt\nauth {token}\nexit\n"
    ));
    peer.expect("AUTH token\nWelcome Client01\nhello ACK\nSTART 3\nabcEND\nERR already in\n");
    peer.expect("Goodbye Client01\n");
    peer.expect_end();
}

#[test]
fn every_wrong_token_reads_the_same_and_nothing_behind_it_is_taken() {
    let guard = Guard::new();
    let token = guard.add("alice");
    let server = guard.setup().file("secret", b"secret").start();
    let wrong_secret = format!("{}x", &token[..token.len() - 1]);
    let unknown = format!("berth1-00000000-{}", "s".repeat(43));
    let table = [
        wrong_secret.as_bytes().to_vec(),
        unknown.into_bytes(),
        vec![b'A'; 4000],
        Vec::new(),
        b"a\0b".to_vec(),
        token.as_bytes()[..token.len() - 1].to_vec(),
        format!(" {token}").into_bytes(),
    ];
    for shown in &table {
        let mut peer = asked(&server);
        peer.send([b"auth ", shown.as_slice(), b"\nget secret\n"].concat());
        peer.expect("ERR not let in\n");
        peer.expect_end();
    }
    let mut peer = inside(&server, &token);
    peer.send("exit\n");
    peer.expect("Goodbye Client01\n");
    let log = server.log();
    assert!(
        !log.contains(&token) && !log.contains(&wrong_secret),
        "{log}"
    );
    assert!(!log.contains("AAAA") && !log.contains("00000000"), "{log}");
    drop(peer);
    server.signal(Signal::TERM);
    let mut server = server;
    assert_eq!(server.wait().code(), Some(0));
    let journal = guard.journal();
    assert!(journal.contains(r#""token":"alice""#), "{journal}");
    assert!(
        journal.contains(r#""reason":"auth","count":7"#),
        "{journal}"
    );
    assert!(
        !journal.contains(&token[16..]) && !journal.contains("AAAA"),
        "{journal}"
    );
}

#[test]
fn whoever_shows_no_token_holds_no_berth_and_is_asked_three_times() {
    let guard = Guard::new();
    let token = guard.add("alice --rights echo");
    let server = guard.setup().with("--max-clients 1").start();
    let mut waiting: Vec<Peer> = (0..5).map(|_| asked(&server)).collect();
    let mut client = inside(&server, &token);
    client.echo();
    let mut late = asked(&server);
    late.send(format!("auth {token}\n"));
    late.expect("Server full, try later\n");
    late.expect_end();
    let mut peer = waiting.pop().expect("there are five");
    for line in ["list", "get a", "POST / HTTP/1.1"] {
        assert_eq!(peer.ask(line), "ERR auth first");
    }
    peer.expect_end();
    let mut peer = waiting.pop().expect("there are four");
    peer.send("exit\n");
    peer.expect_end();
    let mut peer = waiting.pop().expect("there are three");
    peer.send("list\nauth");
    peer.stream().shutdown(Shutdown::Write).unwrap();
    peer.expect("ERR auth first\nERR not let in\n");
    peer.expect_end();
    let mut peer = waiting.pop().expect("there are two");
    peer.send("x".repeat(100_000));
    peer.expect("ERR auth first\nERR auth first\n");
    peer.expect_end();
    client.echo();
}

#[test]
fn three_hundred_who_say_nothing_keep_nobody_out_and_leave_nothing() {
    let guard = Guard::new();
    let token = guard.add("alice --rights echo");
    let server = guard.setup().start();
    let before = server.descriptors().len();
    let began = Instant::now();
    let mut silent: Vec<Peer> = (0..300).map(|_| server.connect()).collect();
    let connected = Instant::now();
    let mut client = inside(&server, &token);
    assert!(connected.elapsed() < Duration::from_secs(1));
    client.echo();
    for peer in &mut silent {
        let said = String::from_utf8(peer.rest()).expect("it is text");
        let late = "AUTH token\nERR no auth within 10s, closing\n";
        let busy = "AUTH token\nServer full, try later\n";
        assert!(said == busy || said == late, "{said}");
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    drop(silent);
    meanwhile(&mut client, |_| server.descriptors().len() <= before + 1);
}

#[test]
fn a_request_without_its_right_is_refused_without_a_look_at_the_folder() {
    let guard = Guard::new();
    let reader = guard.add("reader --rights get");
    let looker = guard.add("looker --rights list,status");
    let server = guard.setup().file("a.txt", b"abc").start();
    let mut peer = inside(&server, &reader);
    assert_eq!(peer.get("get a.txt"), b"abc");
    assert_eq!(peer.ask("list"), "ERR not allowed: list");
    assert_eq!(peer.ask("status"), "ERR not allowed: status");
    assert_eq!(peer.ask("hello"), "ERR not allowed: echo");
    assert!(peer.ask("stat a.txt").starts_with("STAT 3 "));
    assert_eq!(peer.ask("get"), "ERR usage: get NAME");
    let mut peer = inside(&server, &looker);
    assert_eq!(peer.lines("list").len(), 3);
    for request in ["get a.txt", "get@1 a.txt", "get nothing"] {
        assert_eq!(peer.ask(request), "ERR not allowed: get");
    }
    assert_eq!(peer.ask("sha256 nothing"), "ERR not allowed: sha256");
}

#[test]
fn a_token_has_its_number_of_sessions_and_its_end() {
    let guard = Guard::new();
    let one = guard.add("one --sessions 1 --rights echo");
    let brief = guard.add("brief --expires 1s");
    let server = guard.setup().start();
    let mut first = inside(&server, &one);
    let mut peer = asked(&server);
    peer.send(format!("auth {one}\n"));
    peer.expect("ERR token in use by 1, allowed 1\n");
    peer.expect_end();
    meanwhile(&mut first, |passed| passed > Duration::from_millis(2100));
    let mut peer = asked(&server);
    peer.send(format!("auth {brief}\n"));
    assert!(peer.text().starts_with("ERR token expired 20"));
    peer.expect_end();
    first.send("exit\n");
    first.expect("Goodbye Client01\n");
    first.expect_end();
    inside(&server, &one);
}

#[test]
fn a_revoked_token_ends_its_sessions_behind_their_answers_and_nobody_elses() {
    let guard = Guard::new();
    let gone = guard.add("gone --rights get");
    let stays = guard.add("stays --rights get,echo");
    let size = 16 << 20;
    let server = guard.setup().sparse("big", size).start();
    let mut leaver = inside(&server, &gone);
    assert_eq!(leaver.start("get big"), size);
    let mut other = inside(&server, &stays);
    assert_eq!(other.start("get big"), size);
    let mut talker = inside(&server, &stays);
    guard.token("revoke gone");
    reload(&server, "tokens read again", &mut talker);
    let size = usize::try_from(size).unwrap();
    leaver.read(size);
    leaver.expect("END\nERR token revoked, closing\n");
    leaver.expect_end();
    other.read(size);
    other.expect("END\n");
    other.echo();
    talker.echo();
    let mut again = asked(&server);
    assert_eq!(again.ask(&format!("auth {gone}")), "ERR not let in");
    let journal = guard.journal();
    let ended = r#""event":"token_ended","client":"Client01","token":"gone","why":"revoked""#;
    assert!(journal.contains(ended), "{journal}");
    assert!(journal.contains(r#""reason":"token""#), "{journal}");
}

#[test]
fn a_token_whose_time_is_over_ends_its_session_by_itself() {
    let guard = Guard::new();
    let brief = guard.add("brief --expires 3s --rights echo");
    let server = guard.setup().start();
    let mut peer = inside(&server, &brief);
    peer.expect("ERR token expired, closing\n");
    peer.expect_end();
}

#[test]
fn a_file_that_cannot_be_read_changes_nothing() {
    let guard = Guard::new();
    let old = guard.add("old --rights echo");
    let server = guard.setup().start();
    let mut client = inside(&server, &old);
    let whole = fs::read(guard.file()).unwrap();
    let new = guard.add("new");
    let with_new = fs::read(guard.file()).unwrap();
    let failed = "the tokens stay as they were";
    let is_out = |token: &str| asked(&server).ask(&format!("auth {token}")) == "ERR not let in";
    // Cut off in the middle of a line.
    fs::write(guard.file(), &with_new[..with_new.len() - 3]).unwrap();
    reload(&server, failed, &mut client);
    assert!(is_out(&new));
    // Open to others.
    fs::write(guard.file(), &with_new).unwrap();
    fs::set_permissions(guard.file(), Permissions::from_mode(0o644)).unwrap();
    reload(&server, failed, &mut client);
    assert!(is_out(&new));
    // Replaced by a folder, then gone.
    fs::remove_file(guard.file()).unwrap();
    fs::create_dir(guard.file()).unwrap();
    reload(&server, failed, &mut client);
    fs::remove_dir(guard.file()).unwrap();
    reload(&server, failed, &mut client);
    assert!(is_out(&new));
    inside(&server, &old);
    let journal = guard.journal();
    let refused = r#""event":"reload","what":"tokens","ok":false,"error":""#;
    assert_eq!(journal.matches(refused).count(), 4, "{journal}");
    // Whole again.
    fs::write(guard.file(), &whole).unwrap();
    fs::set_permissions(guard.file(), Permissions::from_mode(0o600)).unwrap();
    reload(&server, "tokens read again", &mut client);
    client.echo();
}

#[test]
fn a_server_does_not_start_with_a_weaker_guard_than_was_asked_for() {
    let guard = Guard::new();
    let file = guard.file();
    let told = guard.quiet_setup().with("--listen 0.0.0.0:0").refusal();
    assert!(told.contains("--tokens-in-clear"), "{told}");
    let served = Setup::new().serving(file.parent().unwrap());
    let told = served
        .with(&format!("--tokens {}", file.display()))
        .refusal();
    assert!(told.contains("is in the served folder"), "{told}");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    assert!(guard.quiet_setup().refusal().contains("chmod 600"));
    fs::remove_file(&file).unwrap();
    let told = guard.quiet_setup().refusal();
    assert!(told.contains("berthd token add"), "{told}");
}

#[test]
fn without_tokens_auth_is_a_message() {
    let server = Server::start();
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask("auth x"), "auth x ACK");
}
