//! What comes from elsewhere: how much of it, how old it may be, and what must not come.
//!
//! Owns what cargo alone can tell; licences and advisories are cargo-deny's, with the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const DENY: &str = include_str!("../deny.toml");
const LOCK: &str = include_str!("../Cargo.lock");
const README: &str = include_str!("../README.md");

/// Name and version of every package in the lock file.
fn locked() -> BTreeMap<&'static str, Vec<[u64; 3]>> {
    let mut locked = BTreeMap::<_, Vec<_>>::new();
    let mut lines = LOCK.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("name = \"") else {
            continue;
        };
        let version = lines.next().expect("a version follows a name");
        let version = version.trim_start_matches("version = ").trim_matches('"');
        locked
            .entry(name.trim_end_matches('"'))
            .or_default()
            .push(numbers(version));
    }
    assert!(locked.len() > 20, "the lock file is read");
    locked
}

fn numbers(version: &str) -> [u64; 3] {
    let version = version
        .split(['-', '+'])
        .next()
        .expect("a split has a first part");
    let mut parts = version
        .split('.')
        .map(|part| part.parse().expect("a number"));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

/// The crates that deny.toml bans, each whole or below a version.
fn banned() -> Vec<(&'static str, Option<[u64; 3]>)> {
    let lines = DENY
        .lines()
        .filter_map(|line| line.trim().strip_prefix("{ crate = \""));
    let banned: Vec<_> = lines
        .map(|line| line.split('"').next().expect("a split has a first part"))
        .map(|spec| match spec.split_once(":<") {
            Some((name, version)) => (name, Some(numbers(version))),
            None => (spec, None),
        })
        .collect();
    assert!(banned.len() > 10, "the bans are read");
    banned
}

#[test]
fn nothing_banned_is_in_the_tree() {
    let locked = locked();
    for (name, below) in banned() {
        for version in locked.get(name).into_iter().flatten() {
            let fine = below.is_some_and(|below| *version >= below);
            assert!(fine, "{name} {version:?} is banned in deny.toml");
        }
    }
}

/// How many crates a program is built from, itself included.
fn crates(arguments: &[&str]) -> usize {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--prefix",
            "none",
            "-e",
            "normal,build",
        ])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).expect("it is text");
    let crates: BTreeSet<&str> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|line| !line.is_empty())
        .collect();
    crates.len()
}

#[test]
fn the_readme_says_how_many_crates_there_are() {
    let sentence = format!("built from {} crates", crates(&[]));
    assert!(
        README.contains(&sentence),
        "README.md is to say \"{sentence}\""
    );
}

#[test]
fn the_rules_would_notice() {
    assert_eq!(numbers("1.2.3-rc.1"), [1, 2, 3]);
    assert!(numbers("0.4.9") < numbers("0.4.11"));
    assert!(banned().contains(&("slab", Some([0, 4, 11]))));
    assert!(banned().contains(&("tokio", None)));
}
