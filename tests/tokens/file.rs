//! The tokens file, and `berthd token`, which makes it and changes it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::TempDir;

use crate::support::outcome;

/// A place for a tokens file.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("tokens")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("it is there")
    }

    /// What lies in the folder, but for the tokens file.
    fn others(&self) -> usize {
        fs::read_dir(self.0.path()).expect("it is there").count() - 1
    }

    /// `berthd token` with these words, and the file behind `--tokens`.
    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
        command.env_remove("BERTH_TOKENS");
        command.arg("token").args(words.split_whitespace());
        command.arg("--tokens").arg(self.file());
        command
    }

    fn run(&self, words: &str) -> (Option<i32>, String, String) {
        outcome(&mut self.command(words))
    }

    /// The one line of why it was not done.
    fn refusal(&self, words: &str) -> String {
        let (code, out, err) = self.run(words);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        err
    }

    fn add(&self, words: &str) -> String {
        let (code, out, err) = self.run(&format!("add {words}"));
        assert_eq!(code, Some(0), "{err}");
        out
    }
}

fn check(path: &Path) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    outcome(command.args(["token", "check"]).arg(path))
}

#[test]
fn a_new_token_is_printed_alone_and_the_file_has_only_its_digest() {
    let place = Place::new();
    let (code, out, err) = place.run("add alice --rights list,get --sessions 2");
    assert_eq!(code, Some(0), "{err}");
    let token = out.strip_suffix('\n').expect("a line");
    let (id, secret) = token["berth1-".len()..].split_at(8);
    assert_eq!(token.len(), "berth1-".len() + 8 + 1 + 43);
    assert!(err.contains("kill -HUP") && !err.contains(secret), "{err}");
    let text = place.text();
    assert!(text.starts_with("# berth tokens 1\n") && text.contains(id));
    assert!(text.ends_with(" rights=get,list sessions=2\n"), "{text}");
    assert!(!text.contains(secret));
    let mode = fs::metadata(place.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let listed = place.run("list").1;
    assert!(listed.contains(id) && listed.contains("alice"), "{listed}");
    assert!(!listed.contains("sha256") && !listed.contains(secret));
}

#[test]
fn a_change_keeps_all_other_lines_and_the_mode() {
    let place = Place::new();
    let first = place.add("alice");
    assert_ne!(first, place.add("bob --expires 30d"), "each is another one");
    let commented = place.text().replacen('\n', "\n\n# for the summer\n", 1);
    fs::write(place.file(), &commented).unwrap();
    fs::set_permissions(place.file(), Permissions::from_mode(0o640)).unwrap();
    place.add("carol --rights status,echo");
    assert!(place.text().starts_with(&commented));
    assert_eq!(place.run("revoke carol").0, Some(0));
    assert_eq!(place.text(), commented);
    assert_eq!(place.run("revoke alice").0, Some(0));
    assert!(place.text().contains("# for the summer") && !place.text().contains("alice"));
    assert!(place.text().contains(" name=bob "));
    let mode = fs::metadata(place.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(place.others(), 0, "nothing is left beside it");
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let place = Place::new();
    assert!(place.refusal("list").contains("No such file"));
    assert!(
        place
            .refusal("revoke alice")
            .contains("there is no token 'alice'")
    );
    place.add("alice");
    let before = place.text();
    assert!(
        place
            .refusal("add alice")
            .contains("a token 'alice' already")
    );
    assert!(place.refusal("revoke \u{1b}[2J").contains("'\\u{1b}[2J'"));
    assert_eq!(place.text(), before);
    let broken = before.trim_end();
    fs::write(place.file(), broken).unwrap();
    for words in ["add bob", "revoke alice", "list"] {
        let told = place.refusal(words);
        assert!(told.contains("line 2: its end is missing"), "{told}");
        assert_eq!(place.text(), broken);
    }
    let (code, out, err) = check(&place.file());
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("line 2"), "{err}");
}

#[test]
fn a_token_that_cannot_be_written_out_is_said_to_be_lost() {
    let place = Place::new();
    let mut command = place.command("add alice");
    command.stdout(Stdio::from(
        File::options().write(true).open("/dev/full").unwrap(),
    ));
    let (code, _, err) = outcome(&mut command);
    assert_eq!(code, Some(1));
    assert!(err.contains("it is lost: revoke 'alice'"), "{err}");
}

#[test]
fn wrong_words_are_usage_and_no_file_comes_of_them() {
    let place = Place::new();
    for words in [
        "add",
        "add -x",
        "add a/b",
        "add alice --rights admin",
        "add alice --rights get,get",
        "add alice --rights=",
        "add alice --expires 0s",
        "add alice --expires soon",
        "add alice --sessions 0",
        "add alice --sessions 4294967296",
        "add alice --token x",
        "revoke",
    ] {
        let (code, out, err) = place.run(words);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{words}: {err}");
        assert!(!place.file().exists(), "{words}");
    }
}

#[test]
fn a_file_that_others_can_read_or_change_is_refused() {
    let place = Place::new();
    place.add("alice");
    for (mode, is_fine) in [
        (0o600, true),
        (0o400, true),
        (0o640, true),
        (0o604, false),
        (0o660, false),
        (0o602, false),
        (0o601, false),
    ] {
        fs::set_permissions(place.file(), Permissions::from_mode(mode)).unwrap();
        let (code, _, err) = check(&place.file());
        assert_eq!(code, Some(i32::from(!is_fine)), "{mode:o}: {err}");
        let advice = format!("its mode is {mode:o}, so that others get at it: chmod 600 it first");
        assert_eq!(err.contains(&advice), !is_fine, "{err}");
    }
}

#[test]
fn whatever_is_no_file_is_refused_at_once_and_a_link_stays_one() {
    let place = Place::new();
    mkfifoat(CWD, place.path("fifo"), Mode::from(0o600)).unwrap();
    for (path, told) in [
        (place.path("fifo"), "not a regular file but a FIFO"),
        (place.path("."), "not a regular file but a folder"),
        ("/dev/zero".into(), "not a regular file but a device"),
    ] {
        let (code, _, err) = check(&path);
        assert_eq!(code, Some(1));
        assert!(err.contains(told), "{err}");
    }
    place.add("alice");
    let link = place.path("link");
    symlink("tokens", &link).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    command.args(["token", "add", "bob", "--tokens"]).arg(&link);
    assert_eq!(outcome(&mut command).0, Some(0));
    assert!(link.is_symlink() && place.text().contains("name=bob"));
    let long = File::create(place.path("long")).unwrap();
    long.set_permissions(Permissions::from_mode(0o600)).unwrap();
    long.set_len(1 << 40).unwrap();
    let (code, _, err) = check(&place.path("long"));
    assert_eq!(code, Some(1));
    assert!(err.contains("longer than"), "{err}");
}

#[test]
fn changes_at_the_same_time_are_all_made() {
    let place = Place::new();
    let adds: Vec<_> = (0..8)
        .map(|n| {
            let mut command = place.command(&format!("add n{n}"));
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("the program was built")
        })
        .collect();
    for mut add in adds {
        assert!(add.wait().unwrap().success());
    }
    assert_eq!(place.text().matches(" name=n").count(), 8);
    assert_eq!(place.others(), 0);
}
