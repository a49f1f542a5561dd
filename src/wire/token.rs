//! The token that a client shows, and the line that it shows it with.
//!
//! Owns their grammar. Must never judge whether a token is good, nor let one be printed: what holds
//! a secret has no `Debug` that shows it.

use std::fmt;

/// How every token begins. The version is part of it, and scanners for leaked secrets find it.
pub const TOKEN_PREFIX: &str = "berth1-";

/// The length of the part that says which token it is.
pub const TOKEN_ID_BYTES: usize = 8;

/// The length of a secret, or of a pin: 256 bits in base64url without padding.
const SECRET_BYTES: usize = 43;

/// The longest line of a token: what a file of one, or standard input, may hold.
pub const TOKEN_BYTES_MAX: usize = TOKEN_PREFIX.len() + TOKEN_ID_BYTES + 2 * (SECRET_BYTES + 1);

/// A token, taken apart: `berth1-<id>-<secret>`, and `-<pin>` behind it if it names the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// Which token it is; no secret.
    pub id: [u8; TOKEN_ID_BYTES],
    /// What nobody else knows.
    pub secret: &'a [u8],
    /// What a client is to know the server by; never sent.
    pub pin: Option<&'a [u8]>,
    /// All of it but the pin, as it is sent.
    pub sent: &'a [u8],
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl<'a> Token<'a> {
    /// Takes a token apart. `None`: it is none.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let rest = text.strip_prefix(TOKEN_PREFIX.as_bytes())?;
        let (id, rest) = rest.split_first_chunk::<TOKEN_ID_BYTES>()?;
        let (secret, rest) = part(rest)?;
        let pin = match rest {
            [] => None,
            rest => Some(part(rest).filter(|(_, rest)| rest.is_empty())?.0),
        };
        let sent = &text[..TOKEN_PREFIX.len() + TOKEN_ID_BYTES + 1 + SECRET_BYTES];
        let token = Self {
            id: *id,
            secret,
            pin,
            sent,
        };
        is_id(id).then_some(token)
    }
}

/// Whether these bytes name a token. The sign that divides a token is not among them.
#[must_use]
pub fn is_id(id: &[u8]) -> bool {
    id.len() == TOKEN_ID_BYTES && id.iter().all(u8::is_ascii_alphanumeric)
}

/// A hyphen and 256 bits, and what follows them.
fn part(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (part, rest) = text.strip_prefix(b"-")?.split_at_checked(SECRET_BYTES)?;
    let is_base64url = |&byte: &u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    part.iter().all(is_base64url).then_some((part, rest))
}

/// Why a token that was good is not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenEnd {
    /// It was removed.
    Revoked,
    /// Its time is over.
    Expired,
}

impl fmt::Display for TokenEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        })
    }
}

/// Reads `auth TOKEN`: what is shown, which is empty where nothing is. `None`: another line.
#[must_use]
pub fn parse_auth(line: &[u8]) -> Option<&[u8]> {
    let (verb, rest) = line.split_at_checked(AUTH.len())?;
    match rest {
        _ if !verb.eq_ignore_ascii_case(AUTH) => None,
        [] => Some(rest),
        [b' ', shown @ ..] => Some(shown),
        _ => None,
    }
}

/// The word that a token is shown with.
pub const AUTH: &[u8] = b"auth";

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "Zk3vQ1xA";

    #[test]
    fn a_token_is_its_id_its_secret_and_perhaps_a_pin() {
        let secret = "-_".repeat(21) + "x";
        let pin = "p".repeat(43);
        let short = format!("berth1-{ID}-{secret}");
        let long = format!("{short}-{pin}");
        assert_eq!(long.len(), TOKEN_BYTES_MAX);
        for (text, with_pin) in [(&short, None), (&long, Some(pin.as_bytes()))] {
            let token = Token::parse(text.as_bytes()).expect("it is one");
            assert_eq!(token.id, ID.as_bytes());
            assert_eq!(token.secret, secret.as_bytes());
            assert_eq!(token.sent, short.as_bytes());
            assert_eq!(token.pin, with_pin);
            assert!(!format!("{token:?}").contains(&secret));
        }
    }

    #[test]
    fn whatever_is_nearly_a_token_is_none() {
        let secret = "s".repeat(43);
        let good = format!("berth1-{ID}-{secret}");
        let bad = [
            String::new(),
            "berth1-".to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}s"),
            format!("{good}-"),
            format!("{good}-{}", "p".repeat(42)),
            format!("{good}-{}", "p".repeat(44)),
            format!("{good}-{}-", "p".repeat(43)),
            format!(" {good}"),
            format!("{good} "),
            good.replacen("berth1", "Berth1", 1),
            good.replacen("berth1", "berth2", 1),
            good.replacen(ID, "Zk3v-1xA", 1),
            good.replacen('s', "=", 1),
            good.replacen('s', "\0", 1),
        ];
        for text in bad {
            assert_eq!(Token::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_token_is_shown_with_one_word_and_one_space() {
        let table: &[(&[u8], Option<&[u8]>)] = &[
            (b"auth x", Some(b"x")),
            (b"AuTh  x ", Some(b" x ")),
            (b"auth", Some(b"")),
            (b"auth ", Some(b"")),
            (b"auth \0", Some(b"\0")),
            (b"auth\tx", None),
            (b"authx", None),
            (b" auth x", None),
            (b"aut", None),
            (b"", None),
        ];
        for (line, shown) in table {
            assert_eq!(parse_auth(line), *shown, "{}", line.escape_ascii());
        }
    }
}
