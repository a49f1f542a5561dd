//! What is spoken at the web door: WebSocket (RFC 6455).
//!
//! Owns the bytes of its frames and of its handshake. Must never do I/O, read a clock or know the
//! clients, as all of [`crate::wire`]. [`crate::wire::http`] is another thing: it recognizes a
//! browser at the door of the line protocol.

pub mod frames;
pub mod header;
pub mod utf8;
pub mod websocket;

pub use frames::{End, Event, Frames, Kind};
pub use header::Control;
pub use websocket::{CloseCode, FrameHeader, Opcode};
