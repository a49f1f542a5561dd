//! What is spoken at the web door: HTTP/1.1 (RFC 9110 and 9112) and WebSocket (RFC 6455).
//!
//! Owns the bytes of heads and of frames, and what is written into a page. Must never do I/O, read
//! a clock or know the clients, as all of [`crate::wire`]. [`crate::wire::http`] is another thing:
//! it recognizes a browser at the door of the line protocol.

pub mod answer;
pub mod ask;
pub mod conditions;
pub mod escape;
pub mod frames;
pub mod head;
pub mod header;
pub mod host;
pub mod status;
pub mod target;
pub mod utf8;
pub mod websocket;

pub use ask::{Ask, Wanted};
pub use frames::{End, Event, Frames, Kind};
pub use header::Control;
pub use host::{Scheme, WebDoor};
pub use status::{Fault, Status};
pub use target::Key;
pub use websocket::{CloseCode, FrameHeader, Opcode};
