//! Which part of a file a request wants, and whether it wants it at all: RFC 9110, 13 and 14.
//!
//! Owns the order in which conditions are judged, entity tags and ranges. Must never trust a
//! number: each may be larger than any file.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::wire::request::parse_u64;
use crate::wire::timestamp::Timestamp;

/// The fields of a request that say what it depends on, each as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions<'a> {
    /// `If-Match`.
    pub if_match: Option<&'a [u8]>,
    /// `If-Unmodified-Since`.
    pub if_unmodified_since: Option<&'a [u8]>,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a [u8]>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<&'a [u8]>,
    /// `Range`; never of HEAD, which has no use for it (RFC 9110, 14.2).
    pub range: Option<&'a [u8]>,
    /// `If-Range`.
    pub if_range: Option<&'a [u8]>,
}

/// What is there to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// In bytes.
    pub size: u64,
    /// With its quotes, as [`entity_tag`] makes it; a strong one.
    pub etag: &'a str,
    /// When it was last changed, if that is known.
    pub modified: Option<SystemTime>,
}

/// What is to be sent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it: 200.
    Whole,
    /// The bytes from `first` to `last`, which is one of them: 206.
    Part {
        /// Below the size.
        first: u64,
        /// Below the size, and not below `first`.
        last: u64,
    },
    /// Nothing, the client has it: 304.
    NotModified,
    /// Nothing, it is not what the client thinks: 412.
    PreconditionFailed,
    /// Nothing, there are no such bytes: 416.
    Unsatisfiable,
}

impl Conditions<'_> {
    /// Judges the conditions in the order of RFC 9110, 13.2.2.
    #[must_use]
    pub fn select(&self, content: &Content<'_>) -> Selection {
        // A date with less than a second is not written, so it is not compared either.
        let modified = content.modified.map(seconds);
        let is_later = |than: &[u8]| {
            let than = date(than);
            modified.is_some_and(|modified| than.is_some_and(|than| modified > than))
        };
        let fails = match (self.if_match, self.if_unmodified_since) {
            (Some(tags), _) => !names(tags, content.etag, Comparison::Strong),
            (None, Some(date)) => is_later(date),
            (None, None) => false,
        };
        if fails {
            return Selection::PreconditionFailed;
        }
        let is_known = match (self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => names(tags, content.etag, Comparison::Weak),
            (None, Some(since)) => modified.is_some() && date(since).is_some() && !is_later(since),
            (None, None) => false,
        };
        if is_known {
            return Selection::NotModified;
        }
        // A date is no strong validator here: a file can change twice in its second (13.1.5).
        let applies = self
            .if_range
            .is_none_or(|tag| tag == content.etag.as_bytes());
        let range = self.range.filter(|_| applies);
        range.map_or(Selection::Whole, |range| select_range(range, content.size))
    }
}

/// Reads a `Range`: RFC 9110, 14.1.2 and 14.2. One range only; what is several, of another unit or
/// none at all is ignored, as the standard allows, so that no request costs more than its file.
fn select_range(range: &[u8], size: u64) -> Selection {
    read_range(range, size).unwrap_or(Selection::Whole)
}

fn read_range(range: &[u8], size: u64) -> Option<Selection> {
    let (unit, set) = range.split_at_checked(6)?;
    let dash = set.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&set[..dash], &set[dash + 1..]);
    let are_digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    if !unit.eq_ignore_ascii_case(b"bytes=") || !are_digits(first) || !are_digits(last) {
        return None;
    }
    // A number that does not fit is larger than any size.
    let number = |digits| parse_u64(digits).unwrap_or(u64::MAX);
    let (first, last) = match (first, last) {
        ([], []) => return None,
        ([], suffix) => match (number(suffix), size) {
            (0, _) => return Some(Selection::Unsatisfiable),
            (_, 0) => return None,
            (suffix, size) => (size.saturating_sub(suffix), size - 1),
        },
        (first, []) => (number(first), u64::MAX),
        (first, last) => (number(first), number(last)),
    };
    if last < first {
        return None;
    }
    Some(if first < size {
        let last = last.min(size - 1);
        Selection::Part { first, last }
    } else {
        Selection::Unsatisfiable
    })
}

/// How tags are compared: RFC 9110, 8.8.3.2.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of tags, or `*`, names this one. A list that is none names no tag any more.
fn names(tags: &[u8], etag: &str, comparison: Comparison) -> bool {
    if tags == b"*" {
        return true;
    }
    let mut rest = tags;
    while let Some((is_weak, tag, behind)) = next_tag(rest) {
        let counts = !is_weak || comparison == Comparison::Weak;
        if counts && tag == etag.as_bytes() {
            return true;
        }
        rest = behind;
    }
    false
}

/// The next tag of a list, with its quotes; whether it is a weak one, and what is behind it.
fn next_tag(list: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let skipped = list.iter().take_while(|byte| b" \t,".contains(byte));
    let list = &list[skipped.count()..];
    let (is_weak, tag) = match list.strip_prefix(b"W/") {
        Some(tag) => (true, tag),
        None => (false, list),
    };
    let opened = tag.strip_prefix(b"\"")?;
    let len = opened.iter().position(|&byte| byte == b'"')?;
    let (tag, behind) = tag.split_at(len + 2);
    Some((is_weak, tag, behind))
}

/// A date in one of the three forms of RFC 9110, 5.6.7, in seconds since 1970.
fn date(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text).ok()?;
    httpdate::parse_http_date(text).ok().map(seconds)
}

fn seconds(moment: SystemTime) -> u64 {
    let since_1970 = Timestamp(moment).written().duration_since(UNIX_EPOCH);
    since_1970.unwrap_or_default().as_secs()
}

/// The strong tag of a file: another size, another moment or another file, another tag (RFC 9110,
/// 8.8.3).
#[must_use]
pub fn entity_tag(size: u64, modified: SystemTime, inode: u64) -> String {
    let (sign, nanoseconds) = match modified.duration_since(UNIX_EPOCH) {
        Ok(since) => ("", since.as_nanos()),
        Err(before) => ("-", before.duration().as_nanos()),
    };
    let mut tag = String::new();
    // Writing to a string does not fail.
    let _ = write!(tag, "\"{size:x}-{sign}{nanoseconds:x}-{inode:x}\"");
    tag
}

/// The value of `Content-Range` for a part: RFC 9110, 14.4.
#[must_use]
pub fn content_range(first: u64, last: u64, size: u64) -> String {
    format!("bytes {first}-{last}/{size}")
}

/// The value of `Content-Range` where there are no such bytes: RFC 9110, 15.5.17.
#[must_use]
pub fn content_range_of_none(size: u64) -> String {
    format!("bytes */{size}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const DAY: &[u8] = b"Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &[u8] = b"Sun, 06 Nov 1994 08:49:38 GMT";
    const EARLIER: &[u8] = b"Sun, 06 Nov 1994 08:49:36 GMT";

    fn content(size: u64) -> Content<'static> {
        Content {
            size,
            etag: "\"a\"",
            modified: Some(UNIX_EPOCH + Duration::new(784_111_777, 5)),
        }
    }

    fn part(first: u64, last: u64) -> Selection {
        Selection::Part { first, last }
    }

    #[test]
    fn a_range_is_one_of_bytes_and_checked_against_the_size() {
        use Selection::{Unsatisfiable, Whole};
        let max = u64::MAX;
        for (range, size, expected) in [
            ("bytes=0-0", 10, part(0, 0)),
            ("bytes=0-", 10, part(0, 9)),
            ("bytes=9-9", 10, part(9, 9)),
            ("Bytes=2-5", 10, part(2, 5)),
            ("bytes=2-99", 10, part(2, 9)),
            ("bytes=002-0003", 10, part(2, 3)),
            ("bytes=2-99999999999999999999", 10, part(2, 9)),
            ("bytes=-1", 10, part(9, 9)),
            ("bytes=-10", 10, part(0, 9)),
            ("bytes=-99999999999999999999", 10, part(0, 9)),
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=10-12", 10, Unsatisfiable),
            ("bytes=18446744073709551615-", 10, Unsatisfiable),
            ("bytes=99999999999999999999-", 10, Unsatisfiable),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=-000", 0, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=-5", 0, Whole),
            ("bytes=0-18446744073709551615", max, part(0, max - 1)),
            ("bytes=-18446744073709551615", max, part(0, max - 1)),
            ("bytes=18446744073709551614-", max, part(max - 1, max - 1)),
            ("bytes=18446744073709551615-", max, Unsatisfiable),
            ("bytes=5-4", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes", 10, Whole),
            ("", 10, Whole),
            ("bytes=abc", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes=1_0-", 10, Whole),
            ("bytes=0x1-", 10, Whole),
            ("bytes=1--2", 10, Whole),
            ("bytes= 1-2", 10, Whole),
            ("bytes =1-2", 10, Whole),
            ("bytes=1-2 ", 10, Whole),
            ("bytes=0-1,3-4", 10, Whole),
            ("bytes=0-1,", 10, Whole),
            (",bytes=0-1", 10, Whole),
            ("lines=0-1", 10, Whole),
        ] {
            assert_eq!(
                select_range(range.as_bytes(), size),
                expected,
                "{range} of {size}"
            );
        }
        let thousand = format!("bytes={}", "0-,".repeat(1000));
        assert_eq!(select_range(thousand.as_bytes(), 10), Whole);
    }

    #[test]
    fn a_part_is_sent_only_of_the_very_same_file() {
        for (if_range, expected) in [
            (None, part(1, 9)),
            (Some(&b"\"a\""[..]), part(1, 9)),
            (Some(b"\"b\""), Selection::Whole),
            (Some(b"W/\"a\""), Selection::Whole),
            (Some(b"a"), Selection::Whole),
            (Some(b""), Selection::Whole),
            (Some(b"*"), Selection::Whole),
            (Some(b"\"a\", \"b\""), Selection::Whole),
            (Some(DAY), Selection::Whole),
        ] {
            let conditions = Conditions {
                range: Some(b"bytes=1-"),
                if_range,
                ..Conditions::default()
            };
            assert_eq!(conditions.select(&content(10)), expected, "{if_range:?}");
        }
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let known = |tags: Option<&[u8]>, since: Option<&[u8]>| {
            let conditions = Conditions {
                if_none_match: tags,
                if_modified_since: since,
                range: Some(b"bytes=99-"),
                ..Conditions::default()
            };
            match conditions.select(&content(10)) {
                Selection::NotModified => true,
                Selection::Unsatisfiable => false,
                other => panic!("{other:?}"),
            }
        };
        for tags in [
            &b"\"a\""[..],
            b"W/\"a\"",
            b"*",
            b"\"x,y\", W/\"a\"",
            b"\"x\",,\t\"a\" ,",
        ] {
            assert!(known(Some(tags), None), "{}", tags.escape_ascii());
            assert!(known(Some(tags), Some(EARLIER)), "the tag decides alone");
        }
        for tags in [
            &b""[..],
            b"a",
            b"\"A\"",
            b"\"a",
            b"\"x,\"a\"",
            b"w/\"a\"",
            b"*, \"b\"",
        ] {
            assert!(!known(Some(tags), None), "{}", tags.escape_ascii());
            assert!(!known(Some(tags), Some(LATER)), "the tag decides alone");
        }
        for (since, expected) in [
            (DAY, true),
            (LATER, true),
            (EARLIER, false),
            (b"Sunday, 06-Nov-94 08:49:37 GMT", true),
            (b"Sun Nov  6 08:49:37 1994", true),
            (b"yesterday", false),
            (b"", false),
            (b"\xff", false),
        ] {
            assert_eq!(
                known(None, Some(since)),
                expected,
                "{}",
                since.escape_ascii()
            );
        }
    }

    #[test]
    fn a_request_for_another_file_than_this_fails() {
        let selected = |tags: Option<&[u8]>, since: Option<&[u8]>| {
            let conditions = Conditions {
                if_match: tags,
                if_unmodified_since: since,
                ..Conditions::default()
            };
            conditions.select(&content(10))
        };
        let failed = Selection::PreconditionFailed;
        assert_eq!(selected(Some(b"\"a\""), Some(EARLIER)), Selection::Whole);
        assert_eq!(selected(Some(b"*"), None), Selection::Whole);
        assert_eq!(selected(Some(b"W/\"a\""), None), failed);
        assert_eq!(selected(Some(b"\"b\""), Some(LATER)), failed);
        assert_eq!(selected(None, Some(EARLIER)), failed);
        assert_eq!(selected(None, Some(DAY)), Selection::Whole);
        assert_eq!(selected(None, Some(b"never")), Selection::Whole);
    }

    #[test]
    fn another_file_has_another_tag() {
        let at = UNIX_EPOCH + Duration::new(1, 1);
        let tags = [
            entity_tag(1, at, 1),
            entity_tag(2, at, 1),
            entity_tag(1, at + Duration::from_nanos(1), 1),
            entity_tag(1, UNIX_EPOCH - Duration::new(1, 1), 1),
            entity_tag(1, at, 2),
            entity_tag(u64::MAX, at, u64::MAX),
        ];
        for (i, tag) in tags.iter().enumerate() {
            assert!(!tags[..i].contains(tag), "{tag}");
            let inside = tag.trim_matches('"');
            assert!(inside.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
            assert_eq!(tag.len(), inside.len() + 2);
        }
        assert_eq!(tags[0], "\"1-3b9aca01-1\"");
    }
}
