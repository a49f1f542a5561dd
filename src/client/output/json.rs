//! Answers for programs: one JSON object for each, in one line.
//!
//! Owns the members of those objects, which are added to and never renamed, and stand in the order
//! of the alphabet. Must never put a character there that a terminal would obey: JSON has escapes
//! for all of them.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::client::download::batch::Outcome;
use crate::client::error::Error;
use crate::client::excerpt::path_bytes;
use crate::client::upload::batch::Outcome as Uploaded;
use crate::wire::{Digest, Hex, KnownClient, ListedFile, SanitizedJson, Timestamp};

#[derive(Serialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
enum Object {
    Status {
        clients: Vec<Client>,
    },
    List {
        files: Vec<File>,
    },
    Stat {
        #[serde(flatten)]
        file: Option<File>,
    },
    Message {
        text: String,
    },
    Sha256 {
        #[serde(flatten)]
        name: Name,
        sha256: String,
        size: u64,
    },
    #[serde(rename = "get")]
    Fetched {
        #[serde(flatten)]
        name: Name,
        path: Option<String>,
        resumed_at: Option<u64>,
        size: u64,
        verified_sha256: Option<String>,
    },
    #[serde(rename = "get")]
    Skipped {
        #[serde(flatten)]
        name: Name,
        path: String,
        skipped: bool,
    },
    #[serde(rename = "put")]
    Stored {
        #[serde(flatten)]
        name: Name,
        path: Option<String>,
        resumed_at: Option<u64>,
        sha256: String,
        size: u64,
    },
    #[serde(rename = "put")]
    Left {
        #[serde(flatten)]
        name: Name,
        path: Option<String>,
        skipped: bool,
    },
    Error {
        code: u8,
        error: String,
        #[serde(flatten)]
        name: Option<Name>,
    },
}

#[derive(Serialize)]
struct Client {
    address: String,
    connected: String,
    disconnected: Option<String>,
    name: String,
    reason: Option<String>,
}

/// What a listing says of a file.
#[derive(Serialize)]
struct File {
    modified: String,
    #[serde(flatten)]
    name: Name,
    size: u64,
}

/// A name as text, and as bytes too where text cannot hold it.
#[derive(Serialize)]
struct Name {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
}

/// The answer to `status`.
#[must_use]
pub fn status(lines: &[Vec<u8>]) -> String {
    let clients = lines.iter().filter_map(|line| KnownClient::parse(line));
    let clients = clients.map(|client| Client {
        address: text(client.address),
        connected: Timestamp(client.connected).to_string(),
        disconnected: client.gone.map(|(when, _)| Timestamp(when).to_string()),
        name: text(client.name),
        reason: client.gone.map(|(_, why)| text(why)),
    });
    line(&Object::Status {
        clients: clients.collect(),
    })
}

/// The answer to `list`.
#[must_use]
pub fn list(lines: &[Vec<u8>]) -> String {
    let files = lines.iter().filter_map(|line| listed(line));
    line(&Object::List {
        files: files.collect(),
    })
}

/// The answer to `stat`, from the line that a listing has for the file.
#[must_use]
pub fn stat(entry: &[u8]) -> String {
    line(&Object::Stat {
        file: listed(entry),
    })
}

/// What came back for a message.
#[must_use]
pub fn message(answer: &[u8]) -> String {
    line(&Object::Message { text: text(answer) })
}

/// The answer to `sha256`.
#[must_use]
pub fn sha256(asked: &[u8], digest: &Digest, size: u64) -> String {
    line(&Object::Sha256 {
        name: name(asked),
        sha256: Hex(digest).to_string(),
        size,
    })
}

/// What became of a file.
#[must_use]
pub fn get(outcome: &Outcome) -> String {
    let path = |path: &Path| text(&path_bytes(path));
    match outcome {
        Outcome::Fetched(file) => line(&Object::Fetched {
            name: name(&file.name),
            path: file.path.as_deref().map(path),
            resumed_at: file.resumed_at,
            size: file.size,
            verified_sha256: file.digest.map(|digest| Hex(&digest).to_string()),
        }),
        Outcome::Skipped(asked, there) => line(&Object::Skipped {
            name: name(asked),
            path: path(there),
            skipped: true,
        }),
        Outcome::Failed(asked, err) => error(err, Some(asked)),
    }
}

/// What became of a file that was to be uploaded.
#[must_use]
pub fn put(outcome: &Uploaded) -> String {
    let path_of = |path: &Option<PathBuf>| path.as_ref().map(|path| text(&path_bytes(path)));
    match outcome {
        Uploaded::Stored(file) => line(&Object::Stored {
            name: name(&file.name),
            path: path_of(&file.path),
            resumed_at: file.resumed_at,
            sha256: Hex(&file.digest).to_string(),
            size: file.size,
        }),
        Uploaded::Skipped { name: asked, path } => line(&Object::Left {
            name: name(asked),
            path: path_of(path),
            skipped: true,
        }),
        Uploaded::Failed(asked, err) => error(err, Some(asked)),
    }
}

/// A failure, of this file if it is one's.
#[must_use]
pub fn error(err: &Error, asked: Option<&[u8]>) -> String {
    line(&Object::Error {
        code: err.exit_code(),
        error: err.to_string(),
        name: asked.map(name),
    })
}

fn line(object: &Object) -> String {
    let json = serde_json::to_string(object).expect("text and numbers can be written");
    SanitizedJson(&json).to_string()
}

fn listed(entry: &[u8]) -> Option<File> {
    ListedFile::parse(entry).map(|file| File {
        modified: Timestamp(file.modified).to_string(),
        name: name(file.name),
        size: file.size,
    })
}

fn name(bytes: &[u8]) -> Name {
    let hex = || bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Name {
        name: text(bytes),
        name_hex: str::from_utf8(bytes).is_err().then(hex),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::download::fetch::Fetched;
    use crate::client::upload::put::Stored;
    use serde_json::Value;

    /// Each line as it is expected, with `'` for `"` and `HEX` for the digest of 32 times 0xab.
    fn assert_lines<const N: usize>(table: [(String, &str); N]) {
        for (line, expected) in table {
            let expected = expected
                .replace('\'', "\"")
                .replace("HEX", &"ab".repeat(32));
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn members_of_answers_stand_in_the_order_of_the_alphabet() {
        let listed = |name: &[u8]| [b"6 2026-11-22T10:00:00Z ", name].concat();
        let clients = [
            b"Client01 [::1]:5 connected 2026-11-22T11:00:00Z".to_vec(),
            b"Client02 [::1]:6 connected 2026-11-22T11:00:00Z disconnected 2026-11-22T11:59:59Z eof"
                .to_vec(),
        ];
        assert_lines([
            (
                status(&clients),
                "{'answer':'status','clients':[{'address':'[::1]:5',\
                 'connected':'2026-11-22T11:00:00Z','disconnected':null,'name':'Client01',\
                 'reason':null},{'address':'[::1]:6','connected':'2026-11-22T11:00:00Z',\
                 'disconnected':'2026-11-22T11:59:59Z','name':'Client02','reason':'eof'}]}",
            ),
            (
                list(&[listed(b"f"), listed(b"a\xff")]),
                "{'answer':'list','files':[{'modified':'2026-11-22T10:00:00Z','name':'f',\
                 'size':6},{'modified':'2026-11-22T10:00:00Z','name':'a\u{fffd}',\
                 'name_hex':'61ff','size':6}]}",
            ),
            (
                stat(&listed(b"f")),
                "{'answer':'stat','modified':'2026-11-22T10:00:00Z','name':'f','size':6}",
            ),
            (stat(b"?"), "{'answer':'stat'}"),
            (message(b"x ACK"), "{'answer':'message','text':'x ACK'}"),
            (
                sha256(b"f", &[0xab; 32], 6),
                "{'answer':'sha256','name':'f','sha256':'HEX','size':6}",
            ),
        ]);
    }

    #[test]
    fn members_of_outcomes_stand_in_the_order_of_the_alphabet() {
        let digest = [0xab; 32];
        let fetched = |name: &[u8], digest: Option<Digest>| Fetched {
            name: name.to_vec(),
            path: digest.map(|_| "d/f".into()),
            size: 6,
            resumed_at: digest.map(|_| 3),
            digest,
        };
        assert_lines([
            (
                get(&Outcome::Fetched(fetched(b"f", None))),
                "{'answer':'get','name':'f','path':null,'resumed_at':null,'size':6,\
                 'verified_sha256':null}",
            ),
            (
                get(&Outcome::Fetched(fetched(b"f", Some(digest)))),
                "{'answer':'get','name':'f','path':'d/f','resumed_at':3,'size':6,\
                 'verified_sha256':'HEX'}",
            ),
            (
                get(&Outcome::Skipped(b"\xff".to_vec(), "f".into())),
                "{'answer':'get','name':'\u{fffd}','name_hex':'ff','path':'f','skipped':true}",
            ),
            (
                get(&Outcome::Failed(b"f".to_vec(), Error::Interrupted)),
                "{'answer':'error','code':130,'error':'interrupted','name':'f'}",
            ),
            (
                error(&Error::Interrupted, None),
                "{'answer':'error','code':130,'error':'interrupted'}",
            ),
        ]);
    }

    #[test]
    fn an_upload_is_told_as_a_download_is() {
        let stored = |path: Option<&str>, resumed_at| Stored {
            name: b"f".to_vec(),
            path: path.map(PathBuf::from),
            size: 6,
            resumed_at,
            digest: [0xab; 32],
        };
        assert_lines([
            (
                put(&Uploaded::Stored(stored(Some("d/f"), Some(3)))),
                "{'answer':'put','name':'f','path':'d/f','resumed_at':3,'sha256':'HEX','size':6}",
            ),
            (
                put(&Uploaded::Stored(stored(None, None))),
                "{'answer':'put','name':'f','path':null,'resumed_at':null,'sha256':'HEX',\
                 'size':6}",
            ),
            (
                put(&Uploaded::Skipped {
                    name: b"\xff".to_vec(),
                    path: Some("f".into()),
                }),
                "{'answer':'put','name':'\u{fffd}','name_hex':'ff','path':'f','skipped':true}",
            ),
            (
                put(&Uploaded::Failed(b"f".to_vec(), Error::Interrupted)),
                "{'answer':'error','code':130,'error':'interrupted','name':'f'}",
            ),
        ]);
    }

    #[test]
    fn names_survive_and_terminals_too() {
        let evil = "é\u{1b}[2J\u{9b}\u{202e}\u{7f}\u{1f6a5}";
        let listed = format!("1 2026-11-22T10:00:00Z {evil}");
        let line = list(&[
            listed.into_bytes(),
            b"1 2026-11-22T10:00:00Z a\xff".to_vec(),
        ]);
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
