//! The text of times, names and reasons in a record.
//!
//! Owns both directions, writing and parsing. Must never write what it would not read back.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::{ClientName, CloseReason, Timestamp};

/// A moment in RFC 3339, UTC, with milliseconds: `2026-11-22T10:00:00.000Z`.
///
/// It holds nothing finer, so what was read is what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(SystemTime);

impl Moment {
    /// This moment without what is below a millisecond, within the years that can be written.
    #[must_use]
    pub fn of(time: SystemTime) -> Self {
        let since_1970 = Timestamp(time).written().duration_since(UNIX_EPOCH);
        let ms = since_1970.unwrap_or_default().as_millis();
        let since_1970 = Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX));
        Self(UNIX_EPOCH + since_1970)
    }

    /// The moment as the system's clock has it.
    #[must_use]
    pub const fn time(self) -> SystemTime {
        self.0
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(self.0).fmt(f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = humantime::parse_rfc3339(&text).map_err(Error::custom)?;
        Ok(Self::of(time))
    }
}

/// A client's name as it stands in `status`: `Client07`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client(pub u64);

impl Client {
    /// Reads a name; `None` unless it is written as the server writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.strip_prefix("Client")?.parse().ok()?;
        let client = Self(number);
        (number > 0 && client.to_string() == text).then_some(client)
    }
}

impl From<ClientName> for Client {
    fn from(ClientName(number): ClientName) -> Self {
        Self(number)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ClientName(self.0).fmt(f)
    }
}

impl Serialize for Client {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Client {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| Error::custom("not a client's name"))
    }
}

/// Why a client went, in one word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The server recorded the disconnect.
    Left(CloseReason),
    /// The server died while it was connected.
    Crash,
    /// A word that a later version may have written.
    Other(String),
}

/// No reason is a longer word than this.
const REASON_BYTES_MAX: usize = 32;

const CRASH: &str = "crash";

impl Reason {
    /// Reads a word; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = CloseReason::ALL
            .into_iter()
            .find(|reason| reason.to_string() == text);
        if let Some(reason) = known {
            return Some(Self::Left(reason));
        }
        let is_word = (1..=REASON_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase());
        match text {
            CRASH => Some(Self::Crash),
            _ => is_word.then(|| Self::Other(text.to_owned())),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left(reason) => reason.fmt(f),
            Self::Crash => f.write_str(CRASH),
            Self::Other(word) => f.write_str(word),
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| Error::custom("not a reason"))
    }
}

/// A file's name as the client wrote it, which may be any bytes.
///
/// JSON holds text only. A name that is not UTF-8 is written with U+FFFD in the places where it is
/// not, and a second field holds every byte of it in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileName {
    /// The name, to be read by people.
    pub file: String,
    /// The name to the byte; absent if `file` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_hex: Option<String>,
}

impl From<&[u8]> for FileName {
    fn from(name: &[u8]) -> Self {
        let hex = || name.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            file: String::from_utf8_lossy(name).into_owned(),
            file_hex: str::from_utf8(name).is_err().then(hex),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_was_written_whatever_the_clock_says() {
        let far = Duration::from_secs(1 << 40);
        let table = [
            (UNIX_EPOCH - far, "\"1970-01-01T00:00:00.000Z\""),
            (
                UNIX_EPOCH + Duration::from_micros(1_795_341_600_123_999),
                "\"2026-11-22T10:00:00.123Z\"",
            ),
            (UNIX_EPOCH + far, "\"9999-12-31T23:59:59.000Z\""),
        ];
        for (time, text) in table {
            let moment = Moment::of(time);
            assert_eq!(serde_json::to_string(&moment).unwrap(), text);
            assert_eq!(serde_json::from_str::<Moment>(text).unwrap(), moment);
        }
    }

    #[test]
    fn a_name_is_read_only_as_it_is_written() {
        assert_eq!(Client::parse("Client07"), Some(Client(7)));
        assert_eq!(Client::parse("Client100"), Some(Client(100)));
        for bad in [
            "Client7",
            "Client007",
            "Client00",
            "Client",
            "Client+7",
            "client07",
            "Client07 ",
        ] {
            assert_eq!(Client::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_reason_is_one_word_and_every_farewell_is_one() {
        for reason in CloseReason::ALL {
            let reason = Reason::Left(reason);
            assert_eq!(Reason::parse(&reason.to_string()), Some(reason));
        }
        assert_eq!(Reason::parse("crash"), Some(Reason::Crash));
        assert_eq!(
            Reason::parse("evicted"),
            Some(Reason::Other("evicted".to_owned()))
        );
        for bad in ["", "two words", "x\ny", "\x1b", "Exit", &"x".repeat(33)] {
            assert_eq!(Reason::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_file_name_that_is_not_text_is_kept_to_the_byte() {
        let name = FileName::from(&b"a\xffb\xc3"[..]);
        assert_eq!(name.file, "a\u{fffd}b\u{fffd}");
        assert_eq!(name.file_hex.as_deref(), Some("61ff62c3"));
        assert_eq!(FileName::from("Grüße".as_bytes()).file_hex, None);
    }
}
