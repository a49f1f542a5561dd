//! Records that no honest client makes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustls::crypto::cipher::{
    InboundOpaqueMessage, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundPlainMessage,
};
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::{ConnectionTrafficSecrets, ContentType, ProtocolVersion};

use crate::peer::{End, Keys, TlsPeer};
use crate::support::{PATIENCE, Peer};

/// A client's end that makes each record by hand.
struct ByHand {
    input: BufReader<TcpStream>,
    encrypter: Box<dyn MessageEncrypter>,
    decrypter: Box<dyn MessageDecrypter>,
    sent: u64,
    received: u64,
    /// What was opened and not read.
    plain: Vec<u8>,
}

impl ByHand {
    fn new(peer: TlsPeer) -> Self {
        let (stream, secrets) = peer.into_parts();
        let suite = TLS13_AES_128_GCM_SHA256.tls13().expect("it is one of them");
        let keys = |secrets| match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (key, iv),
            _ => panic!("the server prefers AES-128"),
        };
        let ((sent, tx), (received, rx)) = (secrets.tx, secrets.rx);
        let ((key, iv), (rx_key, rx_iv)) = (keys(tx), keys(rx));
        Self {
            input: BufReader::new(stream),
            encrypter: suite.aead_alg.encrypter(key, iv),
            decrypter: suite.aead_alg.decrypter(rx_key, rx_iv),
            sent,
            received,
            plain: Vec::new(),
        }
    }

    /// One record with these bytes in it, which may be none.
    fn record(&mut self, plain: &[u8]) -> Vec<u8> {
        let message = OutboundPlainMessage {
            typ: ContentType::ApplicationData,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::from(plain),
        };
        let sealed = self.encrypter.encrypt(message, self.sent);
        self.sent += 1;
        sealed.expect("it is short").encode()
    }

    fn send(&mut self, records: &[u8]) {
        let mut stream = self.input.get_ref();
        stream.write_all(records).expect("the server reads it");
    }

    /// Reads one line, its LF included.
    fn line(&mut self) -> String {
        loop {
            let mut plain = &self.plain[..];
            let mut line = Vec::new();
            plain.read_until(b'\n', &mut line).expect("it is memory");
            if line.ends_with(b"\n") {
                self.plain.drain(..line.len());
                return String::from_utf8(line).expect("it is text");
            }
            let mut head = [0; 5];
            self.input.read_exact(&mut head).expect("a record comes");
            assert_eq!(head[0], 0x17, "an encrypted one");
            let len = usize::from(u16::from_be_bytes([head[3], head[4]]));
            let mut sealed = vec![0; len];
            self.input.read_exact(&mut sealed).expect("it is whole");
            let message = InboundOpaqueMessage::new(
                ContentType::ApplicationData,
                ProtocolVersion::TLSv1_2,
                &mut sealed,
            );
            let opened = self.decrypter.decrypt(message, self.received);
            self.received += 1;
            let opened = opened.expect("the server has the same keys");
            assert_eq!(opened.typ, ContentType::ApplicationData);
            self.plain.extend_from_slice(opened.payload);
        }
    }
}

#[test]
fn ten_thousand_empty_records_are_no_request_and_keep_nobody_waiting() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let mut other = server.client("Client01");
    let mut peer = ByHand::new(keys.client(&server, "Client02"));
    let mut records = peer.record(b"one\ntwo\nthree\n");
    for byte in b"4\n\n" {
        records.extend(peer.record(&[*byte]));
    }
    for n in 0..400 {
        // rustls lets no more than 32 follow one another.
        (0..25).for_each(|_| records.extend(peer.record(b"")));
        records.extend(peer.record(format!("{n}\n").as_bytes()));
    }
    peer.send(&records);
    let mut slowest = Duration::ZERO;
    for _ in 0..100 {
        let asked = Instant::now();
        other.echo();
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "an echo took {slowest:?}");
    let first = ["one", "two", "three", "4", ""].map(str::to_owned);
    let rest = (0..400).map(|n| n.to_string());
    for word in first.into_iter().chain(rest) {
        assert_eq!(peer.line(), format!("{word} ACK\n"));
    }
    // With all of them read, the loop sleeps.
    let before = server.sleeps();
    let quiet = Some(Duration::from_millis(300));
    let stream = peer.input.get_ref();
    stream.set_read_timeout(quiet).expect("it is not zero");
    peer.input.read(&mut [0]).expect_err("nothing comes");
    assert!(server.sleeps() - before <= 2, "the loop sleeps");
}

#[test]
fn too_many_empty_records_in_a_row_end_only_that_session() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let mut other = server.client("Client01");
    let mut peer = ByHand::new(keys.client(&server, "Client02"));
    let mut records = Vec::new();
    (0..10_000).for_each(|_| records.extend(peer.record(b"")));
    records.extend(peer.record(b"hello\n"));
    peer.send(&records);
    let mut rest = Vec::new();
    peer.input
        .read_to_end(&mut rest)
        .expect("the end comes, and no reset");
    assert_eq!((rest[0], rest.len()), (0x17, 24), "one alert, encrypted");
    other.echo();
    let lines = other.lines("status");
    let line = lines.iter().find(|line| line.starts_with("Client02"));
    assert!(
        line.is_some_and(|line| line.ends_with(" reset")),
        "{lines:?}"
    );
}

#[test]
fn a_flipped_bit_during_a_download_ends_that_session_alone() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup.sparse("big", 64 << 20).with("--max-clients 2"));
    let mut other = server.client("Client01");
    // On its way to the server.
    let mut peer = keys.client(&server, "Client02");
    assert_eq!(peer.ask("get big"), "START 67108864\n");
    let mut record = peer.sealed("hello\n");
    *record.last_mut().expect("it is long") ^= 1;
    peer.raw(record);
    let (came, end) = peer.rest();
    assert_eq!(end, End::Broken, "an alert");
    assert!(came.len() == (64 << 20) + 4, "{} bytes came", came.len());
    // On its way to the client, which says what it thinks of that and leaves.
    let mut peer = loop {
        let mut peer = keys.connect(&server);
        let line = peer.line();
        if line == "Welcome Client03\n" {
            break peer;
        }
        assert_eq!(line, "Server full, try later\n");
        other.echo();
    };
    assert_eq!(peer.ask("get big"), "START 67108864\n");
    let mut raw = [0; 20_000];
    peer.stream().read_exact(&mut raw).expect("it goes on");
    raw[10_000] ^= 1;
    let mut rest = &raw[..];
    let broken = loop {
        peer.tls().read_tls(&mut rest).expect("there is room");
        match peer.tls().process_new_packets() {
            Err(error) => break error,
            Ok(_) => drop(peer.read(0)),
        }
        assert!(!rest.is_empty(), "the flipped bit is noticed");
    };
    assert_eq!(broken, rustls::Error::DecryptError);
    let alert = peer.output();
    peer.raw(alert);
    drop(peer);
    let start = Instant::now();
    while !server.connect_and(Peer::text).starts_with("Welcome") {
        assert!(start.elapsed() < PATIENCE, "the berth is free");
        other.echo();
    }
    let lines = other.lines("status");
    for name in ["Client02", "Client03"] {
        let line = lines.iter().find(|line| line.starts_with(name));
        let is_reset = line.is_some_and(|line| line.ends_with(" reset"));
        assert!(is_reset, "{lines:?}");
    }
}
