//! What the journal says of connections at a TLS listener.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::peer::{Keys, connect, tls_address};
use crate::support::{Server, outcome, skip};

/// Every record of a server that has stopped.
fn records(mut server: Server, journal: &Path) -> Vec<Value> {
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let text = fs::read_to_string(journal).expect("the journal is there");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("each line is a record"))
        .collect()
}

/// The records of those that were refused, and how many they were for this reason.
fn refused(records: &[Value], reason: &str) -> (Vec<Value>, u64) {
    let refused = records.iter().filter(|each| each["event"] == "refused");
    let refused: Vec<Value> = refused.cloned().collect();
    let of_reason = refused.iter().filter(|each| each["reason"] == reason);
    let counts = of_reason.map(|each| each["count"].as_u64().expect("it is a number"));
    let sum = counts.sum();
    (refused, sum)
}

fn serve(keys: &Keys) -> (Server, TempDir) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let journal = folder.path().join("journal");
    let server = keys.serve(|setup| setup.with(&format!("--journal {}", journal.display())));
    (server, folder)
}

#[test]
fn an_encrypted_connection_is_recorded_as_one() {
    let keys = Keys::new();
    let (server, folder) = serve(&keys);
    let _encrypted = keys.client(&server, "Client01");
    let _plain = server.client("Client02");
    let connected = records(server, &folder.path().join("journal"));
    let connected = connected.iter().filter(|each| each["event"] == "connected");
    let tls: Vec<&Value> = connected.map(|each| &each["tls"]).collect();
    assert_eq!(tls, [&Value::from("1.3"), &Value::Null]);
}

#[test]
fn who_speaks_no_tls_or_fails_its_handshake_is_counted_by_address_and_second() {
    let keys = Keys::new();
    let (server, folder) = serve(&keys);
    let journal = folder.path().join("journal");
    // Another protocol, and what only begins like a handshake.
    for bytes in [&b"list\n"[..], b"\x16is this a handshake\n"] {
        for _ in 0..20 {
            let mut stream = connect(tls_address(&server));
            stream.write_all(bytes).expect("it is taken");
            std::io::copy(&mut stream, &mut std::io::sink()).expect("the end comes");
        }
    }
    // A client that does not trust the certificate says so with an alert.
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-quiet", "-verify_return_error", "-connect"]);
    openssl.arg(tls_address(&server).to_string());
    let has_openssl = Command::new("openssl").arg("version").output().is_ok();
    let distrusts = u64::from(has_openssl);
    if has_openssl {
        let (code, _, err) = outcome(&mut openssl);
        assert_ne!(code, Some(0), "{err}");
    } else {
        skip(
            "no openssl here to distrust the certificate",
            "apt-get install openssl",
        );
    }
    // No berth and no name was spent on them.
    let _first = keys.client(&server, "Client01");
    let (refused, sum) = refused(&records(server, &journal), "tls");
    assert_eq!(sum, 40 + distrusts, "{refused:?}");
    assert!(refused.len() < 20, "{refused:?}");
    let is_one = |each: &Value| each["address"] == "127.0.0.1" && each["reason"] == "tls";
    assert!(refused.iter().all(is_one), "{refused:?}");
    let shown = Command::new(env!("CARGO_BIN_EXE_berthd"))
        .args(["journal", "--reason", "tls"])
        .arg(&journal)
        .output()
        .expect("the program was built");
    let shown = String::from_utf8(shown.stdout).expect("it is text");
    assert!(
        shown.contains("TURNED AWAY") && shown.contains("tls"),
        "{shown}"
    );
}

#[test]
fn who_ends_no_handshake_in_time_is_recorded_as_late_and_who_goes_by_itself_is_not() {
    let keys = Keys::new();
    let (server, folder) = serve(&keys);
    let journal = folder.path().join("journal");
    drop(connect(tls_address(&server)));
    let mut silent = connect(tls_address(&server));
    let mut begun = connect(tls_address(&server));
    begun.write_all(b"\x16\x03\x01\x02").expect("it is taken");
    for waiting in [&mut silent, &mut begun] {
        std::io::copy(waiting, &mut std::io::sink()).expect("the end comes");
    }
    let (refused, sum) = refused(&records(server, &journal), "late");
    assert_eq!(sum, 2, "{refused:?}");
    assert!(
        refused.iter().all(|each| each["reason"] == "late"),
        "{refused:?}"
    );
}
