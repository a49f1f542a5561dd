//! Answers for programs: one JSON object for each, in one line.
//!
//! Owns the members of those objects, which are added to and never renamed. Must never put a
//! character there that a terminal would obey: JSON has escapes for all of them.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::client::download::batch::Outcome;
use crate::client::error::Error;
use crate::client::excerpt::path_bytes;
use crate::wire::{Hex, KnownClient, ListedFile, SanitizedJson, Timestamp};

/// The answer to `status`.
#[must_use]
pub fn status(lines: &[Vec<u8>]) -> Value {
    let clients = lines.iter().filter_map(|line| KnownClient::parse(line));
    let clients = clients.map(|client| {
        let gone = client.gone;
        json!({
            "name": text(client.name),
            "address": text(client.address),
            "connected": Timestamp(client.connected).to_string(),
            "disconnected": gone.map(|(when, _)| Timestamp(when).to_string()),
            "reason": gone.map(|(_, why)| text(why)),
        })
    });
    json!({ "answer": "status", "clients": clients.collect::<Vec<_>>() })
}

/// The answer to `list`.
#[must_use]
pub fn list(lines: &[Vec<u8>]) -> Value {
    let files = lines.iter().filter_map(|line| ListedFile::parse(line));
    let files = files.map(|file| {
        let mut object = Map::new();
        entry(&mut object, &file);
        Value::Object(object)
    });
    json!({ "answer": "list", "files": files.collect::<Vec<_>>() })
}

/// The answer to `stat`, from the line that a listing has for the file.
#[must_use]
pub fn stat(line: &[u8]) -> Value {
    let mut object = answer("stat");
    if let Some(file) = ListedFile::parse(line) {
        entry(&mut object, &file);
    }
    Value::Object(object)
}

/// What came back for a message.
#[must_use]
pub fn message(line: &[u8]) -> Value {
    json!({ "answer": "message", "text": text(line) })
}

/// The answer to `sha256`.
#[must_use]
pub fn sha256(asked: &[u8], digest: &crate::wire::Digest, size: u64) -> Value {
    let mut object = answer("sha256");
    name(&mut object, asked);
    object.insert("sha256".into(), Hex(digest).to_string().into());
    object.insert("size".into(), size.into());
    Value::Object(object)
}

/// What became of a file.
#[must_use]
pub fn get(outcome: &Outcome) -> Value {
    let mut object = answer("get");
    let path = |path: &Path| Value::from(text(&path_bytes(path)));
    match outcome {
        Outcome::Fetched(file) => {
            name(&mut object, &file.name);
            object.insert(
                "path".into(),
                file.path.as_deref().map_or(Value::Null, path),
            );
            object.insert("size".into(), file.size.into());
            object.insert("resumed_at".into(), file.resumed_at.into());
            let digest = file.digest.map(|digest| Hex(&digest).to_string());
            object.insert("verified_sha256".into(), digest.into());
        }
        Outcome::Skipped(asked, there) => {
            name(&mut object, asked);
            object.insert("path".into(), path(there));
            object.insert("skipped".into(), true.into());
        }
        Outcome::Failed(asked, err) => return error(err, Some(asked)),
    }
    Value::Object(object)
}

/// A failure, of this file if it is one's.
#[must_use]
pub fn error(err: &Error, asked: Option<&[u8]>) -> Value {
    let mut object = answer("error");
    object.insert("code".into(), err.exit_code().into());
    object.insert("error".into(), err.to_string().into());
    if let Some(asked) = asked {
        name(&mut object, asked);
    }
    Value::Object(object)
}

/// The object in one line, with nothing in it that a terminal would obey.
#[must_use]
pub fn line(value: &Value) -> String {
    SanitizedJson(&value.to_string()).to_string()
}

fn answer(kind: &str) -> Map<String, Value> {
    Map::from_iter([("answer".to_owned(), Value::from(kind))])
}

/// What a listing says of a file.
fn entry(object: &mut Map<String, Value>, file: &ListedFile<'_>) {
    name(object, file.name);
    object.insert("size".into(), file.size.into());
    object.insert(
        "modified".into(),
        Timestamp(file.modified).to_string().into(),
    );
}

/// A name as text, and as bytes too where text cannot hold it.
fn name(object: &mut Map<String, Value>, bytes: &[u8]) {
    object.insert("name".into(), text(bytes).into());
    if str::from_utf8(bytes).is_err() {
        let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
        object.insert("name_hex".into(), hex.collect::<String>().into());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_and_terminals_too() {
        let evil = "é\u{1b}[2J\u{9b}\u{202e}\u{7f}\u{1f6a5}";
        let listed = format!("1 2026-11-22T10:00:00Z {evil}");
        let line = line(&list(&[
            listed.into_bytes(),
            b"1 2026-11-22T10:00:00Z a\xff".to_vec(),
        ]));
        assert!(
            !line.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7f}']),
            "{line}"
        );
        assert!(line.contains("é\\u001b[2J"), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["files"][0]["name"], evil);
        assert_eq!(value["files"][1]["name_hex"], "61ff");
        assert_eq!(value["answer"], "list");
    }
}
