//! Writes bytes of unknown origin into HTML, into a link and into the name of a download, and reads
//! them back from a link.
//!
//! Owns these four. Must never assume that a name is UTF-8: a link holds its bytes, and only what
//! is shown of it is text.

use std::fmt::{self, Write};

use crate::wire::sanitize::Sanitized;

/// Bytes as text in HTML, in an element or in a quoted attribute; the same for both.
///
/// What markup is made of is written as character references. What can move, hide or turn text
/// around, and bytes that are not UTF-8, are shown as escapes: see [`Sanitized`].
#[derive(Clone, Copy, Debug)]
pub struct HtmlText<'a>(pub &'a [u8]);

impl fmt::Display for HtmlText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(References(f), "{}", Sanitized(self.0))
    }
}

/// Writes the five signs of markup as character references.
struct References<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for References<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(['&', '<', '>', '"', '\'']) {
            let plain = piece.trim_end_matches(['&', '<', '>', '"', '\'']);
            self.0.write_str(plain)?;
            self.0.write_str(match &piece[plain.len()..] {
                "&" => "&amp;",
                "<" => "&lt;",
                ">" => "&gt;",
                "\"" => "&quot;",
                "'" => "&#39;",
                rest => rest,
            })?;
        }
        Ok(())
    }
}

/// A name as the path of a link: every byte but `/` and the unreserved ones (RFC 3986, 2.3) as a
/// percent and two digits. Nothing in it means anything to HTML.
#[derive(Clone, Copy, Debug)]
pub struct LinkPath<'a>(pub &'a [u8]);

impl fmt::Display for LinkPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        percent_encode(self.0, f, |byte| {
            byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte)
        })
    }
}

fn percent_encode(
    bytes: &[u8],
    f: &mut fmt::Formatter<'_>,
    is_plain: impl Fn(u8) -> bool,
) -> fmt::Result {
    for &byte in bytes {
        if is_plain(byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// Takes the percents off one part of a path, once: RFC 3986, 2.1. `None` if one of them has no two
/// digits behind it.
#[must_use]
pub fn percent_decode(part: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part;
    loop {
        rest = match *rest {
            [] => return Some(bytes),
            [b'%', high, low, ref rest @ ..] => {
                bytes.push(hex_digit(high)? << 4 | hex_digit(low)?);
                rest
            }
            [b'%', ..] => return None,
            [byte, ref rest @ ..] => {
                bytes.push(byte);
                rest
            }
        };
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// The value of `Content-Disposition` for a file that is to be saved under its name: RFC 6266, 4.3,
/// and RFC 8187, 3.2. Only the last part of the name is in it.
///
/// The plain form is of bytes that every browser reads alike, others are `_` in it. What would turn
/// the name around or hide in it, and bytes that are not UTF-8, are `_` in both.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a>(pub &'a [u8]);

impl fmt::Display for Attachment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.0.rsplit(|&byte| byte == b'/').next();
        let name = String::from_utf8_lossy(last.unwrap_or_default());
        let name: String = name.chars().map(readable).collect();
        let plain: String = name.chars().map(plain).collect();
        write!(f, "attachment; filename=\"{plain}\"; filename*=UTF-8''")?;
        percent_encode(name.as_bytes(), f, |byte| {
            byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
        })
    }
}

/// The letter, or `_` for what cannot be read. A combining mark can be, behind a letter.
fn readable(c: char) -> char {
    let behind_a_letter = format!("a{c}");
    let is_shown = Sanitized(behind_a_letter.as_bytes()).to_string() == behind_a_letter;
    match c {
        '\t' | char::REPLACEMENT_CHARACTER => '_',
        _ if is_shown => c,
        _ => '_',
    }
}

fn plain(c: char) -> char {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => c,
        ' ' | '.' | '-' | '_' | '(' | ')' | '+' | ',' | '@' => c,
        _ => '_',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back_from_a_link() {
        let every: Vec<u8> = (1..=255).collect();
        let link = LinkPath(&every).to_string();
        assert_eq!(percent_decode(link.as_bytes()), Some(every));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"%/-._~".contains(&byte);
        assert!(link.bytes().all(is_plain), "{link}");
        for byte in 0..=255 {
            let link = LinkPath(&[byte]).to_string();
            assert_eq!(percent_decode(link.as_bytes()), Some(vec![byte]));
            assert_eq!(
                percent_decode(link.to_lowercase().as_bytes()).map(|b| b.len()),
                Some(1)
            );
        }
    }

    #[test]
    fn a_part_is_decoded_once_and_a_lone_percent_is_none() {
        for (part, bytes) in [
            (&b""[..], Some(&b""[..])),
            (b"a+b", Some(b"a+b")),
            (b"%2525", Some(b"%25")),
            (b"%c3%BC\\", Some(b"\xc3\xbc\\")),
            (b"%00%2f", Some(b"\0/")),
            (b"%", None),
            (b"%2", None),
            (b"a%zz", None),
            (b"%+1", None),
            (b"%-1", None),
            (b"%%41", None),
            (b"%u0041", None),
        ] {
            assert_eq!(
                percent_decode(part).as_deref(),
                bytes,
                "{}",
                part.escape_ascii()
            );
        }
    }

    #[test]
    fn no_text_is_markup() {
        for (bytes, html) in [
            (
                &b"<img src=x onerror='alert(1)'>"[..],
                "&lt;img src=x onerror=&#39;alert(1)&#39;&gt;",
            ),
            (b"\"onmouseover=\"x", "&quot;onmouseover=&quot;x"),
            (b"&amp;&", "&amp;amp;&amp;"),
            (b"a\xffb", "a\\xffb"),
            (b"a\nb\0", "a\\nb\\0"),
            (
                "Gr\u{fc}\u{df}e \u{202e}txt.exe".as_bytes(),
                "Gr\u{fc}\u{df}e \\u{202e}txt.exe",
            ),
            (b"<<>>", "&lt;&lt;&gt;&gt;"),
            (b"", ""),
        ] {
            assert_eq!(HtmlText(bytes).to_string(), html);
        }
        let every: Vec<u8> = (0..=255).collect();
        let html = HtmlText(&every).to_string();
        assert!(!html.contains(['<', '>', '"', '\'']));
        assert_eq!(html.matches('&').count(), 5);
    }

    #[test]
    fn a_download_is_named_for_browsers_old_and_new() {
        let named = |name: &[u8]| {
            let text = Attachment(name).to_string();
            let text = text.strip_prefix("attachment; filename=\"").unwrap();
            let (plain, coded) = text.split_once("\"; filename*=UTF-8''").unwrap();
            (plain.to_owned(), coded.to_owned())
        };
        for (name, plain, coded) in [
            (&b"tide.txt"[..], "tide.txt", "tide.txt"),
            (b"inbox/a b.txt", "a b.txt", "a%20b.txt"),
            ("Gr\u{fc}n.txt".as_bytes(), "Gr_n.txt", "Gr%C3%BCn.txt"),
            ("e\u{301}.txt".as_bytes(), "e_.txt", "e%CC%81.txt"),
            (b"a\"; x=\"b", "a__ x__b", "a%22%3B%20x%3D%22b"),
            (b"100%.txt", "100_.txt", "100%25.txt"),
            (
                b"a\r\nSet-Cookie: x",
                "a__Set-Cookie_ x",
                "a__Set-Cookie%3A%20x",
            ),
            (b"a\\b*'", "a_b__", "a%5Cb%2A%27"),
            (b"a\xff\xfeb\t", "a__b_", "a__b_"),
            ("\u{202e}gpj.exe".as_bytes(), "_gpj.exe", "_gpj.exe"),
        ] {
            let expected = (plain.to_owned(), coded.to_owned());
            assert_eq!(named(name), expected, "{}", name.escape_ascii());
        }
    }
}
