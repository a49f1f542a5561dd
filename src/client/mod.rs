//! The client: a blocking program for a person at a terminal, for scripts and for downloads.
//!
//! Owns nothing itself; each file below says what it owns. From the bottom: `connection` speaks to
//! a server and `link` finds it again; `part` and `sink` keep what comes (on `plain`, `rights` and
//! `weaker`) and `fetch` fetches one file; `commands`, `script` and `prompt` are the three ways to
//! be asked for something, and `keyboard` reads what a person types. Must never see the engine or
//! the server: what both sides share is in `wire` and `streams`.

pub mod commands;
pub mod download;
pub mod error;
pub mod net;
pub mod options;
pub mod output;
pub mod prompt;
pub mod regular_file;
pub mod script;
pub mod ui;

pub use error::Error;
pub use net::connection::{Answer, Client, without_cr};
