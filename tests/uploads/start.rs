//! The start: what is refused, and what is said.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::setup;
use crate::support::Setup;

#[test]
fn a_folder_that_uploads_cannot_go_to_is_one_line_that_says_what_to_do() {
    let other = tempfile::tempdir().unwrap();
    let make = |dir: &str| {
        let setup = Setup::new()
            .file("folder/file", b"")
            .file(".hidden/file", b"");
        symlink("folder", setup.repo().join("link")).unwrap();
        setup.with(&format!("--uploads {dir}"))
    };
    let other = other.path().to_str().unwrap();
    for dir in [
        "missing",
        "folder/file",
        "..",
        "folder/..",
        ".hidden",
        "link",
        other,
    ] {
        let err = make(dir).refusal();
        assert!(
            err.contains(&format!("cannot accept uploads in '{dir}'")),
            "{err}"
        );
        assert!(err.contains("say which with --uploads DIR"), "{err}");
    }
    let server = setup().start();
    let err = setup().serving(&server.repo()).refusal();
    assert!(
        err.contains("another berthd accepts uploads there"),
        "{err}"
    );
}

#[test]
fn a_staging_folder_that_is_not_its_own_is_refused() {
    let setup = Setup::new().with("--uploads .").file(".berth", b"");
    let err = setup.refusal();
    assert!(
        err.contains("its .berth is not a folder of this user"),
        "{err}"
    );
}

#[test]
fn a_folder_that_may_not_be_written_is_refused() {
    if !rustix::process::geteuid().is_root() {
        let setup = Setup::new().with("--uploads .");
        fs::set_permissions(setup.repo(), Permissions::from_mode(0o555)).unwrap();
        let err = setup.refusal();
        assert!(err.contains("it cannot be written"), "{err}");
        return;
    }
    // Root may write everywhere; the user that it becomes may not.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let setup = Setup::new()
        .serving(folder.path())
        .with("--uploads . --user nobody");
    let err = setup.refusal();
    assert!(err.contains("it cannot be written"), "{err}");
    assert!(err.contains("give this user the right"), "{err}");
}

#[test]
fn a_journal_that_an_upload_could_replace_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("berth.journal");
    fs::write(&journal, "").unwrap();
    let with = format!("--uploads . --overwrite --journal {}", journal.display());
    let err = Setup::new().serving(folder.path()).with(&with).refusal();
    assert!(
        err.contains("with --overwrite any client could replace it"),
        "{err}"
    );
}

#[test]
fn the_log_says_what_is_accepted_and_what_is_in_force() {
    let server = setup().with("--max-upload 10MiB --max-parts 1GiB").start();
    let log = server.log();
    let said = "uploads: into '.', new files only, at most 10.0 MiB; 0 B stay free; unfinished \
                ones at most 1.0 GiB together, for 1day; a second thread waits for the disk";
    assert!(log.contains(said), "{log}");
    assert!(log.contains("uploads, tried: "), "{log}");
    if log.contains("sandbox: Landlock: ") {
        assert!(
            log.contains("none that is there changed or removed"),
            "{log}"
        );
        assert!(
            log.contains("tried: the sandbox lets no file that is there be"),
            "{log}"
        );
    }
    let log = setup().with("--sandbox off --overwrite").start().log();
    assert!(log.contains("new files and in place of others"), "{log}");
    assert!(
        log.contains("tried: this process could write to files that are there"),
        "{log}"
    );
}
