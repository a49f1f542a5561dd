//! The client: the files and certificates that it trusts, and a TLS port that it does not know for
//! one.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use data_encoding::BASE64;
use rcgen::{CertificateParams, KeyPair};
use rustix::fs::{CWD, Mode, mkfifoat};

use crate::client::{Home, name, pin};
use crate::peer::Keys;
use crate::support::{Setup, skip};

#[test]
fn a_file_of_trust_of_another_user_is_no_file_of_trust() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let home = Home::new();
    home.trust(&name(&server), &pin(&keys));
    fs::set_permissions(home.file(), Permissions::from_mode(0o644)).expect("it is ours");
    assert_eq!(home.berth(&["--server", &name(&server), "list"]).0, Some(0));
    if std::os::unix::fs::chown(home.file(), Some(1), None).is_err() {
        return skip("only root can give a file away", "run as root");
    }
    let (code, out, err) = home.berth(&["--server", &name(&server), "list"]);
    assert_eq!((code, out.as_str()), (Some(77), ""), "{err}");
    let cure = format!("sudo chown \"$(id -un)\" '{}'", home.file().display());
    assert!(err.contains(&cure), "{err}");
    fs::remove_file(home.file()).expect("it is ours");
    mkfifoat(CWD, home.file(), Mode::from(0o600)).expect("the place is free");
    let (code, _, err) = home.berth(&["--server", &name(&server), "list"]);
    assert_eq!(code, Some(77), "{err}");
    assert!(err.contains("a FIFO"), "{err}");
}

/// A certificate that was valid for a month of 2001, for another name.
fn expired(folder: &Path) -> String {
    let mut params =
        CertificateParams::new(["files.example.org".to_owned()]).expect("it is a name");
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2001, 2, 1);
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = params.self_signed(&key).expect("it can be signed");
    let pem = |label: &str, der: &[u8]| {
        let text = BASE64.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    };
    let path = |name| folder.join(name);
    fs::write(path("crt"), pem("CERTIFICATE", certificate.der())).expect("it is ours");
    fs::write(path("key"), pem("PRIVATE KEY", &key.serialize_der())).expect("it is ours");
    fs::set_permissions(path("key"), Permissions::from_mode(0o600)).expect("it is ours");
    format!(
        "--tls-listen 127.0.0.1:0 --tls-cert {} --tls-key {}",
        path("crt").display(),
        path("key").display()
    )
}

#[test]
fn the_right_pin_outdoes_a_certificate_that_is_expired_and_for_another_name() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let arguments = expired(folder.path());
    let server = Setup::new().file("a", b"x").with(&arguments).start();
    let (name, home) = (name(&server), Home::new());
    let ca = folder.path().join("crt");
    let ca = ca.to_str().expect("it is text");
    let (code, _, err) = home.berth(&["--server", &name, "--ca", ca, "--tls", "list"]);
    assert_eq!(code, Some(60), "{err}");
    let (_, pin) = err.split_once("its pin is ").expect("it is shown");
    home.trust(&name, &pin[..43]);
    let (code, out, err) = home.berth(&["--server", &name, "list", "--raw"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("LIST\n1 "), "{out}");
}

#[test]
fn a_client_without_tls_finds_out_why_a_tls_port_says_nothing() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let (name, home) = (name(&server), Home::new());
    // By default both sides wait for the same time.
    for time in ["300ms", "10s"] {
        let (code, out, err) = home.berth(&["--server", &name, "--connect-timeout", time, "list"]);
        assert_eq!((code, out.as_str()), (Some(35), ""), "{err}");
        assert!(err.contains("the server speaks TLS"), "{err}");
    }
    // One that never says anything is not taken for that, and not waited for much longer.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let name = silent.local_addr().expect("it is bound").to_string();
    let (code, _, err) = home.berth(&["--server", &name, "--connect-timeout", "300ms", "list"]);
    assert_eq!(code, Some(28), "{err}");
}
