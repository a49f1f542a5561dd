//! Uploads over TLS: a refusal in the middle is read here too.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::peer::Keys;
use crate::support::outcome;

type Line = BufReader<StreamOwned<ServerConnection, TcpStream>>;

type Talk = Box<dyn FnOnce(&mut Line) + Send>;

const REFUSAL: &[u8] = b"ERR cannot write: f\n";

/// A server for one connection, which does what a test says.
fn server(
    keys: &Keys,
    talk: impl FnOnce(&mut Line) + Send + 'static,
) -> (SocketAddr, JoinHandle<()>) {
    let certificate = CertificateDer::from_pem_file(keys.certificate()).expect("it was made");
    let key = PrivateKeyDer::from_pem_file(keys.key()).expect("it was made");
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring has it")
        .with_no_client_auth();
    let mut config = config
        .with_single_cert(vec![certificate], key)
        .expect("they fit");
    config.alpn_protocols = vec![b"berth/1".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let served = thread::spawn(move || {
        let (socket, _) = listener.accept().expect("the client comes");
        let tls = ServerConnection::new(config).expect("the configuration is sound");
        let mut line = BufReader::new(StreamOwned::new(tls, socket));
        say(&mut line, b"Welcome Client01\n");
        talk(&mut line);
    });
    (address, served)
}

fn say(line: &mut Line, bytes: &[u8]) {
    let stream = line.get_mut();
    stream.write_all(bytes).expect("the client is there");
    stream.flush().expect("the client is there");
}

/// Takes the request of an upload, and so many bytes of the body.
fn begin(line: &mut Line, bytes: usize) {
    let mut request = String::new();
    line.read_line(&mut request).expect("a request comes");
    assert!(request.starts_with("put@"), "{request}");
    say(line, b"READY 0\n");
    let mut body = vec![0; bytes];
    line.read_exact(&mut body).expect("the body comes");
}

/// Uploads more than fits into what both sides have of a connection in memory.
fn put(keys: &Keys, address: SocketAddr) -> (Option<i32>, String, String) {
    let home = TempDir::new().expect("a folder can be made");
    fs::write(home.path().join("f"), vec![b'x'; 16 << 20]).expect("it is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
    command
        .env("HOME", home.path())
        .env_remove("XDG_CONFIG_HOME")
        .current_dir(home.path())
        .args(["--server", &address.to_string(), "--ca"])
        .arg(keys.certificate())
        .args(["put", "f"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    outcome(&mut command)
}

#[test]
fn a_refusal_in_the_middle_is_read_whole_whatever_the_server_does_then() {
    let keys = Keys::new();
    let (over, go) = mpsc::channel::<()>();
    let closes: Talk = Box::new(|line| say(line, REFUSAL));
    let takes_nothing: Talk = Box::new(move |line| {
        // By now the line is full.
        let _ = go.recv_timeout(Duration::from_millis(500));
        say(line, REFUSAL);
        go.recv().expect("the client has ended");
    });
    for then in [closes, takes_nothing] {
        let (address, served) = server(&keys, |line| {
            begin(line, 300_000);
            then(line);
        });
        let (code, _, err) = put(&keys, address);
        assert_eq!(code, Some(22), "{err}");
        assert_eq!(err, "berth: the server refused: cannot write: f\n");
        let _ = over.send(());
        served.join().expect("it does not panic");
    }
}
