//! SIGHUP: a new certificate for new connections, or the old one for all.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use rustls::pki_types::CertificateDer;

use crate::peer::{End, Keys};
use crate::support::{Server, meanwhile};

/// Sends SIGHUP, and lets the client talk until the log has one more of these lines.
fn reload(server: &Server, says: &str) {
    let count = || server.log().matches(says).count();
    let before = count();
    server.signal(Signal::HUP);
    let mut other = server.connect();
    other.text();
    meanwhile(&mut other, |_| count() > before);
}

/// The certificate that a new connection is shown, or nothing if it is not trusted.
fn shown(keys: &Keys, server: &Server) -> Option<CertificateDer<'static>> {
    let mut peer = keys.peer(server);
    while peer.tls().is_handshaking() {
        let out = peer.output();
        peer.raw(out);
        if peer.tls().is_handshaking() && peer.fetch() == Some(End::Broken) {
            return None;
        }
    }
    let chain = peer.tls().peer_certificates().expect("it was shown");
    Some(chain[0].clone().into_owned())
}

fn copy(from: &Path, to: &Path) {
    // As an administrator does it: the new file takes the place of the old one.
    let beside = to.with_extension("new");
    fs::copy(from, &beside).expect("it is ours");
    fs::rename(beside, to).expect("it is ours");
}

#[test]
fn a_new_certificate_is_for_new_connections_and_a_session_goes_on() {
    let (keys, next) = (Keys::new(), Keys::new());
    let server = keys.serve(|setup| setup.with("--max-clients 9"));
    let mut inside = keys.client(&server, "Client01");
    let old = shown(&keys, &server).expect("it is trusted");
    assert_eq!(shown(&next, &server), None);
    let kept = Keys::new();
    copy(&keys.certificate(), &kept.certificate());
    copy(&next.certificate(), &keys.certificate());
    copy(&next.key(), &keys.key());
    reload(&server, "the certificate was read again");
    let new = shown(&next, &server).expect("the new one is shown");
    assert_ne!(old, new);
    assert_eq!(shown(&kept, &server), None, "the old one is not");
    assert_eq!(inside.ask("hello"), "hello ACK\n");
}

#[test]
fn files_that_do_not_fit_change_nothing() {
    let (keys, next) = (Keys::new(), Keys::new());
    let journal = tempfile::tempdir().expect("a folder can be made");
    let journal = journal.path().join("journal");
    let arguments = format!("--max-clients 9 --journal {}", journal.display());
    let server = keys.serve(|setup| setup.with(&arguments));
    let old = shown(&keys, &server);
    let trusted = Keys::new();
    copy(&keys.certificate(), &trusted.certificate());
    copy(&keys.key(), &trusted.key());
    let fails = "the certificate stays as it was: ";
    // A certificate without its key.
    copy(&next.certificate(), &keys.certificate());
    reload(&server, fails);
    assert_eq!(shown(&trusted, &server), old);
    // A key that was cut off.
    let key = fs::read(next.key()).expect("it is ours");
    fs::write(keys.key(), &key[..key.len() / 2]).expect("it is ours");
    reload(&server, fails);
    assert_eq!(shown(&trusted, &server), old);
    // Nothing at all.
    fs::remove_file(keys.key()).expect("it is ours");
    reload(&server, fails);
    assert_eq!(shown(&trusted, &server), old);
    // A folder in its place.
    fs::create_dir(keys.key()).expect("the place is free");
    reload(&server, fails);
    assert_eq!(shown(&trusted, &server), old);
    fs::remove_dir(keys.key()).expect("it is ours");
    copy(&next.key(), &keys.key());
    reload(&server, "the certificate was read again");
    assert!(shown(&next, &server).is_some());
    let journal = fs::read_to_string(journal).expect("it is kept");
    let told = |ok: bool| {
        let record = format!(r#""event":"reload","what":"certificate","ok":{ok}"#);
        journal.matches(&record).count()
    };
    assert_eq!((told(false), told(true)), (4, 1), "{journal}");
}
