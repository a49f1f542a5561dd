//! The client as a person and a script meet it: the program itself, run against small servers that
//! keep the protocol or break it on purpose.
//!
//! Nothing here waits for time to pass: a server's thread goes on when the client's bytes come or
//! when the test tells it to. Deadlines only turn a hang into a failure.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod bounds;
mod downloads;
mod exit_codes;
#[cfg(target_os = "linux")]
mod folders;
#[cfg(target_os = "linux")]
mod login;
mod look_ups;
mod program;
#[cfg(target_os = "linux")]
mod prompt;
mod relay;
mod server;
mod sessions;
#[cfg(target_os = "linux")]
mod signals;
mod start;
#[cfg(target_os = "linux")]
mod streams;
mod survival;
#[cfg(target_os = "linux")]
mod tab;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(target_os = "linux")]
mod terminals;
mod together;
#[cfg(target_os = "linux")]
mod trust;
#[cfg(target_os = "linux")]
mod typed;
mod uploads;
mod waiting;
mod without_lf;
mod work;
