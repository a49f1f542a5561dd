//! The tokens, and the language of their file.
//!
//! Owns the grammar. A file is taken whole or not at all. Must never open one.
//!
//! ```text
//! # berth tokens 1
//! id=Zk3vQ1xA name=alice sha256=<64 digits> rights=get,list expires=<time> sessions=1
//! ```
//!
//! A time is written as 2026-12-01T00:00:00Z; `expires=` and `sessions=` may be left out. Empty
//! lines and lines that begin with `#` are comments, which a change of the file keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::time::SystemTime;

use crate::engine::rights::{Right, Rights};
use crate::server::access::digest::SecretDigest;
use crate::wire::Timestamp;
use crate::wire::token::{TOKEN_ID_BYTES, is_id};

/// The first line of a file.
pub const HEADER: &str = "# berth tokens 1";

/// The most tokens in a file. So many are read in a few milliseconds, for which all clients wait.
pub const TOKENS_MAX: usize = 10_000;

/// The longest name of a token.
pub const NAME_BYTES_MAX: usize = 32;

/// The longest line of a file, comments included: more than twice what a token takes.
pub const LINE_BYTES_MAX: usize = 512;

/// Which token it is.
pub type TokenId = [u8; TOKEN_ID_BYTES];

/// One token, without its secret.
#[derive(Clone, Debug)]
pub struct Token {
    /// Which it is; part of the token, and no secret.
    pub id: TokenId,
    /// Whose it is, for people.
    pub name: Rc<str>,
    /// The digest of its secret.
    pub digest: SecretDigest,
    /// What its owner may ask for.
    pub rights: Rights,
    /// From when on it is not valid; `None`: it is valid for ever.
    pub expires: Option<SystemTime>,
    /// How many sessions there may be with it at once; `None`: any number.
    pub sessions: Option<u32>,
}

impl Token {
    /// Whether it is not valid any more.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// Its id, as text.
    #[must_use]
    pub fn id_text(&self) -> &str {
        std::str::from_utf8(&self.id).expect("an id is letters and digits")
    }
}

/// A token as its line in the file, without the LF.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, digest) = (self.id_text(), self.digest.hex());
        write!(f, "id={id} name={} sha256={digest}", self.name)?;
        write!(f, " rights={}", rights_text(self.rights))?;
        if let Some(at) = self.expires {
            write!(f, " expires={}", Timestamp(at))?;
        }
        if let Some(most) = self.sessions {
            write!(f, " sessions={most}")?;
        }
        Ok(())
    }
}

/// All tokens of a file.
#[derive(Clone, Debug, Default)]
pub struct Tokens(BTreeMap<TokenId, Token>);

impl Tokens {
    /// The token with this id.
    #[must_use]
    pub fn get(&self, id: &TokenId) -> Option<&Token> {
        self.0.get(id)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, so that nobody gets in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        self.0.values()
    }

    /// Reads a file. An empty one has no tokens.
    ///
    /// # Errors
    /// The first line that is not as it has to be. Nothing of the file counts then.
    pub fn parse(text: &[u8]) -> Result<Self, BadLine> {
        let mut tokens = Self::default();
        let mut names = BTreeSet::new();
        for (number, line) in lines(text) {
            let bad = |why| BadLine { number, why };
            if number == 1 && line != Ok(HEADER.as_bytes()) {
                return Err(bad(Why::Header));
            }
            let Some(token) = line.and_then(read_line).map_err(bad)? else {
                continue;
            };
            if tokens.len() == TOKENS_MAX {
                return Err(bad(Why::TooMany));
            }
            if !names.insert(Rc::clone(&token.name)) {
                return Err(bad(Why::Twice("name")));
            }
            if tokens.0.insert(token.id, token).is_some() {
                return Err(bad(Why::Twice("id")));
            }
        }
        Ok(tokens)
    }
}

/// The lines of a file with their numbers, each without its LF. What was cut off in the middle of a
/// line may still look like one, with fewer rights or more sessions: so each needs its LF.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, Result<&[u8], Why>)> {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    (1..).zip(lines.map(|line| match line.strip_suffix(b"\n") {
        Some(line) if line.len() > LINE_BYTES_MAX => Err(Why::TooLong),
        Some(line) => Ok(line),
        None => Err(Why::NoEnd),
    }))
}

/// A line of a file that is not as it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1 on.
    pub number: usize,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Header,
    TooLong,
    NoEnd,
    NoText,
    Expected(&'static str),
    Bad(&'static str, &'static str),
    More,
    TooMany,
    Twice(&'static str),
}

/// The line itself is not told: it may hold what was pasted there by mistake.
impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.number)?;
        match self.why {
            Why::Header => write!(f, "the file does not begin with '{HEADER}'"),
            Why::TooLong => write!(f, "it is longer than {LINE_BYTES_MAX} bytes"),
            Why::NoEnd => f.write_str("its end is missing, so the file may have been cut off"),
            Why::NoText => f.write_str("it is not text"),
            Why::Expected(key) => write!(f, "{key}=... is expected, or stands in another place"),
            Why::Bad(key, what) => write!(f, "{key}= is not {what}"),
            Why::More => f.write_str("something stands behind the last of its parts"),
            Why::TooMany => write!(f, "more than {TOKENS_MAX} tokens"),
            Why::Twice(key) => write!(f, "its {key} stands in an earlier line"),
        }
    }
}

/// Reads a line; `None`: a comment.
fn read_line(line: &[u8]) -> Result<Option<Token>, Why> {
    let line = std::str::from_utf8(line).map_err(|_| Why::NoText)?;
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let mut parts = line.split(' ').peekable();
    let mut required = |key| {
        let value = parts.next().and_then(|part| value(part, key));
        value.ok_or(Why::Expected(key))
    };
    let id = required("id")?;
    let id = TokenId::try_from(id.as_bytes()).ok().filter(|id| is_id(id));
    let id = id.ok_or(Why::Bad("id", "8 letters and digits"))?;
    let name = required("name")?;
    if !is_name(name) {
        return Err(Why::Bad("name", "a name of a token"));
    }
    let digest = SecretDigest::read(required("sha256")?);
    let digest = digest.ok_or(Why::Bad("sha256", "64 hexadecimal digits"))?;
    let rights = read_rights(required("rights")?);
    let rights = rights.ok_or(Why::Bad("rights", "a list of rights, each once"))?;
    let mut optional = |key| {
        let value = parts.peek().and_then(|part| value(part, key))?;
        parts.next();
        Some(value)
    };
    let expires = optional("expires").map(read_time);
    let sessions = optional("sessions").map(read_count);
    if parts.next().is_some() {
        return Err(Why::More);
    }
    Ok(Some(Token {
        id,
        name: name.into(),
        digest,
        rights,
        expires: transpose(
            expires,
            Why::Bad("expires", "a time as 2026-12-01T00:00:00Z"),
        )?,
        sessions: transpose(sessions, Why::Bad("sessions", "a number from 1 on"))?,
    }))
}

/// What stands behind `key=`.
fn value<'a>(part: &'a str, key: &str) -> Option<&'a str> {
    part.strip_prefix(key)?.strip_prefix('=')
}

fn transpose<T>(read: Option<Option<T>>, why: Why) -> Result<Option<T>, Why> {
    match read {
        Some(None) => Err(why),
        read => Ok(read.flatten()),
    }
}

/// Whether a token may be called so: what a log, a journal and a table show as it is.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.as_bytes()[0].is_ascii_alphanumeric()
        && name.bytes().all(is_inside)
}

/// Reads rights, divided by commas. `None`: there is none, one is unknown or stands there twice.
#[must_use]
pub fn read_rights(text: &str) -> Option<Rights> {
    text.split(',').try_fold(Rights::default(), |rights, word| {
        let right = Right::ALL.into_iter().find(|right| right.word() == word)?;
        (!rights.has(right)).then_some(rights.with(right))
    })
}

/// Rights, divided by commas.
#[must_use]
pub fn rights_text(rights: Rights) -> String {
    rights.iter().map(Right::word).collect::<Vec<_>>().join(",")
}

/// Reads a time in whole seconds, UTC, as it is written.
fn read_time(text: &str) -> Option<SystemTime> {
    let time = humantime::parse_rfc3339(text).ok()?;
    (Timestamp(time).to_string() == text).then_some(time)
}

/// Reads a number from 1 on, as it is written.
fn read_count(text: &str) -> Option<u32> {
    let count = text.parse::<u32>().ok()?;
    (count > 0 && count.to_string() == text).then_some(count)
}

/// What a name has to be, for people.
pub const NAME_ADVICE: &str =
    "up to 32 letters, digits and '._@-', of which the first is a letter or digit";

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn line(rest: &str) -> String {
        format!("id=Zk3vQ1xA name=alice sha256={HEX} {rest}")
    }

    fn read(lines: &[&str]) -> Result<Tokens, String> {
        let text = [&[HEADER], lines].concat().join("\n") + "\n";
        Tokens::parse(text.as_bytes()).map_err(|bad| bad.to_string())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let full = line("rights=get,list,status expires=2026-12-01T00:00:00Z sessions=1");
        let bare = line("rights=echo").replace("Zk3vQ1xA", "00000000");
        let bare = bare.replace("alice", "bob.b@x-1");
        let tokens = read(&["", "# a comment", &full, &bare]).expect("they are good");
        assert_eq!(tokens.len(), 2);
        let shown: Vec<String> = tokens.iter().map(ToString::to_string).collect();
        assert_eq!(shown, [bare, full]);
        let alice = tokens.get(b"Zk3vQ1xA").expect("it is there");
        assert_eq!(rights_text(alice.rights), "get,list,status");
        let at = alice.expires.expect("it expires");
        assert_eq!(at, UNIX_EPOCH + Duration::from_secs(1_796_083_200));
        assert!(alice.has_expired(at) && !alice.has_expired(at - Duration::from_nanos(1)));
    }

    #[test]
    fn an_empty_file_has_no_tokens() {
        assert!(Tokens::parse(b"").is_ok_and(|tokens| tokens.is_empty()));
        assert!(read(&[]).is_ok_and(|tokens| tokens.is_empty()));
    }

    #[test]
    fn a_line_that_is_not_as_it_has_to_be_is_named_and_nothing_counts() {
        let good = line("rights=get");
        let table = [
            (good.replace("id=", "ID="), "id=... is expected"),
            (good.replace("Zk3v", "Zk-v"), "id= is not"),
            (good.replace("Zk3v", "Zk3vv"), "id= is not"),
            (good.replace("alice", ""), "name= is not"),
            (good.replace("alice", "-alice"), "name= is not"),
            (good.replace("alice", "al=ice"), "name= is not"),
            (good.replace("alice", "älice"), "name= is not"),
            (good.replace("alice", &"a".repeat(33)), "name= is not"),
            (good.replace("ba78", "BA78"), "sha256= is not"),
            (good.replace("ba78", "ba7"), "sha256= is not"),
            (line("rights="), "rights= is not"),
            (line("rights=get,get"), "rights= is not"),
            (line("rights=get,"), "rights= is not"),
            (line("rights=Get"), "rights= is not"),
            (line("rights=admin"), "rights= is not"),
            (line("rights=get sessions=0"), "sessions= is not"),
            (line("rights=get sessions=01"), "sessions= is not"),
            (line("rights=get sessions=+1"), "sessions= is not"),
            (line("rights=get sessions=4294967296"), "sessions= is not"),
            (line("rights=get expires=2026-12-01"), "expires= is not"),
            (
                line("rights=get expires=2026-12-01T00:00:00.5Z"),
                "expires= is not",
            ),
            (line("rights=get expires=never"), "expires= is not"),
            (
                line("rights=get sessions=1 sessions=2"),
                "something stands behind",
            ),
            (
                line("rights=get sessions=1 expires=2026-12-01T00:00:00Z"),
                "something stands",
            ),
            (line("rights=get "), "something stands behind"),
            (line("rights=get\r"), "rights= is not"),
            (line("rights=get color=red"), "something stands behind"),
            (good.replace(" name", "  name"), "name=... is expected"),
            (format!(" {good}"), "id=... is expected"),
            (format!("#{}", "x".repeat(LINE_BYTES_MAX)), "it is longer"),
            (good.clone(), "its name stands"),
            (good.replace("alice", "bob"), "its id stands"),
        ];
        for (bad, told) in table {
            let refusal = read(&[&good, &bad]).expect_err(&bad);
            assert!(
                refusal.starts_with(&format!("line 3: {told}")),
                "{bad}: {refusal}"
            );
            assert!(
                !refusal.contains("alice"),
                "a line is never told: {refusal}"
            );
        }
    }

    #[test]
    fn what_was_cut_off_in_the_middle_of_a_line_counts_for_nothing() {
        let whole = format!("{HEADER}\n{}\n", line("rights=get,list sessions=12"));
        assert!(Tokens::parse(whole.as_bytes()).is_ok());
        for end in 1..whole.len() {
            let is_between_lines = end == HEADER.len() + 1;
            let read = Tokens::parse(&whole.as_bytes()[..end]);
            assert_eq!(read.is_ok(), is_between_lines, "{end}");
        }
        assert!(Tokens::parse(b"\n").is_err());
        assert!(Tokens::parse(&[HEADER.as_bytes(), b"\n\xff\n"].concat()).is_err());
    }

    #[test]
    fn a_file_has_so_many_tokens_and_no_more() {
        let one = |n: usize| format!("id={n:08} name=n{n} sha256={HEX} rights=get\n");
        let mut text = format!("{HEADER}\n");
        text.extend((0..TOKENS_MAX).map(one));
        assert!(Tokens::parse(text.as_bytes()).is_ok_and(|all| all.len() == TOKENS_MAX));
        text += &one(TOKENS_MAX);
        let bad = Tokens::parse(text.as_bytes()).expect_err("one too many");
        assert_eq!(bad.number, TOKENS_MAX + 2);
    }
}
