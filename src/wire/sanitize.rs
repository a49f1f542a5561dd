//! Sanitizes text of unknown origin for a terminal or a log.
//!
//! Owns the escaping of control characters in lines, file names and errors. Must never be applied
//! to bytes that a program reads: those stay verbatim.

use std::fmt::{self, Write};

/// Bytes of unknown origin, shown as text on one line.
///
/// What can move a cursor, change a title, fill a clipboard, turn the direction of writing or hide
/// is written as an escape: control characters (C0 but the tab, DEL, C1), format characters such
/// as the bidirectional ones and the zero-width ones, what is unassigned or private, and bytes
/// that are not UTF-8. Which characters those are is the standard library's table for `{:?}`.
#[derive(Clone, Copy, Debug)]
pub struct Sanitized<'a>(pub &'a [u8]);

/// The most combining marks in a row that are shown as they are.
///
/// Written languages stack a few on one letter; hundreds of them paint over the lines above.
const MARKS_MAX: usize = 4;

impl fmt::Display for Sanitized<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            write_text(chunk.valid(), f)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// JSON in one line that means the same, with nothing in it that a terminal would obey: what stands
/// in its strings can be written as escapes, and what is not plain stands nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct SanitizedJson<'a>(pub &'a str);

impl fmt::Display for SanitizedJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            let plain = c.is_ascii() && !c.is_ascii_control();
            let mut bytes = [0; 4];
            let text: &str = c.encode_utf8(&mut bytes);
            if plain || Sanitized(text.as_bytes()).to_string() == text {
                f.write_char(c)?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(f, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut marks = 0;
    for c in text.chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match c {
            // The escapes of `{:?}` are for source code; these are as readable as they are.
            '\t' | '\\' | '\'' | '"' => f.write_char(c)?,
            _ if (1..=MARKS_MAX).contains(&marks) => f.write_char(c)?,
            _ => write!(f, "{}", c.escape_debug())?,
        }
    }
    Ok(())
}

/// A combining mark is what `{:?}` escapes at the start of a text and shows behind a letter.
fn is_mark(c: char) -> bool {
    let mut behind_a_letter = [0; 5];
    behind_a_letter[0] = b'a';
    let len = 1 + c.encode_utf8(&mut behind_a_letter[1..]).len();
    let text = str::from_utf8(&behind_a_letter[..len]).unwrap_or_default();
    !c.is_ascii() && c.escape_debug().len() > 1 && text.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        Sanitized(bytes).to_string()
    }

    #[test]
    fn what_can_be_read_is_shown_as_it_is() {
        for text in [
            "plain",
            "a\tb",
            "it's \"so\"",
            "C:\\x",
            "Grüße, 世界 🛥",
            "e\u{301}",
            "नमस्ते",
        ] {
            assert_eq!(shown(text.as_bytes()), text);
        }
    }

    #[test]
    fn what_can_do_more_than_be_read_is_escaped() {
        let table: &[(&[u8], &str)] = &[
            (b"\x1b[2J", "\\u{1b}[2J"),
            (b"\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
            (b"\x1b]52;c;aGk=\x07", "\\u{1b}]52;c;aGk=\\u{7}"),
            (b"\x1b]8;;http://x\x1b\\y", "\\u{1b}]8;;http://x\\u{1b}\\y"),
            (b"\x9b2J", "\\x9b2J"),
            ("\u{9b}2J".as_bytes(), "\\u{9b}2J"),
            (b"good\rbad", "good\\rbad"),
            (b"a\nb", "a\\nb"),
            (b"a\x08b", "a\\u{8}b"),
            (b"\0\x7f", "\\0\\u{7f}"),
            ("\u{202e}exe.txt".as_bytes(), "\\u{202e}exe.txt"),
            ("a\u{200b}b\u{2028}".as_bytes(), "a\\u{200b}b\\u{2028}"),
            ("\u{feff}\u{e000}".as_bytes(), "\\u{feff}\\u{e000}"),
            (b"\xff\xc3", "\\xff\\xc3"),
        ];
        for (bytes, text) in table {
            assert_eq!(shown(bytes), *text, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_heap_of_combining_marks_is_cut() {
        let heap = format!("a{}", "\u{301}".repeat(2048));
        let text = shown(heap.as_bytes());
        assert!(text.starts_with("a\u{301}\u{301}\u{301}\u{301}\\u{301}"));
        assert_eq!(text.matches('\u{301}').count(), MARKS_MAX);
    }
}
