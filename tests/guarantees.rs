//! docs/guarantees.md names tests; this one fails when a name there is not a test here.

use std::fs;
use std::path::Path;

const DOCUMENT: &str = include_str!("../docs/guarantees.md");

/// Every test that the document names, with the file it is said to be in.
fn named() -> Vec<(String, &'static str)> {
    let mut named = Vec::new();
    let mut file = String::new();
    for line in DOCUMENT.lines() {
        // A row of the table shortens the folder of the end-to-end tests.
        let folder = if line.contains("e2e `") {
            "tests/end_to_end/"
        } else {
            ""
        };
        for word in line.split('`').skip(1).step_by(2) {
            if word.ends_with(".rs") {
                let short = !word.contains('/');
                file = format!("{}{word}", if short { folder } else { "" });
            } else if is_name(word) {
                named.push((file.clone(), word));
            }
        }
    }
    named
}

fn is_name(word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.matches('_').count() > 1 && word.chars().all(is_part)
}

#[test]
fn the_tests_that_are_named_exist() {
    let named = named();
    assert!(named.len() > 50, "the document is read");
    for (file, test) in named {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        let at = lines
            .iter()
            .position(|line| line.starts_with(&format!("fn {test}(")));
        let at = at.unwrap_or_else(|| panic!("{file} has no test {test}"));
        let is_test = lines[..at]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("#["))
            .any(|line| *line == "#[test]");
        assert!(is_test, "{test} in {file} is not a test");
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
