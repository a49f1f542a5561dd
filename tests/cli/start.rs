//! From the command line to the welcome.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use socket2::{Domain, Socket, Type};

use crate::program::{Folder, finish};
use crate::server::{Peer, Server};
use crate::support::outcome;

#[test]
fn help_and_version_are_printed_in_full() {
    let folder = Folder::new();
    for (option, word) in [("--help", "Exit codes, which"), ("--version", "berth 0.")] {
        let ended = finish(folder.berth().arg(option).spawn().unwrap(), b"");
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{option}");
        assert!(ended.stdout.contains(word), "{option}: {}", ended.stdout);
    }
}

#[test]
fn help_into_a_closed_pipe_is_quiet() {
    let folder = Folder::new();
    let mut command = folder.berth();
    let mut child = command.arg("--help").spawn().unwrap();
    drop(child.stdout.take());
    let ended = finish(child, b"");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

#[cfg(target_os = "linux")]
#[test]
fn help_onto_a_full_disk_is_an_error_of_either_program() {
    let folder = Folder::new();
    for option in ["--help", "--version"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = folder.berth();
        command.arg(option).stdout(full.try_clone().unwrap());
        let ended = finish(command.spawn().unwrap(), b"");
        let told = "cannot write to standard output: No space left on device (os error 28)\n";
        assert_eq!((ended.code, ended.stderr), (23, format!("berth: {told}")));
        let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
        let (code, _, stderr) = outcome(command.arg(option).stdout(full));
        assert_eq!((code, stderr), (Some(1), format!("berthd: {told}")));
    }
}

#[test]
fn a_mistake_on_the_command_line_is_one_line_and_2() {
    let folder = Folder::new();
    for arguments in [
        &["--nope"][..],
        &["word"],
        &["--server"],
        &["--server", "a:b:1"],
        &["--server", ""],
        &["--server", "host:0"],
        &["--server", "a\n\nb\x1b[2J"],
    ] {
        let ended = finish(folder.berth().args(arguments).spawn().unwrap(), b"");
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        assert!(ended.stderr.starts_with("berth: "), "{}", ended.stderr);
        assert!(ended.stderr.ends_with("; try 'berth --help'\n"));
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(!ended.stderr.contains('\x1b'));
    }
}

#[test]
fn the_environment_names_the_server_unless_the_command_line_does() {
    let folder = Folder::new();
    let server = Server::polite(|peer| {
        peer.expect(b"hello");
        peer.say(b"hello ACK\n");
        peer.expect_exit();
    });
    let mut command = folder.berth();
    command.env("BERTH_SERVER", server.address.to_string());
    let ended = finish(command.spawn().unwrap(), b"hello\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "hello ACK\n"));
    server.join();

    let server = Server::polite(Peer::expect_exit);
    let mut command = folder.berth_at(server.address);
    command.env("BERTH_SERVER", "127.0.0.1:1");
    assert_eq!(finish(command.spawn().unwrap(), b"").code, 0);
    server.join();
}

#[test]
fn a_host_name_is_tried_at_every_address() {
    // Where localhost is [::1] first, nobody listens there.
    let server = Server::polite(Peer::expect_exit);
    let name = format!("localhost:{}", server.address.port());
    let folder = Folder::new();
    let mut command = folder.berth();
    command.args(["--server", &name]);
    let ended = finish(command.spawn().unwrap(), b"");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    server.join();
}

#[test]
fn a_server_is_found_by_every_way_to_write_it() {
    let server = Server::polite_each(vec![
        Box::new(Peer::expect_exit),
        Box::new(Peer::expect_exit),
    ]);
    let port = server.address.port();
    for name in [format!("localhost:{port}"), format!("127.1:{port}")] {
        let folder = Folder::new();
        let mut command = folder.berth();
        command.args(["--server", &name]);
        let ended = finish(command.spawn().unwrap(), b"");
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{name}");
    }
    server.join();
    // Without a port it is looked for at the usual one.
    let folder = Folder::new();
    let mut command = folder.berth();
    command.args(["--server", "::1%no-such", "list"]);
    let ended = finish(command.spawn().unwrap(), b"");
    assert_eq!(ended.code, 7, "{}", ended.stderr);
    let told = "cannot connect to [::1%no-such]:23784: ";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

#[test]
fn where_nobody_listens_the_code_is_7() {
    // Bound but not listening: the port is taken, and whoever connects is refused.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any_port: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any_port.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let ended = Folder::new().script(address, b"status\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (7, ""));
    assert!(
        ended
            .stderr
            .contains(&format!("cannot connect to {address}"))
    );
    assert!(ended.stderr.contains("is berthd running there?"));
}

#[test]
fn a_refusal_at_the_door_is_shown_and_75() {
    for refusal in [
        "Server full, try later",
        "Too many clients from your address, try later",
    ] {
        let server = Server::mute(move |peer| peer.say(format!("{refusal}\n").as_bytes()));
        let ended = Folder::new().script(server.address, b"status\n");
        assert_eq!((ended.code, ended.stdout.as_str()), (75, ""));
        assert_eq!(
            ended.stderr,
            format!("berth: {refusal}; 'berth --wait 5m' waits for a berth\n")
        );
        server.join();
    }
}

#[test]
fn a_greeting_that_is_no_berthds_is_65_and_shown_harmless() {
    for greeting in [
        &b"SSH-2.0-OpenSSH_9.9\r\n"[..],
        b"Welcome \n",
        b"\n",
        b"\x1b[2J\xff\n",
        &[b'x'; 70_000],
    ] {
        let server = Server::mute(|peer| peer.say(greeting));
        let ended = Folder::new().script(server.address, b"status\n");
        assert_eq!((ended.code, ended.stdout.as_str()), (65, ""));
        assert!(
            ended.stderr.contains("broke the protocol"),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains('\x1b'));
        server.join();
    }
}

#[test]
fn a_server_that_closes_before_it_greets_is_18() {
    for (beginning, shown) in [
        (&b""[..], "the server closed the connection;"),
        (b"Welcome Cli", "in the middle of a line, 'Welcome Cli';"),
        (b"Full\x1b[2J", "in the middle of a line, 'Full\\u{1b}[2J';"),
    ] {
        let server = Server::mute(move |peer| peer.say(beginning));
        let ended = Folder::new().script(server.address, b"status\n");
        assert_eq!((ended.code, ended.stdout.as_str()), (18, ""));
        assert!(ended.stderr.contains(shown), "{}", ended.stderr);
        server.join();
    }
}

#[test]
fn closed_standard_streams_do_no_harm() {
    let server = Server::polite(Peer::expect_exit);
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdout = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(stdout, "");
    server.join();
}

#[test]
fn a_variable_that_is_empty_is_not_set() {
    let empty = |command: &mut Command| {
        for name in [
            "SERVER",
            "REPO",
            "LISTEN",
            "MAX_CLIENTS",
            "MAX_PER_IP",
            "JOURNAL",
            "IDLE_TIMEOUT",
            "STALL_TIMEOUT",
            "DRAIN_TIMEOUT",
            "UNFRAMED",
            "TRACE",
            "TRACE_LIMIT",
            "SLOW_TURN",
            "USER",
            "SANDBOX",
            "LOG",
        ] {
            command.env(format!("BERTH_{name}"), "");
        }
    };
    let folder = Folder::new();
    let server = Server::polite(Peer::expect_exit);
    let mut command = folder.berth_at(server.address);
    empty(&mut command);
    let ended = finish(command.spawn().unwrap(), b"");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    server.join();
    // Without --server it is the usual one that is looked for, and an address is not missing.
    let mut command = folder.berth();
    empty(&mut command);
    let ended = finish(command.arg("--nope").spawn().unwrap(), b"");
    assert!(ended.stderr.contains("--nope"), "{}", ended.stderr);
    // What is wrong is the folder that is not there, and no variable.
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    empty(&mut command);
    let (code, _, stderr) = outcome(command.current_dir(folder.path(".")));
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("the folder 'repo'"), "{stderr}");
}
