//! Who comes through the door, and who does not.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::peer::{End, Keys, connect, tls_address};
use crate::support::{Server, outcome, skip};

const SPEAKS_TLS: &[u8] = b"ERR this port speaks TLS\n";

/// All that comes, up to an end that is no reset.
fn all(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream
        .read_to_end(&mut bytes)
        .expect("the end comes, and no reset");
    bytes
}

/// What `status` says of this client.
fn reason(server: &Server, name: &str) -> String {
    let lines = server.client("Client03").lines("status");
    let line = lines.iter().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("{lines:?}")).clone()
}

#[test]
fn plain_text_at_a_tls_port_is_answered_in_plain_text() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let requests: [&[u8]; 4] = [
        b"list\n",
        b"\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[b'.'; 300_000],
    ];
    for request in requests {
        let mut stream = connect(tls_address(&server));
        stream.write_all(request).expect("it is taken");
        assert_eq!(all(&stream), SPEAKS_TLS, "{} bytes", request.len());
    }
    server.client("Client01").echo();
}

#[test]
fn bytes_that_only_begin_like_tls_are_answered_with_an_alert() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    for raw in [
        &b"\x16\x03\x01\x00\x05\xff\xff\xff\xff\xff and more"[..],
        b"\x16is this a handshake\n",
        &[0x16; 100_000],
    ] {
        let mut stream = connect(tls_address(&server));
        stream.write_all(raw).expect("it is taken");
        let came = all(&stream);
        assert_eq!(
            (came.len(), came[0], came[5]),
            (7, 0x15, 2),
            "a fatal alert"
        );
    }
    server.client("Client01").echo();
}

#[test]
fn whoever_has_not_arrived_in_time_is_closed_however_it_spent_the_time() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let start = Instant::now();
    let mut other = server.client("Client01");
    // Beside it somebody is served all the while.
    let echoes = thread::spawn(move || {
        let mut took = Vec::new();
        while start.elapsed() < Duration::from_secs(9) {
            let asked = Instant::now();
            other.echo();
            took.push(asked.elapsed());
        }
        took.sort_unstable();
        took[took.len() * 99 / 100]
    });
    let silent = connect(tls_address(&server));
    let mut hello = keys.peer(&server);
    let bytes = hello.output();
    hello.raw(&bytes[..bytes.len() - 1]);
    let mut slow = keys.peer(&server);
    let bytes = slow.output();
    let pace = Some(Duration::from_millis(200));
    slow.stream()
        .set_read_timeout(pace)
        .expect("it is not zero");
    let mut left = bytes.iter();
    // A byte now and then sets no clock back.
    let end = loop {
        match slow.stream().read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let byte = left.next().expect("it ends before all is sent");
                slow.raw([*byte]);
            }
            end => break end,
        }
    };
    let late = start.elapsed();
    assert_eq!(all(&silent), SPEAKS_TLS, "nothing of TLS has begun");
    assert_eq!(all(hello.stream()), b"", "TLS has begun");
    assert_eq!(end.ok(), Some(0), "TLS has begun");
    let due = Duration::from_secs(10)..Duration::from_secs(13);
    assert!(due.contains(&late), "{late:?} after it came");
    let slow = echoes.join().expect("it is answered");
    // Far above what is promised, for machines that do other work beside.
    assert!(slow < Duration::from_millis(100), "an echo took {slow:?}");
    server.client("Client02").echo();
}

#[test]
fn when_all_berths_are_taken_the_line_that_says_so_is_encrypted() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup.with("--max-clients 1"));
    let mut inside = keys.client(&server, "Client01");
    for early in [&b""[..], b"list\nexit\n"] {
        let mut refused = keys.connect(&server);
        refused.send(early);
        let (told, end) = refused.rest();
        assert_eq!(told, b"Server full, try later\n");
        assert_eq!(end, End::Said);
    }
    assert_eq!(inside.ask("exit"), "Goodbye Client01\n");
    assert_eq!(inside.rest(), (Vec::new(), End::Said));
    keys.client(&server, "Client02");
}

#[test]
fn a_handshake_with_a_flipped_bit_takes_no_berth_and_no_name() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let mut peer = keys.peer(&server);
    let hello = peer.output();
    peer.raw(hello);
    while peer.tls().is_handshaking() {
        assert!(peer.fetch().is_none());
    }
    let mut finish = peer.output();
    *finish.last_mut().expect("it is long") ^= 1;
    peer.raw(finish);
    let (told, end) = peer.rest();
    assert_eq!(
        (told, end),
        (Vec::new(), End::Broken),
        "an alert, and no reset"
    );
    keys.client(&server, "Client01");
}

#[test]
fn a_record_with_a_flipped_bit_ends_the_session_with_an_alert() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup.with("--max-clients 2").file("a", b"0123456789"));
    let mut peer = keys.client(&server, "Client01");
    assert_eq!(peer.ask("stat a").split(' ').next(), Some("STAT"));
    let mut record = peer.sealed("get a\n");
    *record.last_mut().expect("it is long") ^= 1;
    // What is behind it is not read, and destroys no alert.
    record.extend([b'.'; 100_000]);
    peer.raw(record);
    let mut came = Vec::new();
    peer.stream().read_to_end(&mut came).expect("no reset");
    assert_eq!(came[0], 0x17, "an encrypted record");
    let fed = peer.tls().read_tls(&mut &came[..]);
    fed.expect("there is room");
    let error = peer
        .tls()
        .process_new_packets()
        .expect_err("it is an alert");
    assert!(error.to_string().contains("BadRecordMac"), "{error}");
    let mut second = keys.client(&server, "Client02");
    second.send("exit\n");
    assert!(reason(&server, "Client01").ends_with(" reset"));
}

#[test]
fn a_client_that_names_another_protocol_is_refused() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let mut command = std::process::Command::new("openssl");
    let address = tls_address(&server).to_string();
    command.args(["s_client", "-alpn", "h2", "-connect", &address]);
    command.stdin(std::process::Stdio::null());
    if command.output().is_err() {
        return skip("there is no openssl here", "apt-get install openssl");
    }
    let (_, _, err) = outcome(&mut command);
    assert!(err.contains("no application protocol"), "{err}");
    keys.client(&server, "Client01");
}
