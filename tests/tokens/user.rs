//! A server that gave root up and cannot read its own files any more.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rustix::process::geteuid;

use crate::door::{Guard, asked, inside, reload};
use crate::support::{outcome, skip};

#[test]
fn files_that_cannot_be_read_after_root_is_given_up_change_nothing() {
    if !geteuid().is_root() {
        return skip("only root can give itself up", "run as root");
    }
    let guard = Guard::new();
    let old = guard.add("old --rights echo");
    let keys = tempfile::tempdir().expect("a folder can be made");
    let mut new = Command::new(env!("CARGO_BIN_EXE_berthd"));
    let (code, _, err) = outcome(new.args(["cert", "new"]).arg(keys.path()));
    assert_eq!(code, Some(0), "{err}");
    let at = |name: &str| keys.path().join(name).display().to_string();
    let setup = guard.tls_setup(&at("berth.crt"), &at("berth.key"));
    // The folder of the tokens is the journal's too, which has to stay writable.
    let folder = guard.file().parent().expect("it has one").to_owned();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).expect("it is ours");
    let server = setup.with("--user nobody").start();
    let warned = "the tokens cannot be read again after SIGHUP";
    assert!(server.log().contains(warned), "{}", server.log());
    let mut client = inside(&server, &old);
    let new = guard.add("new --rights echo");
    reload(&server, "the tokens stay as they were", &mut client);
    reload(&server, "the certificate stays as it was", &mut client);
    assert_eq!(asked(&server).ask(&format!("auth {new}")), "ERR not let in");
    for line in ["list", "auth", "hello"] {
        let answer = asked(&server).ask(line);
        assert!(answer.starts_with("ERR "), "{line}: {answer}");
    }
    client.echo();
    inside(&server, &old).echo();
    let journal = guard.journal();
    for what in ["tokens", "certificate"] {
        let failed = format!(r#""event":"reload","what":"{what}","ok":false"#);
        assert!(journal.contains(&failed), "{journal}");
    }
}
