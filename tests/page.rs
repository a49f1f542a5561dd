//! What becomes of a page of a trace that cannot be made.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Mode, mkfifoat};
use support::outcome;

fn page(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    outcome(command.arg("trace").args(arguments))
}

#[test]
fn a_page_that_cannot_be_made_is_said_to_be_so() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("no trace");
    let name = path.display().to_string();
    assert_eq!(page(&[&name]).0, Some(1));
    let event = "{\"name\":\"x\",\"ph\":\"i\"}\n";
    let schema = include_str!("../docs/journal.schema.json");
    let journal = "{\"time\":\"2026-11-22T10:00:00.000Z\",\"seq\":1,\"event\":\"other\"}\n";
    let far_down = format!("something else\n{event}");
    for foreign in [
        "", "[\n]\n", "\0\u{1}", "[1, 2]\n", journal, schema, &far_down,
    ] {
        fs::write(&path, foreign).expect("the folder is ours");
        let (code, out, errors) = page(&[&name]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{foreign}");
        assert!(errors.contains("no event of a trace"), "{errors}");
    }
    for endless in ["/dev/zero", "/dev/urandom"] {
        assert_eq!(page(&[endless]).0, Some(1), "{endless}");
    }
}

#[test]
fn a_page_that_cannot_be_made_touches_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let trace = "[\n{\"name\":\"x\",\"ph\":\"i\"}\n]\n";
    let kept = [
        ("trace", trace),
        ("notes", "dear diary\n"),
        ("page", "<!doctype html>\n"),
    ];
    for (name, text) in kept {
        fs::write(at(name), text).expect("the folder is ours");
    }
    for (trace, to) in [("notes", "page"), ("none", "page"), ("trace", "trace")] {
        let (code, _, errors) = page(&[&at(trace), "-o", &at(to)]);
        assert_eq!(code, Some(1), "{trace} to {to}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        for (name, text) in kept {
            let left = fs::read_to_string(at(name)).expect("it is there");
            assert_eq!(left, text, "{trace} to {to}");
        }
    }
    let (code, _, errors) = page(&[&at("trace"), "-o", "/dev/full"]);
    assert_eq!(code, Some(1));
    assert!(
        errors.starts_with("berthd: cannot write the page '/dev/full': "),
        "{errors}"
    );
}

#[test]
fn a_page_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let at = |name: &str| folder.path().join(name);
    let named = |name: &str| at(name).display().to_string();
    let events = "{\"name\":\"x\",\"ph\":\"i\"},\n".repeat(10_000);
    fs::write(at("trace"), format!("[\n{events}")).expect("the folder is ours");
    fs::write(at("page"), "the one before\n").expect("the folder is ours");
    fs::set_permissions(at("page"), fs::Permissions::from_mode(0o606)).expect("it is ours");
    symlink("page", at("link")).expect("the place is free");
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 1; exec \"$0\" trace \"$1\" -o \"$2\""]);
    limited.arg(env!("CARGO_BIN_EXE_berthd"));
    limited.arg(at("trace")).arg(at("page"));
    let (code, _, errors) = outcome(&mut limited);
    assert_eq!(code, Some(1), "{errors}");
    let left = || fs::read_to_string(at("page")).expect("it is there");
    assert_eq!(left(), "the one before\n");
    assert_eq!(fs::read_dir(folder.path()).expect("it is ours").count(), 3);

    assert_eq!(page(&[&named("trace"), "-o", &named("link")]).0, Some(0));
    assert!(left().ends_with("</html>\n"));
    assert!(at("link").is_symlink());
    let mode = at("page").metadata().expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o606);
    assert_eq!(fs::read_dir(folder.path()).expect("it is ours").count(), 3);
}

#[test]
fn what_is_no_file_is_no_place_for_a_page_unless_it_is_standard_output() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let trace = "[\n{\"name\":\"x\",\"ph\":\"i\"}\n]\n";
    fs::write(at("trace"), trace).expect("the folder is ours");
    mkfifoat(CWD, at("fifo"), Mode::from(0o600)).expect("the place is free");
    for (to, kind) in [
        (at("fifo"), "a FIFO"),
        (at(""), "a folder"),
        ("/dev/null".to_owned(), "a device"),
    ] {
        let (code, _, errors) = page(&[&at("trace"), "-o", &to]);
        assert_eq!(code, Some(1), "{to}");
        assert!(errors.contains(kind), "{errors}");
    }
    let (_, whole, _) = page(&[&at("trace")]);
    for stdout in ["-", "/dev/stdout", "/proc/self/fd/1"] {
        let made = page(&[&at("trace"), "-o", stdout]);
        assert_eq!(made, (Some(0), whole.clone(), String::new()), "{stdout}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_of_a_page_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("trace");
    // More than a pipe holds, so that the end of it is noticed.
    let events = "{\"name\":\"x\",\"ph\":\"i\"},\n".repeat(10_000);
    fs::write(&path, format!("[\n{events}")).expect("the folder is ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    command.arg("trace").arg(&path);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut making = command.spawn().expect("it was built");
    drop(making.stdout.take());
    let output = making.wait_with_output().expect("it is our child");
    assert_eq!(
        (output.status.code(), &output.stderr[..]),
        (Some(0), &b""[..])
    );
}
