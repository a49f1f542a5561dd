//! The client: a blocking program for a person at a terminal, for scripts and for downloads.
//!
//! Owns nothing itself; each room below says what it owns. A room imports only from rooms below it,
//! which tests/tidy checks:
//!
//! ```text
//! commands                  one command, one session
//! prompt/   script          a person's session; a script's
//! output/                   answers as tables, lines or JSON
//! download/                 files: partial, resumed, verified, renamed into place
//! upload/                   files: read, offered, sent from where the server says
//! net/                      the connection: dial, read an answer, reconnect with backoff
//! ui/                       the terminal: streams, progress bar, questions, Ctrl-C
//! known_servers             whom to trust by the pin of its key
//! cause                     failures in words
//! error                     failures and exit codes
//! options   excerpt         what the client is told; unknown bytes in our sentences
//! ```
//!
//! Must never see the engine or the server: what both sides share is in `wire` and `streams`.

pub mod cause;
pub mod commands;
pub mod config_file;
pub mod download;
pub mod error;
pub mod excerpt;
pub mod known_servers;
pub mod net;
pub mod options;
pub mod output;
pub mod prompt;
pub mod script;
pub mod tokens;
pub mod ui;
pub mod upload;
