//! The language that both sides speak: every line that crosses the wire is read and written here.
//!
//! Owns the grammar of requests and replies, the words in them, and the way text from a stranger
//! is shown. Must never do I/O, ask a clock or know who is connected.
//!
//! `docs/protocol.md` is the published contract; where it names a byte, this folder writes it.

pub mod entry;
pub mod harmless;
pub mod http;
pub mod reply;
pub mod request;
pub mod size;
pub mod stamp;
pub mod telnet;

pub use entry::{KnownClient, ListedFile};
pub use harmless::{Harmless, HarmlessJson};
pub use reply::{ClientName, Complaint, Digest, Farewell, Hex, Reply};
pub use request::{LINE_BYTES_MAX, Request};
pub use size::Size;
pub use stamp::Stamp;

/// The port of a berth server when none is named: BERTH on a telephone's keypad.
pub const DEFAULT_PORT: u16 = 23784;

/// Where a server listens and a client looks when nothing else is said.
///
/// The loopback address, because a folder is handed to a network on purpose and never by default.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:23784";
