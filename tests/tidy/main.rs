//! The rules of the house that a compiler does not know.
//!
//! Owns the rules for imports, the words that the engine must not know, and the sizes. The floors
//! themselves are in `floors.rs`, the words that documents avoid in `words.rs`, and the rules for
//! the web page in `web_page.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use floors::FLOORS;

mod floors;
mod web_page;
mod words;

/// What floors 0 to 4 must not name: the outside, and the clock.
const BANNED_BELOW_THE_EDGE: &[&str] = &[
    "mio",
    "std::net",
    "std::fs",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "rustix",
    "socket2",
    "log::",
    "println!",
    "File::",
];

const FILE_LINES_MAX: usize = 350;
const FUNCTION_LINES_MAX: usize = 60;
const LINE_COLUMNS_MAX: usize = 100;
/// Four spaces a level: a method's body is at two, and three levels may stand in it.
const INDENT_MAX: usize = 4 * 5;

struct Source {
    /// Relative to the package.
    path: String,
    text: String,
}

impl Source {
    /// Everything before the unit tests.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let begins_tests =
            |line: &str| line == "#[cfg(test)]" || line.starts_with("#[cfg(all(test,");
        let end = self.text.lines().position(begins_tests);
        (1..).zip(self.text.lines()).take(end.unwrap_or(usize::MAX))
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    collect(&root.join(folder), &mut sources);
    assert!(!sources.is_empty(), "{folder} has no source");
    sources
}

fn collect(path: &Path, sources: &mut Vec<Source>) {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .expect("it is there")
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        entries.iter().for_each(|entry| collect(entry, sources));
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).expect("source is text");
        let path = path
            .strip_prefix(env!("CARGO_MANIFEST_DIR"))
            .expect("it is in the package");
        sources.push(Source {
            path: path.display().to_string(),
            text,
        });
    }
}

fn every_source() -> Vec<Source> {
    ["src", "tests", "examples", "benches"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

/// The floor of a place in the library, given as `engine/hub`.
fn floor(place: &str) -> u8 {
    FLOORS
        .iter()
        .filter(|(prefix, _)| place == *prefix || place.starts_with(&format!("{prefix}/")))
        .max_by_key(|(prefix, _)| prefix.len())
        .unwrap_or_else(|| panic!("{place} stands on no floor: give it one"))
        .1
}

/// `src/engine/hub.rs` is `engine/hub`, and `src/server/mod.rs` is `server`.
fn place(path: &str) -> &str {
    let path = path.strip_prefix("src/").expect("it is in the library");
    let path = path.strip_suffix(".rs").expect("it is Rust");
    path.strip_suffix("/mod").unwrap_or(path)
}

/// The part of the library inside which files import each other freely: a folder, one of the
/// client's folders, or one file of the engine.
fn room(place: &str) -> &str {
    let depth = match place.split('/').next() {
        Some("engine") => usize::MAX,
        Some("client") => 2,
        _ => 1,
    };
    match place.match_indices('/').nth(depth.saturating_sub(1)) {
        Some((end, _)) => &place[..end],
        None => place,
    }
}

/// The places that a line of code names: `crate::engine::hub::Hub` is `engine/hub`.
fn named(line: &str, at: &str) -> Vec<String> {
    let mut places = Vec::new();
    for (start, to) in [
        ("crate::", ""),
        ("berth::", ""),
        ("super::", at),
        ("self::", at),
    ] {
        for (i, _) in line.match_indices(start) {
            let before = line[..i].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let words: Vec<&str> = line[i + start.len()..]
                .split("::")
                .take(2)
                .take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
                .map(|word| {
                    word.split(|c: char| !c.is_alphanumeric() && c != '_')
                        .next()
                        .unwrap()
                })
                .collect();
            let folder = match start {
                "super::" => to.rsplit_once('/').map_or("", |(folder, _)| folder),
                _ => to,
            };
            let parts: Vec<&str> = folder
                .split('/')
                .chain(words)
                .filter(|part| !part.is_empty())
                .take(2)
                .collect();
            places.push(parts.join("/"));
        }
    }
    places
}

#[test]
fn a_file_imports_only_from_floors_below_its_own() {
    let mut broken = Vec::new();
    for source in sources("src") {
        let at = place(&source.path);
        for (number, line) in source.code() {
            let line = line.trim_start();
            if line.starts_with("//") || line.starts_with("pub mod") || line.starts_with("mod ") {
                continue;
            }
            for to in named(line, at)
                .iter()
                .filter(|to| to.contains('/') || FLOORS.iter().any(|(p, _)| p == to))
            {
                if room(to) != room(at) && floor(to) >= floor(at) && to != at {
                    broken.push(format!("{}:{number}: {at} names {to}", source.path));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_client_sees_neither_the_engine_nor_the_server() {
    for source in sources("src/client") {
        for (number, line) in source.code() {
            let seen = ["engine::", "server::", "mio", "rustix"]
                .iter()
                .find(|word| line.contains(**word));
            let comment = line.trim_start().starts_with("//");
            assert!(
                seen.is_none() || comment,
                "{}:{number}: {line}",
                source.path
            );
        }
    }
}

#[test]
fn the_engine_names_no_socket_no_file_and_no_clock() {
    for folder in ["src/engine", "src/wire"] {
        for source in sources(folder) {
            for (number, line) in source.code() {
                if line.trim_start().starts_with("//") {
                    continue;
                }
                let banned = BANNED_BELOW_THE_EDGE
                    .iter()
                    .find(|word| line.contains(**word));
                assert_eq!(banned, None, "{}:{number}: {line}", source.path);
            }
        }
    }
}

#[test]
fn files_and_lines_stay_readable() {
    let mut broken = Vec::new();
    for source in every_source() {
        let count = source.code().count();
        if count > FILE_LINES_MAX {
            broken.push(format!("{}: {count} lines without its tests", source.path));
        }
        for (number, line) in (1..).zip(source.text.lines()) {
            if line.chars().count() > LINE_COLUMNS_MAX {
                broken.push(format!("{}:{number}: too long a line", source.path));
            }
        }
        for (number, line) in source.code().filter(|_| source.path.starts_with("src")) {
            let indent = line.len() - line.trim_start().len();
            let opens = line.ends_with('{') && !line.trim_start().starts_with("//");
            if opens && indent > INDENT_MAX {
                broken.push(format!("{}:{number}: nested too deep", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn functions_stay_short() {
    let mut broken = Vec::new();
    for source in every_source() {
        // The source is formatted, so a function ends at the brace that is as far in as it is.
        let mut open: Option<(usize, usize)> = None;
        for (number, line) in (1..).zip(source.text.lines()) {
            let indent = line.len() - line.trim_start().len();
            if is_function(line.trim_start()) && open.is_none() {
                open = Some((number, indent));
            }
            let Some((start, at)) = open else { continue };
            if indent == at
                && (line.trim_start() == "}" || line.ends_with(';') || line.ends_with("{}"))
            {
                let lines = number - start + 1;
                if lines > FUNCTION_LINES_MAX {
                    broken.push(format!("{}:{start}: {lines} lines", source.path));
                }
                open = None;
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn is_function(line: &str) -> bool {
    let words = line.split(' ').take_while(|word| *word != "fn");
    line.contains("fn ")
        && words.clone().count() < 5
        && words
            .into_iter()
            .all(|word| ["pub", "pub(crate)", "pub(super)", "const"].contains(&word))
}

#[test]
fn every_file_says_what_it_owns() {
    for source in every_source() {
        let header: Vec<&str> = source
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        assert!(!header.is_empty(), "{} has no header", source.path);
        let part = source.path.starts_with("src/") && !source.path.starts_with("src/bin");
        let owns = header
            .iter()
            .any(|line| line.contains("Owns") || line.contains("owns"));
        assert!(
            !part || source.path == "src/lib.rs" || owns,
            "{}",
            source.path
        );
    }
}

#[test]
fn tests_do_not_sleep() {
    for source in sources("tests")
        .iter()
        .filter(|source| source.path != "tests/tidy/main.rs")
    {
        assert!(!source.text.contains("sleep("), "{} sleeps", source.path);
    }
}

#[test]
fn the_rules_would_notice() {
    assert_eq!(floor("engine/hub"), 6);
    assert_eq!(room("client/ui/stdout"), "client/ui");
    assert_eq!(room("client"), "client");
    assert_eq!(room("server/net/socket"), "server");
    assert_eq!(room("engine/hub"), "engine/hub");
    assert!(floor("client/net/dial") > floor("client/ui"));
    assert_eq!(
        named("use crate::server::catalog::ServedDir;", "engine/hub"),
        ["server/catalog"]
    );
    assert_eq!(
        named("use super::hub::Hub;", "engine/session"),
        ["engine/hub"]
    );
    assert_eq!(
        named("use crate::wire::{Reply, Timestamp};", "engine/hub"),
        ["wire"]
    );
    assert_eq!(
        named("    crate::wire::reply::push(", "engine/hub"),
        ["wire/reply"]
    );
    assert!(is_function("pub(super) const fn x() {") && !is_function("let f = |x| fn_of(x);"));
}
