//! A server that cannot speak TLS does not start, and says which file is to blame.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::peer::Keys;
use crate::support::Setup;

fn refusal(certificate: &Path, key: &Path) -> String {
    let (certificate, key) = (certificate.display(), key.display());
    let listen = "--tls-listen 127.0.0.1:0";
    let setup = Setup::new().with(&format!(
        "{listen} --tls-cert {certificate} --tls-key {key}"
    ));
    setup.refusal()
}

#[test]
fn each_file_that_cannot_be_used_is_named_with_the_cause() {
    let (keys, others) = (Keys::new(), Keys::new());
    let (certificate, key) = (keys.certificate(), keys.key());
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it is new");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
        path
    };
    let empty = file("empty", "");
    let cut = file("cut", "-----BEGIN CERTIFICATE-----\nMIIB\n");
    let nonsense = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let nonsense = file("nonsense", nonsense);
    let missing = folder.path().join("missing");
    let cases = [
        (&missing, &key, &missing, "No such file"),
        (&certificate, &missing, &missing, "No such file"),
        (&empty, &key, &empty, "there is no certificate in it"),
        (
            &certificate,
            &empty,
            &empty,
            "there is no private key in it",
        ),
        (&cut, &key, &cut, "it may have been cut off"),
        (&nonsense, &key, &nonsense, "its certificate is damaged"),
        (&key, &key, &key, "there is no certificate in it"),
        (
            &certificate,
            &others.key(),
            &others.key(),
            "it is not the key of the certificate",
        ),
        (
            &folder.path().to_owned(),
            &key,
            &folder.path().to_owned(),
            "a folder",
        ),
    ];
    for (certificate, key, blamed, cause) in cases {
        let told = refusal(certificate, key);
        assert!(
            told.contains(&format!("'{}': ", blamed.display())),
            "{told}"
        );
        assert!(told.contains(cause), "{told}");
    }
}

#[test]
fn a_key_that_others_can_read_is_refused_and_one_of_the_group_is_not() {
    let keys = Keys::new();
    for (mode, fine) in [
        (0o604, false),
        (0o602, false),
        (0o620, false),
        (0o640, true),
    ] {
        fs::set_permissions(keys.key(), Permissions::from_mode(mode)).expect("it is ours");
        if fine {
            let server = keys.serve(|setup| setup);
            keys.client(&server, "Client01");
        } else {
            let told = refusal(&keys.certificate(), &keys.key());
            assert!(told.contains(&format!("its mode is {mode:03o}")), "{told}");
            assert!(told.contains("chmod 600"), "{told}");
        }
    }
}

#[test]
fn a_key_in_the_served_folder_is_refused() {
    let keys = Keys::new();
    let folder = keys.key().parent().expect("it is in a folder").to_owned();
    let told = Setup::new()
        .with(&keys.arguments())
        .serving(&folder)
        .refusal();
    assert!(told.contains("is in the served folder"), "{told}");
}

#[test]
fn an_address_without_a_certificate_is_a_mistake() {
    let told = Setup::new().with("--tls-listen 127.0.0.1:0").refusal();
    assert!(told.contains("--tls-cert"), "{told}");
}
