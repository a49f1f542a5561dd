//! Where the tokens of a client go, and where they do not.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use crate::client::Home;
use crate::door::{Guard, inside, reload};
use crate::support::{Setup, meanwhile, outcome, skip};

/// Passes one connection on to this server, and gives back what the client sent.
fn relay(to: SocketAddr) -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = TcpStream::connect(to).unwrap();
        let (mut from, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let answers = thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut back);
            let _ = back.shutdown(Shutdown::Write);
        });
        let mut heard = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(n @ 1..) = client.read(&mut piece) {
            heard.extend_from_slice(&piece[..n]);
            if server.write_all(&piece[..n]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Write);
        answers.join().unwrap();
        heard
    });
    (address, heard)
}

/// A certificate and its key, and the pin.
fn keys(home: &Home, name: &str) -> (String, String, String) {
    let folder = home.0.path().join(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    let (code, pin, err) = outcome(command.args(["cert", "new"]).arg(&folder));
    assert_eq!(code, Some(0), "{err}");
    let path = |name| folder.join(name).display().to_string();
    (
        path("berth.crt"),
        path("berth.key"),
        pin.trim_end().to_owned(),
    )
}

#[test]
fn whoever_has_another_key_than_the_server_is_shown_no_token() {
    let (guard, home) = (Guard::new(), Home::new());
    let token = guard.add("alice --rights list");
    let bob = guard.add("bob --rights echo");
    let (_, _, pin) = keys(&home, "own");
    let (certificate, key, _) = keys(&home, "other");
    let between = guard.tls_setup(&certificate, &key).start();
    let (address, heard) = relay(between.tls.unwrap());
    let address = address.to_string();
    let mut trust = home.berth(&address, "trust");
    let (code, _, err) = outcome(trust.args([&address, &pin]));
    assert_eq!(code, Some(0), "{err}");
    let list = || {
        let mut command = home.berth(&address, "list --wait 1m");
        outcome(command.env("BERTH_TOKEN", &token))
    };
    let (code, out, err) = list();
    assert_eq!((code, out.as_str()), (Some(60), ""), "{err}");
    let heard = heard.join().unwrap();
    // All that was sent in the clear is the hello; the rest is the alert.
    assert_eq!(heard[0], 0x16);
    for secret in [&b"auth"[..], token.as_bytes(), &token.as_bytes()[7..15]] {
        let shown = heard.windows(secret.len()).any(|bytes| bytes == secret);
        assert!(!shown, "{} bytes were heard", heard.len());
    }
    let mut other = inside(&between, &bob);
    meanwhile(&mut other, |_| {
        between.log().contains("turned away: BrokeRules")
    });
    let log = between.log();
    assert!(!log.contains("Denied("), "no token was judged: {log}");
}

#[test]
fn a_token_goes_to_another_machine_through_tls_only() {
    let script = "ip link set lo up && ip address add 10.9.9.9/32 dev lo || exit 99
        mkfifo \"$4\"
        \"$1\" --listen 10.9.9.9:0 --tokens-in-clear --tokens \"$2\" --log trace --repo \"$3\" \\
            2>\"$4.log\" >\"$4\" & server=$!
        read -r line <\"$4\"
        \"$0\" --server \"${line##* }\" list
        code=$?
        kill $server
        exit $code";
    let (guard, home) = (Guard::new(), Home::new());
    let token = guard.add("alice --rights list");
    let setup = guard.setup();
    let fifo = home.0.path().join("fifo");
    let mut command = Command::new("unshare");
    command
        .args(["-rn", "sh", "-c", script])
        .args([env!("CARGO_BIN_EXE_berth"), env!("CARGO_BIN_EXE_berthd")])
        .arg(guard.file())
        .arg(setup.repo())
        .arg(&fifo)
        .env("XDG_CONFIG_HOME", home.0.path())
        .env("BERTH_TOKEN", &token)
        .stdin(Stdio::null());
    if !has_networks() {
        return skip(
            "no network namespace can be made here",
            "apt-get install iproute2 util-linux, and run as root",
        );
    }
    let (code, out, err) = outcome(&mut command);
    assert_eq!((code, out.as_str()), (Some(60), ""), "{err}");
    assert!(err.contains("--tls or berths:// encrypts it"), "{err}");
    assert!(!err.contains(&token[16..]), "{err}");
    let log = fs::read_to_string(fifo.with_extension("log")).unwrap();
    assert!(
        !log.contains("Denied(") && !log.contains("connected"),
        "{log}"
    );
}

/// Whether a program can have a network of its own here.
fn has_networks() -> bool {
    let mut unshare = Command::new("unshare");
    let tried = unshare.args(["-rn", "ip", "address"]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// A script that shows the token itself, as with nc.
#[test]
fn a_token_in_a_script_is_not_sent_and_not_shown() {
    let (guard, home) = (Guard::new(), Home::new());
    let token = guard.add("alice --rights list,echo");
    let open = Setup::new().file("a.txt", b"abc").start();
    let guarded = guard.setup().file("a.txt", b"abc").start();
    let input = home.0.path().join("script");
    fs::write(
        &input,
        format!("auth {token}\nAuth  {token}\nauth me\nlist\n"),
    )
    .unwrap();
    for server in [&open, &guarded] {
        for form in ["", "--raw"] {
            let mut command = home.berth(&server.address.to_string(), form);
            command.env("BERTH_TOKEN", &token);
            command.stdin(File::open(&input).unwrap());
            let (code, out, err) = outcome(&mut command);
            assert_eq!(code, Some(2), "{err}");
            assert!(!(out.clone() + &err).contains(&token[16..]), "{out}{err}");
            assert!((out.clone() + &err).contains("berth login"), "{out}{err}");
            // What is no token is a message, and the rest of the script goes on.
            assert!(out.contains("a.txt"), "{out}");
        }
    }
    let mut command = home.berth(&open.address.to_string(), "--json send auth");
    let (code, out, err) = outcome(command.arg(&token));
    assert_eq!(code, Some(2), "{err}");
    assert!(!(out + &err).contains(&token[16..]));
    let status = open.client("Client04").lines("status");
    assert!(!status.concat().contains(&token[16..]));
    let log = guarded.log();
    assert!(!log.contains(&token[16..]), "{log}");
}

#[test]
fn a_token_of_the_environment_is_written_down_nowhere() {
    let (guard, home) = (Guard::new(), Home::new());
    let token = guard.add("alice --rights list,echo");
    let server = guard.setup().start();
    let mut command = home.berth(&server.address.to_string(), "");
    command.env("BERTH_TOKEN", &token);
    let mut session = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = session.stdin.take().unwrap();
    let mut output = BufReader::new(session.stdout.take().unwrap());
    input.write_all(b"hello\n").unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "hello ACK\n");
    // While the session goes on, what every user can see of it, and what it has started.
    let about = |file: &str| fs::read(format!("/proc/{}/{file}", session.id())).unwrap();
    for file in ["cmdline", "comm", "status"] {
        let about = String::from_utf8(about(file)).unwrap();
        assert!(!about.contains(&token[16..]), "{file}: {about}");
    }
    let tasks = fs::read_dir(format!("/proc/{}/task", session.id())).unwrap();
    for task in tasks {
        let children = task.unwrap().path().join("children");
        let children = fs::read_to_string(children).unwrap_or_default();
        assert_eq!(children, "", "nothing inherits the environment");
    }
    drop(input);
    assert_eq!(session.wait().unwrap().code(), Some(0));
    let berthd = env!("CARGO_BIN_EXE_berthd");
    for (program, words) in [
        (env!("CARGO_BIN_EXE_berth"), "--help"),
        (env!("CARGO_BIN_EXE_berth"), "login --help"),
        (env!("CARGO_BIN_EXE_berth"), "get --no-such-option"),
        (berthd, "--help"),
        (berthd, "token add --help"),
    ] {
        let mut command = Command::new(program);
        command.args(words.split(' ')).env("BERTH_TOKEN", &token);
        let (_, out, err) = outcome(&mut command);
        assert!(!(out + &err).contains(&token[16..]), "{program} {words}");
    }
    for word in [&token[16..], &token[7..15]] {
        assert!(!server.log().contains(word), "{}", server.log());
    }
}

#[test]
fn a_tokens_file_of_another_user_is_not_used_and_the_cure_is_told() {
    let (guard, home) = (Guard::new(), Home::new());
    let token = guard.add("alice --rights list");
    let server = guard.setup().start();
    home.login(&server, &token);
    if std::os::unix::fs::chown(home.tokens(), Some(1), None).is_err() {
        return skip("only root can give a file away", "run as root");
    }
    let (code, _, err) = home.run(&server, "list");
    assert_eq!(code, Some(77), "{err}");
    let cure = format!("sudo chown \"$(id -un)\" '{}'", home.tokens().display());
    assert!(err.contains(&cure), "{err}");
}

#[test]
fn a_token_that_is_revoked_ends_the_session_of_berth_and_is_not_tried_again() {
    let (guard, home) = (Guard::new(), Home::new());
    let token = guard.add("alice --rights list,echo");
    let other = guard.add("bob --rights echo");
    let server = guard.setup().start();
    home.login(&server, &token);
    let mut session = home
        .berth(&server.address.to_string(), "--wait 1m")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = session.stdin.take().unwrap();
    let mut output = BufReader::new(session.stdout.take().unwrap());
    input.write_all(b"hello\n").unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let mut stays = inside(&server, &other);
    guard.token("revoke alice");
    reload(&server, "tokens read again", &mut stays);
    let _ = input.write_all(b"again\n");
    drop(input);
    let ended = session.wait_with_output().unwrap();
    let err = String::from_utf8(ended.stderr).unwrap();
    assert!(err.contains("token revoked"), "{err}");
    assert_eq!(ended.status.code(), Some(18), "{err}");
    assert_eq!(stays.ask("still"), "still ACK");
    let (code, _, err) = home.run(&server, "list --wait 1m");
    assert_eq!(code, Some(67), "{err}");
    assert!(err.contains("not let in"), "{err}");
}

#[test]
fn a_token_with_the_pin_of_its_server_is_all_that_a_person_needs() {
    let (guard, home) = (Guard::new(), Home::new());
    let (certificate, key, pin) = keys(&home, "keys");
    let token = guard.add(&format!("alice --pin-from {certificate}"));
    assert!(token.ends_with(&format!("-{pin}")), "{token}");
    let server = guard
        .tls_setup(&certificate, &key)
        .file("notes.txt", b"abc")
        .start();
    let address = server.tls.unwrap().to_string();
    let input = home.0.path().join("input");
    fs::write(&input, format!("{token}\n")).unwrap();
    let mut login = home.berth(&address, "login");
    let (code, _, err) = outcome(login.stdin(File::open(&input).unwrap()));
    assert_eq!(code, Some(0), "{err}");
    let (code, out, err) = outcome(&mut home.berth(&address, "get notes.txt -o -"));
    assert_eq!((code, out.as_str()), (Some(0), "abc"), "{err}");
    // No token is made for a server that is not there.
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    command.args(["token", "add", "bob", "--pin-from", "missing", "--tokens"]);
    let (code, out, err) = outcome(command.arg(guard.file()));
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("'missing'"), "{err}");
    let kept = fs::read_to_string(guard.file()).unwrap();
    assert!(!kept.contains("bob") && !kept.contains(&pin), "{kept}");
}
