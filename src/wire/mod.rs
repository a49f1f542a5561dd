//! The protocol: every line on the wire is parsed and written here.
//!
//! Owns the grammar of requests and replies, their words, and the sanitizing of text from the
//! network. Must never do I/O, read a clock or know the clients.
//!
//! `docs/protocol.md` is the published contract; where it names a byte, this folder writes it. What
//! carries these lines to a browser, HTTP and WebSocket, is in `web`.

pub mod entry;
pub mod error_reply;
pub mod http;
pub mod put;
pub mod refusal;
pub mod reply;
pub mod request;
pub mod sanitize;
pub mod size;
pub mod telnet;
pub mod timestamp;
pub mod token;
#[cfg(feature = "server")]
pub mod web;

pub use entry::{KnownClient, ListedFile};
pub use put::Put;
pub use reply::{ClientName, CloseReason, Digest, ErrorReply, Hex, Reply};
pub use request::{LINE_BYTES_MAX, Request};
pub use sanitize::{Sanitized, SanitizedJson};
pub use size::Size;
pub use timestamp::Timestamp;

/// The port of a berth server when none is named: BERTH on a telephone's keypad.
pub const DEFAULT_PORT: u16 = 23784;

/// Where a server listens and a client looks when nothing else is said.
///
/// The loopback address, because a folder is handed to a network on purpose and never by default.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:23784";
