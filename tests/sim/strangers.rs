//! What those say who speak another language: browsers and Telnet clients.
//!
//! Owns a reading of both that shares nothing with the server's.

/// A token, a space, anything, a space, and HTTP with a number.
pub(crate) fn is_web(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let words: Vec<&str> = text
        .trim_end_matches([' ', '\t', '\r'])
        .split(' ')
        .collect();
    let [method, _, .., version] = words.as_slice() else {
        return false;
    };
    let is_token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
    let is_number = |number: &str| {
        let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        is_digits(major) && is_digits(minor)
    };
    !method.is_empty()
        && method.chars().all(is_token)
        && version.strip_prefix("HTTP/").is_some_and(is_number)
}

/// The beginning of such a line, too long to see the end of.
pub(crate) fn is_long_web(line: &[u8]) -> bool {
    let capitals = line.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let target = line[capitals..].strip_prefix(b" ").unwrap_or_default();
    capitals > 0 && (target.starts_with(b"/") || target.starts_with(b"http"))
}

/// A whole word of Telnet.
pub(crate) fn is_word(line: &[u8]) -> bool {
    let is_option = |option: u8| option < b'0' && option != b'\n' && option != b'\r';
    match line {
        &[255, word] => (236..250).contains(&word) && word != 240,
        &[255, 251 | 253, option] => is_option(option),
        &[255, 252 | 254, option] => is_option(option) && option < 32,
        [255, 250, option, .., 255, 240] => is_option(*option),
        _ => false,
    }
}
