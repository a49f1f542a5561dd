//! `berthd cert new`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::outcome;

fn new(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    outcome(command.args(["cert", "new"]).arg(folder).args(arguments))
}

#[test]
fn a_new_key_is_its_owners_alone_and_is_never_replaced() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = folder.path().join("keys");
    let (code, pin, err) = new(&folder, &["--name", "files.example.org,192.0.2.7"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(pin.trim_end().len(), 43, "{pin}");
    let mode = |name: &str| {
        let about = fs::metadata(folder.join(name)).expect("it was made");
        about.permissions().mode() & 0o777
    };
    assert_eq!((mode("berth.key"), mode("berth.crt")), (0o600, 0o644));
    for name in [
        "files.example.org",
        "192.0.2.7",
        "localhost",
        "127.0.0.1",
        "::1",
    ] {
        assert!(err.contains(name), "{err}");
    }
    let before = fs::read(folder.join("berth.key")).expect("it was made");
    let refused = |kept: &str| {
        let (code, out, err) = new(&folder, &[]);
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(
            err.contains(kept) && err.contains("it is not replaced"),
            "{err}"
        );
    };
    refused("berth.key");
    assert_eq!(fs::read(folder.join("berth.key")).ok(), Some(before));
    // Now the certificate alone is in the way.
    fs::remove_file(folder.join("berth.key")).expect("it is ours");
    refused("berth.crt");
    let left = fs::read_dir(&folder).expect("it is ours").count();
    assert_eq!(left, 1, "no key without its certificate");
}

#[test]
fn a_name_that_is_none_is_refused() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for bad in [
        "a b",
        "",
        "a..b",
        "\u{1b}[2J",
        "ex\u{e4}mple",
        &"a".repeat(64),
    ] {
        let (code, out, err) = new(&folder.path().join("keys"), &["--name", bad]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{bad:?}");
        assert!(err.contains("is no name of a host"), "{err}");
        assert!(!err.contains('\u{1b}'), "{err}");
    }
    assert!(!folder.path().join("keys").exists());
}

#[test]
fn the_pin_of_a_certificate_is_printed_again_and_a_file_without_one_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (_, pin, _) = new(folder.path(), &[]);
    let again = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
        outcome(command.args(["cert", "pin"]).arg(folder.path().join(name)))
    };
    assert_eq!(again("berth.crt"), (Some(0), pin, String::new()));
    for name in ["berth.key", "missing", "."] {
        let (code, out, err) = again(name);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
        assert!(err.contains(&format!("{name}': ")), "{err}");
    }
}
