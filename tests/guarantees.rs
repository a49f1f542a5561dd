//! docs/guarantees.md names tests; this one fails when a name there is not a test here.

use std::fs;
use std::path::Path;

const DOCUMENT: &str = include_str!("../docs/guarantees.md");

/// Every test that the document names, with the file it is said to be in, if it is said.
fn named() -> Vec<(Option<String>, &'static str)> {
    let mut named = Vec::new();
    let mut file = None;
    for line in DOCUMENT.lines() {
        // A list goes on over lines; a row of a table, a heading and a paragraph stand alone.
        if !line.starts_with(['-', ' ']) {
            file = None;
        }
        let mut parts = line.split('`');
        while let (Some(before), Some(code)) = (parts.next(), parts.next()) {
            if code.ends_with(".rs") {
                file = Some(folder(before).to_owned() + code);
            } else if is_name(code) {
                named.push((file.clone(), code));
            }
        }
    }
    named
}

/// What stands before a file's name shortens its folder.
fn folder(before: &str) -> &'static str {
    match before {
        _ if before.ends_with("e2e ") => "tests/end_to_end/",
        _ if before.ends_with("cli ") => "tests/cli/",
        _ => "",
    }
}

fn is_name(word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.matches('_').count() > 1 && word.chars().all(is_part)
}

/// Whether there is a test of this name in the source.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let at = lines
        .iter()
        .position(|line| line.starts_with(&format!("fn {name}(")));
    at.is_some_and(|at| {
        let attributes = lines[..at]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("#["));
        attributes.into_iter().any(|line| *line == "#[test]")
    })
}

/// Every source file, one after another.
fn all_sources(folder: &Path, out: &mut String) {
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it is there").path();
        if path.is_dir() {
            all_sources(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push_str(&fs::read_to_string(path).expect("source is text"));
        }
    }
}

#[test]
fn the_tests_that_are_named_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut everything = String::new();
    all_sources(&root.join("src"), &mut everything);
    all_sources(&root.join("tests"), &mut everything);
    let named = named();
    assert!(named.len() > 100, "the document is read");
    for (file, test) in named {
        let Some(file) = file else {
            assert!(has_test(&everything, test), "there is no test {test}");
            continue;
        };
        let source = fs::read_to_string(root.join(&file));
        let source = source.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(has_test(&source, test), "{file} has no test {test}");
    }
}

#[test]
fn there_are_at_least_ten_promises_each_with_a_test() {
    let promises: Vec<&str> = DOCUMENT.split("\n### ").skip(1).collect();
    assert!(promises.len() >= 10);
    for promise in promises {
        let title = promise.lines().next().unwrap_or_default();
        assert!(promise.contains(".rs`:"), "{title}: no test is named");
    }
}
