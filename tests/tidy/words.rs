//! The words of the documents.
//!
//! Owns the short list of words that README.md, CHANGELOG.md and docs/ avoid, each for a more exact
//! one. Must never judge code, transcripts or the names of tests.

use std::fs;
use std::path::Path;

/// A client, a peer, a user or a program has a name; a sandbox is called that.
const AVOIDED: &[&str] = &[
    "somebody",
    "anybody",
    "nobody",
    "everybody",
    "someone",
    "anyone",
    "everyone",
    "whoever",
    "newcomer",
    "newcomers",
    "fence",
    "fences",
    "fenced",
    "roster",
    "logbook",
    "harmless",
    "nearness",
    "outsiders",
];

/// The avoided words of a text, each with its line. Fenced blocks are skipped; a name such as
/// `nobody_waits` is one word.
fn avoided(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut is_block = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let words = words.filter(|word| AVOIDED.contains(&word.to_lowercase().as_str()));
            found.extend(words.map(|word| (number, word)));
        }
    }
    found
}

#[test]
fn the_documents_name_things_by_their_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    for entry in fs::read_dir(root.join("docs")).expect("it is there") {
        paths.push(entry.expect("it is there").path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(paths.len() > 5, "the documents are read");
    let mut broken = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a document is text");
        for (number, word) in avoided(&text) {
            broken.push(format!("{}:{number}: {word}", path.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_list_would_notice() {
    assert_eq!(
        avoided("A peer.\nWhoever waits, and somebody's file."),
        [(2, "Whoever"), (2, "somebody")]
    );
    assert_eq!(
        avoided("`nobody_waits`\n```\nanyone there?\n```\nA newcomer."),
        [(5, "newcomer")]
    );
}
