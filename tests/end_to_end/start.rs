//! A start that works says where; one that cannot says why, in one line, and binds nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Mode, OFlags, mkfifoat, open};

use crate::support::{Server, Setup, outcome, skip};

#[test]
fn the_line_names_the_port_that_was_chosen() {
    let server = Server::start();
    assert_ne!(server.address.port(), 0);
    server.client("Client01").echo();
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound");
    let reason = Setup::new().with(&format!("--listen {address}")).refusal();
    assert!(
        reason.contains(&format!("cannot listen on {address}: ")),
        "{reason}"
    );
}

#[test]
fn a_folder_that_is_missing_or_none_is_named() {
    let setup = Setup::new().file("file", b"");
    for bad in ["missing", "file", "missing/\x1b[2J"] {
        let path = setup.repo().join(bad);
        let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
        let (code, out, err) = outcome(command.arg("--repo").arg(&path).args(["--log", "off"]));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(
            err.starts_with("berthd: cannot serve the folder '"),
            "{err}"
        );
        assert!(err.ends_with("; say which with --repo DIR\n"), "{err}");
        assert!(err.lines().count() == 1 && !err.contains('\x1b'), "{err}");
    }
}

#[test]
fn a_folder_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    if rustix::process::geteuid().is_root() {
        // Root may read everything, so it can only be shown that an ordinary user is told.
        return;
    }
    let setup = Setup::new();
    fs::set_permissions(setup.repo(), fs::Permissions::from_mode(0o000)).expect("it is ours");
    assert!(setup.refusal().contains("Permission denied"));
}

#[test]
fn bad_values_are_named() {
    let table = [
        ("--max-clients 0", "--max-clients"),
        ("--max-clients many", "--max-clients"),
        ("--idle-timeout soon", "--idle-timeout"),
        ("--stall-timeout 0s", "keep its berth"),
        ("--drain-timeout=-1s", "--drain-timeout"),
        ("--idle-timeout 9999999999y", "--idle-timeout"),
        ("--listen nowhere.invalid", "on nowhere.invalid:23784: "),
        ("--listen :23784", "[::]:23784 for all"),
        ("--listen ::1:99999", "stands in brackets"),
        ("--listen http://localhost", "that is a URL"),
        ("--listen [fe80::1%none]:0", "on [fe80::1%none]:0: "),
        ("--log loud", "one of off, error"),
        ("--sandbox perhaps", "one of auto, require, off"),
        ("--user nobody-of-this-name", "there is no user"),
        (
            "--trace /nowhere/trace",
            "cannot write the trace '/nowhere/trace': ",
        ),
        ("--trace /dev/null", "not a regular file but a device"),
        ("--journal /dev/null", "not a regular file but a device"),
        ("--journal /tmp", "not a regular file but a folder"),
        ("--trace-limit 1KiB", "from 64KiB on"),
        ("--trace-limit 64miles", "from 64KiB on"),
        ("--slow-turn soon", "--slow-turn"),
        ("--no-such-flag", "--no-such-flag"),
        ("stray", "stray"),
    ];
    for (arguments, named) in table {
        let reason = Setup::new().with(arguments).refusal();
        assert!(reason.contains(named), "{arguments}: {reason}");
    }
}

#[test]
fn too_low_a_limit_on_open_files_is_told_before_anything_is_bound() {
    let reason = Setup::new().after("ulimit -n 64").refusal();
    assert!(reason.contains("64 are allowed"), "{reason}");
}

#[test]
fn the_soft_limit_on_open_files_is_raised_to_what_the_cap_needs() {
    let server = Setup::new()
        .with("--max-clients 100")
        .after("ulimit -Sn 64")
        .start();
    let peers: Vec<_> = (0..100).map(|_| server.connect()).collect();
    assert!(
        peers
            .into_iter()
            .all(|mut peer| peer.text().starts_with("Welcome"))
    );
}

#[test]
fn every_flag_has_an_environment_variable() {
    let (_, help, _) = outcome(Command::new(env!("CARGO_BIN_EXE_berthd")).arg("--help"));
    for flag in [
        "repo",
        "listen",
        "max-clients",
        "idle-timeout",
        "stall-timeout",
        "drain-timeout",
        "journal",
        "max-per-ip",
        "user",
        "sandbox",
        "log",
    ] {
        let variable = format!("BERTH_{}", flag.to_uppercase().replace('-', "_"));
        assert!(help.contains(&format!("--{flag} ")), "{flag}");
        assert!(help.contains(&format!("[env: {variable}=")), "{variable}");
    }
    let setup = Setup::new();
    let (code, _, err) = outcome(setup.command().env("BERTH_MAX_CLIENTS", "none"));
    assert_eq!(code, Some(2));
    assert!(err.contains("--max-clients"), "{err}");
}

#[test]
fn version_and_help_are_answers_and_no_errors() {
    let berthd = || Command::new(env!("CARGO_BIN_EXE_berthd"));
    let (code, out, err) = outcome(berthd().arg("--version"));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(out, format!("berthd {}\n", env!("CARGO_PKG_VERSION")));
    let (code, out, err) = outcome(berthd().arg("--help"));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
}

#[test]
fn more_than_one_address_and_both_families_are_served_by_one_server() {
    let setup = Setup::new().with("--listen [::]:0 --log error");
    let mut process = setup.command().spawn().expect("the server was built");
    let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    for number in 1..=2 {
        let line = lines
            .next()
            .expect("a line an address")
            .expect("it is text");
        let port = line
            .rsplit(':')
            .next()
            .expect("it ends in a port")
            .to_owned();
        let mut client = crate::support::Peer::new(
            TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens"),
        );
        client.expect(format!("Welcome Client0{number}\n"));
        let status = client.lines("status");
        assert!(
            status[number].contains(" 127.0.0.1:"),
            "shown as IPv4: {status:?}"
        );
    }
    process.kill().expect("it is our child");
    process.wait().expect("it is our child");
}

#[test]
fn a_trace_takes_no_other_files_place() {
    let setup = Setup::new();
    let notes = setup.repo().with_file_name("notes");
    fs::write(&notes, "dear diary\n").expect("it can be written");
    let setup = setup.with(&format!("--trace {}", notes.display()));
    let err = setup.refusal();
    assert!(err.contains("it is there and is no trace"), "{err}");
    assert_eq!(
        fs::read_to_string(&notes).expect("it is there"),
        "dear diary\n"
    );
}

#[test]
fn a_fifo_is_no_place_for_a_journal_or_a_trace_whether_or_not_somebody_reads_it() {
    for flag in ["--journal", "--trace"] {
        let setup = Setup::new();
        let fifo = setup.repo().with_file_name("fifo");
        mkfifoat(CWD, &fifo, Mode::from(0o600)).expect("the place is free");
        let setup = setup.with(&format!("{flag} {}", fifo.display()));
        let told = "not a regular file but a FIFO";
        assert!(setup.refusal().contains(told));
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let _reader = open(&fifo, flags, Mode::empty()).expect("it is there");
        assert!(setup.refusal().contains(told));
    }
}

#[test]
fn a_trace_and_a_journal_are_two_files() {
    let setup = Setup::new();
    let one = setup.repo().with_file_name("one");
    let both = format!("--trace {0} --journal {0}", one.display());
    let err = setup.with(&both).refusal();
    assert!(err.contains("it is written already"), "{err}");
}

#[test]
fn a_trace_that_would_be_handed_out_is_warned_of() {
    for (place, warned) in [("repo/trace", true), ("trace", false)] {
        let setup = Setup::new();
        let trace = setup.repo().with_file_name(place);
        let server = setup.with(&format!("--trace {}", trace.display())).start();
        let log = server.log();
        assert_eq!(log.contains("the trace is in the served"), warned, "{log}");
    }
}

#[test]
fn a_name_is_listened_on_with_one_port_at_all_its_addresses() {
    let setup = Setup::new().with("--listen localhost:0 --log error");
    let mut process = setup.command().spawn().expect("the server was built");
    let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    let mut address = || {
        let line = lines.next().expect("a line an address").expect("text");
        let address = line
            .strip_prefix("berthd listening on ")
            .expect("it listens");
        address.parse::<SocketAddr>().expect("an address")
    };
    let (_, named) = (address(), address());
    assert!(named.ip().is_loopback() && named.port() != 0, "{named}");
    let stream = TcpStream::connect(("localhost", named.port())).expect("it listens");
    crate::support::Peer::new(stream).expect("Welcome Client01\n");
    process.kill().expect("it is our child");
    process.wait().expect("it is our child");
}

/// In a network of its own, with an address that only an interface makes whole.
#[test]
fn a_link_local_address_is_listened_on_by_the_name_of_its_interface() {
    let script = "ip link set lo up && ip address add fe80::b/64 dev lo nodad &&
        exec \"$0\" --listen '[fe80::b%lo]:0' --log error --repo \"$1\"";
    let setup = Setup::new();
    let tried = Command::new("unshare")
        .args(["-rn", "ip", "-6", "address"])
        .output();
    if !tried.is_ok_and(|output| output.status.success()) {
        return skip(
            "no network namespace can be made here",
            "apt-get install iproute2 util-linux, and run as root",
        );
    }
    let mut command = Command::new("unshare");
    command.args(["-rn", "sh", "-c", script, env!("CARGO_BIN_EXE_berthd")]);
    command.arg(setup.repo()).stdout(Stdio::piped());
    let mut process = command.spawn().expect("it was there just now");
    let mut line = String::new();
    let stdout = process.stdout.take().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it is text");
    process.kill().expect("it is our child");
    process.wait().expect("it is our child");
    assert!(
        line.starts_with("berthd listening on [fe80::b%"),
        "{line:?}"
    );
}
