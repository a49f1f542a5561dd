//! The published schema says what is written: no more and no less.

use serde_json::{Value, json};

use crate::book::{Book, of, stop};

const SCHEMA: &str = include_str!("../../docs/journal.schema.json");
const DOCUMENT: &str = include_str!("../../docs/journal.md");

/// Whether a value is as a schema says, for the words of JSON Schema that this one uses. A word
/// that is not known here is a mistake in the test.
fn fits(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    let all = |schemas: &Value| -> Vec<Result<(), String>> {
        let schemas = schemas.as_array().expect("a list of schemas");
        schemas
            .iter()
            .map(|schema| fits(value, schema, root))
            .collect()
    };
    for (word, said) in schema.as_object().expect("a schema is an object") {
        let holds = match word.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let path = said.as_str().and_then(|path| path.strip_prefix('#'));
                let to = path.and_then(|path| root.pointer(path));
                return fits(value, to.expect("it leads somewhere"), root);
            }
            "type" => has_type(value, said.as_str().expect("a type is a word")),
            "const" => value == said,
            "enum" => said.as_array().expect("a list").contains(value),
            "minimum" => value.as_u64() >= said.as_u64(),
            "pattern" => value.as_str().is_some_and(|text| matches(text, said)),
            "required" => {
                let names = said.as_array().expect("a list").iter();
                names
                    .clone()
                    .all(|name| value.get(name.as_str().expect("a name")).is_some())
            }
            "properties" => properties(value, said, root)?,
            "items" => {
                let mut items = value.as_array().into_iter().flatten();
                items.try_for_each(|item| fits(item, said, root))?;
                true
            }
            "oneOf" => all(said).iter().filter(|fit| fit.is_ok()).count() == 1,
            word => panic!("the test does not know {word}"),
        };
        if !holds {
            return Err(format!("{word} {said}: {value}"));
        }
    }
    Ok(())
}

fn properties(value: &Value, said: &Value, root: &Value) -> Result<bool, String> {
    for (name, schema) in said.as_object().expect("properties are an object") {
        if let Some(value) = value.get(name) {
            fits(value, schema, root).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    Ok(true)
}

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        kind => panic!("the test does not know {kind}"),
    }
}

/// The few patterns of the schema, by what they are for.
fn matches(text: &str, pattern: &Value) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match pattern.as_str().expect("a pattern is text") {
        "^Client[0-9]{2,}$" => text.strip_prefix("Client").is_some_and(digits) && text.len() > 7,
        "^[a-z]{1,32}$" => {
            let is_word = text.bytes().all(|byte| byte.is_ascii_lowercase());
            is_word && (1..=32).contains(&text.len())
        }
        "^[0-9]\\.[0-9]$" => {
            let text = text.as_bytes();
            matches!(text, [a, b'.', b] if a.is_ascii_digit() && b.is_ascii_digit())
        }
        "^[0-9a-f]{64}$" => text.len() == 64 && matches(text, &"^([0-9a-f]{2})+$".into()),
        "^([0-9a-f]{2})+$" => {
            let is_hex = text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            is_hex && text.len().is_multiple_of(2) && !text.is_empty()
        }
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$" => {
            let form = |(a, b): (u8, u8)| a == b || (b == b'0' && a.is_ascii_digit());
            let example = b"0000-00-00T00:00:00.000Z";
            text.len() == example.len() && text.bytes().zip(*example).all(form)
        }
        pattern => panic!("the test does not know {pattern}"),
    }
}

/// A night in which everything happens that a journal knows.
fn every_kind() -> Vec<Value> {
    let book = Book::new();
    let setup = || {
        book.setup()
            .with("--max-clients 1")
            .file("a\u{fc}", b"inside")
    };
    let server = setup().start();
    let mut client = server.client("Client01");
    client.get("get a\u{fc}");
    let log = |server: &crate::support::Server, client: &mut _, said: &str| {
        crate::support::meanwhile(client, |_| server.log().contains(said));
    };
    let mut records = Vec::new();
    std::fs::rename(book.path(), book.moved(1)).expect("the journal is there");
    server.signal(rustix::process::Signal::HUP);
    log(&server, &mut client, "goes on in a new file");
    crate::book::kill(server);
    records.extend(crate::book::records(&book.moved(1)));
    let server = setup().start();
    let mut client = server.client("Client02");
    let mut second = server.connect();
    second.expect("Server full, try later\n");
    client.send("exit\n");
    client.expect("Goodbye Client02\n");
    client.expect_end();
    stop(server);
    records.extend(book.records());
    records.extend(with_tokens());
    records.extend(crate::uploads::records());
    records
}

/// A night in which a token is revoked.
fn with_tokens() -> Vec<Value> {
    let book = Book::new();
    let tokens = book.path().with_file_name("tokens");
    let token = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_berthd"));
        command
            .arg("token")
            .args(words)
            .arg("--tokens")
            .arg(&tokens);
        let (code, out, err) = crate::support::outcome(&mut command);
        assert_eq!(code, Some(0), "{err}");
        out
    };
    let gone = token(&["add", "gone"]);
    let stays = token(&["add", "stays", "--rights", "echo"]);
    let server = book.setup().with(&format!("--tokens {}", tokens.display()));
    let server = server.start();
    let mut first = server.connect();
    first.send(format!("auth {gone}"));
    first.expect("AUTH token\nWelcome Client01\n");
    let mut second = server.connect();
    second.send(format!("auth {stays}"));
    second.expect("AUTH token\nWelcome Client02\n");
    token(&["revoke", "gone"]);
    server.signal(rustix::process::Signal::HUP);
    first.expect("ERR token revoked, closing\n");
    first.expect_end();
    second.send("exit\n");
    second.expect("Goodbye Client02\n");
    second.expect_end();
    stop(server);
    book.records()
}

#[test]
fn every_record_that_is_written_fits_the_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let records = every_kind();
    for record in &records {
        fits(record, &schema, &schema).unwrap_or_else(|why| panic!("{why}\n{record}"));
    }
    let kinds = schema["oneOf"].as_array().expect("a list").iter();
    let kinds = kinds.map(|kind| {
        let name = kind["$ref"]
            .as_str()
            .and_then(|path| path.strip_prefix("#/$defs/"));
        name.expect("each kind has a definition").to_owned()
    });
    for kind in kinds {
        assert!(!of(&records, &kind).is_empty(), "{kind} was never written");
    }
}

#[test]
fn the_examples_of_the_document_fit_the_schema_and_every_field_is_in_it() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let examples: Vec<Value> = DOCUMENT
        .lines()
        .filter_map(|line| serde_json::from_str(line.trim()).ok())
        .collect();
    let kinds = schema["oneOf"].as_array().expect("a list").len();
    assert!(examples.len() >= kinds, "an example for each kind");
    for example in &examples {
        fits(example, &schema, &schema).unwrap_or_else(|why| panic!("{why}\n{example}"));
    }
    for kind in schema["$defs"].as_object().expect("definitions").values() {
        for field in kind["properties"].as_object().into_iter().flatten() {
            assert!(DOCUMENT.contains(&format!("`{}`", field.0)), "{}", field.0);
        }
    }
}

#[test]
fn the_schema_refuses_what_is_not_written() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let good = json!({"time": "2026-11-22T10:00:00.000Z", "seq": 1, "event": "stopping",
        "clients": 0, "later": ["anything"]});
    assert_eq!(fits(&good, &schema, &schema), Ok(()));
    for (field, value) in [
        ("time", json!("2026-11-22")),
        ("seq", json!(-1)),
        ("event", json!("sung")),
        ("clients", json!("none")),
        ("lost", json!(0)),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(fits(&bad, &schema, &schema).is_err(), "{bad}");
    }
    for field in ["time", "seq", "event", "clients"] {
        let mut bad = good.clone();
        bad.as_object_mut().expect("an object").remove(field);
        assert!(fits(&bad, &schema, &schema).is_err(), "{bad}");
    }
}
