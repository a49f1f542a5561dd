//! A TLS client whose every record and every byte can be chosen.
//!
//! Owns the keys of a server for tests, and the client's end.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ExtractedSecrets, RootCertStore};
use tempfile::TempDir;

use crate::support::{PATIENCE, Server, Setup, outcome};

/// A certificate and its key, made by the server's own program.
pub(crate) struct Keys {
    folder: TempDir,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let made = Command::new(env!("CARGO_BIN_EXE_berthd"))
            .args(["cert", "new"])
            .arg(folder.path())
            .output()
            .expect("the program was built");
        assert!(made.status.success(), "{made:?}");
        Self { folder }
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("berth.crt")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("berth.key")
    }

    /// The arguments of a server that speaks TLS with them.
    pub(crate) fn arguments(&self) -> String {
        self.arguments_at("127.0.0.1:0")
    }

    /// The same, for a server that listens there.
    pub(crate) fn arguments_at(&self, address: &str) -> String {
        format!(
            "--tls-listen {address} --tls-cert {} --tls-key {}",
            self.certificate().display(),
            self.key().display()
        )
    }

    /// A server that speaks TLS, with a folder that is set up by this.
    pub(crate) fn serve(&self, set_up: impl FnOnce(Setup) -> Setup) -> Server {
        set_up(Setup::new().with(&self.arguments())).start()
    }

    fn config(&self) -> Arc<ClientConfig> {
        let pem = fs::read(self.certificate()).expect("it was made");
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(&pem).expect("it is one");
        roots.add(certificate).expect("it can be trusted");
        let mut config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring has it")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.enable_secret_extraction = true;
        config.into()
    }

    /// A client that has said nothing yet.
    pub(crate) fn peer(&self, server: &Server) -> TlsPeer {
        self.peer_on(connect(tls_address(server)))
    }

    /// The same, on this connection.
    pub(crate) fn peer_on(&self, stream: TcpStream) -> TlsPeer {
        let name = ServerName::try_from("localhost").expect("it is a name");
        let tls = ClientConnection::new(self.config(), name).expect("it can be begun");
        TlsPeer {
            tls,
            stream,
            ended: false,
        }
    }

    /// A client whose handshake is complete.
    pub(crate) fn connect(&self, server: &Server) -> TlsPeer {
        let mut peer = self.peer(server);
        peer.shake_hands();
        peer
    }

    /// A client that was let in under this name.
    pub(crate) fn client(&self, server: &Server, name: &str) -> TlsPeer {
        let mut peer = self.connect(server);
        assert_eq!(peer.line(), format!("Welcome {name}\n"));
        peer
    }
}

/// A new tokens file, and the one token that is in it.
pub(crate) fn token(folder: &TempDir, rights: &str) -> (PathBuf, String) {
    let tokens = folder.path().join("tokens");
    let mut add = Command::new(env!("CARGO_BIN_EXE_berthd"));
    add.args(["token", "add", "alice", "--rights", rights, "--tokens"]);
    let (code, token, err) = outcome(add.arg(&tokens));
    assert_eq!(code, Some(0), "{err}");
    (tokens, token.trim_end().to_owned())
}

pub(crate) fn tls_address(server: &Server) -> SocketAddr {
    server.tls.expect("it was told to speak TLS")
}

/// A connection, on which nobody waits for ever.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nodelay(true).expect("it is a TCP socket");
    let patience = Some(PATIENCE);
    stream.set_read_timeout(patience).expect("it is not zero");
    stream
}

/// How the server's side of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With close_notify, then FIN.
    Said,
    /// With FIN alone.
    Bare,
    /// With an alert, or a reset.
    Broken,
}

/// A client's end.
pub(crate) struct TlsPeer {
    tls: ClientConnection,
    stream: TcpStream,
    /// The server has said that no more comes.
    ended: bool,
}

impl TlsPeer {
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Its connection and its keys, to make records by hand from now on. All that came was read.
    pub(crate) fn into_parts(self) -> (TcpStream, ExtractedSecrets) {
        let secrets = self.tls.dangerous_extract_secrets();
        (self.stream, secrets.expect("it was asked for them"))
    }

    pub(crate) const fn tls(&mut self) -> &mut ClientConnection {
        &mut self.tls
    }

    /// Records that wait to be sent.
    pub(crate) fn output(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut out).expect("a vector takes it");
        }
        out
    }

    /// One record, or more if it is long, with these bytes in it.
    pub(crate) fn sealed(&mut self, plain: impl AsRef<[u8]>) -> Vec<u8> {
        let mut writer = self.tls.writer();
        writer.write_all(plain.as_ref()).expect("there is room");
        self.output()
    }

    /// The record that says that no more comes.
    pub(crate) fn goodbye(&mut self) -> Vec<u8> {
        self.tls.send_close_notify();
        self.output()
    }

    /// Sends bytes as they are.
    pub(crate) fn raw(&self, bytes: impl AsRef<[u8]>) {
        (&self.stream)
            .write_all(bytes.as_ref())
            .expect("the server reads what is sent");
    }

    pub(crate) fn send(&mut self, plain: impl AsRef<[u8]>) {
        let sealed = self.sealed(plain);
        self.raw(sealed);
    }

    pub(crate) fn half_close(&self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("the connection is there");
    }

    /// Completes the handshake.
    pub(crate) fn shake_hands(&mut self) {
        while self.tls.is_handshaking() {
            let out = self.output();
            self.raw(out);
            if self.tls.is_handshaking() {
                assert!(self.fetch().is_none(), "the handshake is completed");
            }
        }
        let out = self.output();
        self.raw(out);
    }

    /// Reads once, and opens what came. `Some`: nothing more comes.
    pub(crate) fn fetch(&mut self) -> Option<End> {
        match self.tls.read_tls(&mut self.stream) {
            Ok(0) if self.ended => return Some(End::Said),
            Ok(0) => return Some(End::Bare),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("nothing comes"),
            Err(_) => return Some(End::Broken),
        }
        match self.tls.process_new_packets() {
            Ok(state) => {
                assert!(
                    !self.ended || state.plaintext_bytes_to_read() == 0,
                    "nothing comes behind the end"
                );
                self.ended = state.peer_has_closed();
                None
            }
            Err(_) => Some(End::Broken),
        }
    }

    /// Bytes that were opened.
    fn opened(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most];
        let n = self.tls.reader().read(&mut bytes).unwrap_or(0);
        bytes.truncate(n);
        bytes
    }

    /// Reads so many bytes, or fewer if no more come.
    pub(crate) fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let more = self.opened(len - bytes.len());
            if more.is_empty() && self.fetch().is_some() {
                break;
            }
            bytes.extend(more);
        }
        bytes
    }

    /// Reads one line, its LF included.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let byte = self.read(1);
            assert!(!byte.is_empty(), "a line comes behind {line:?}");
            line.extend(byte);
        }
        String::from_utf8(line).expect("it is text")
    }

    /// Sends a line and reads one.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n"));
        self.line()
    }

    /// Does what is left of the handshake and reads to the end, which is no reset. Gives back what
    /// was said, or the alert that said it.
    pub(crate) fn told(&mut self) -> Result<Vec<u8>, rustls::Error> {
        let mut told = Ok(Vec::new());
        loop {
            // Whoever was turned away need not be heard.
            let out = self.output();
            drop((&self.stream).write_all(&out));
            let mut raw = vec![0; 4096];
            let n = self.stream.read(&mut raw);
            let n = n.expect("the end comes, and no reset");
            if n == 0 {
                return told;
            }
            let mut raw = &raw[..n];
            while let (Ok(text), false) = (&mut told, raw.is_empty()) {
                self.tls.read_tls(&mut raw).expect("there is room");
                match self.tls.process_new_packets() {
                    Ok(_) => text.extend(self.opened(10_000)),
                    Err(error) => told = Err(error),
                }
            }
        }
    }

    /// Reads to the end.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        let mut bytes = Vec::new();
        loop {
            let end = self.fetch();
            loop {
                let more = self.opened(100_000);
                if more.is_empty() {
                    break;
                }
                bytes.extend(more);
            }
            if let Some(end) = end {
                return (bytes, end);
            }
        }
    }
}
