//! The client: a blocking program for a person at a terminal, for scripts and for downloads.
//!
//! Owns nothing itself; each file below says what it owns. From the bottom: `connection` speaks to
//! a server and `link` finds it again; `part` and `sink` keep what comes (on `plain`, `rights` and
//! `weaker`) and `fetch` fetches one file; `commands`, `script` and `prompt` are the three ways to
//! be asked for something, and `keyboard` reads what a person types. Must never see the engine or
//! the server: what both sides share is in `wire` and `streams`.

pub mod answers;
pub mod batch;
pub mod commands;
pub mod completion;
pub mod connection;
pub mod dial;
pub mod error;
mod excerpt;
pub mod fetch;
pub mod history;
pub mod interrupt;
pub mod json;
pub mod keyboard;
pub mod link;
mod look_up;
pub mod names;
pub mod notes;
mod one_line;
pub mod options;
pub mod part;
pub mod pauses;
pub mod place;
pub mod plain;
pub mod progress;
pub mod prompt;
pub mod question;
pub mod rights;
pub mod screen;
pub mod script;
pub mod silence;
pub mod sink;
pub mod table;
pub mod weaker;

pub use connection::{Answer, Client, without_cr};
pub use error::Error;
