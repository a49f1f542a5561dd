//! berth: a file and message server for a folder with a fixed number of berths, and its client.
//!
//! Two programs share this library. `berthd` is one thread around one poll loop, and with uploads
//! a second one that waits for the disk; `berth` is a small blocking program. A file imports only
//! from the floors below its own:
//!
//! ```text
//! 11 bin/berthd.rs   bin/berth.rs       wiring; the client's exit codes are in client/error.rs
//! 10 cli/                               the command lines
//! 9  server/mod.rs                      the loop, with server/startup.rs: all of bind
//!    client/   report/   timeline/      the bodies of the other commands
//! 8  server/net/                        sockets: listener (options, accept), socket; tls
//!    server/files/                      the served folder: root, listing, digest, readahead
//!    server/uploads/                    files that clients send: staging, syncer, upload
//!    server/records/                    clients and refusals: recorder, clients, journal/
//!    server/observe/                    what the loop did: metrics, turn_stats, trace/
//!    server/process/                    the process: sandbox, fd_limit, logging
//!    server/{handler,config}.rs         answers requests; the configuration
//! 7  engine/lobby.rs                    the way into the table and out of it
//! 6  engine/hub.rs                      the table, the run queue, the deadlines
//! 5  engine/{answering,outbound,inbound}.rs   what a turn answers, writes and reads
//! 4  engine/turn.rs                     one turn: gate, answer, write, read
//! 3  engine/pair.rs                     two implementations of the ports in one
//!    engine/{connection,body,leaving}.rs  a session with its pipe, its body of an upload, its ways
//!    engine/timeouts.rs                out, its deadlines
//!    engine/{arrivals,berths}.rs        arriving peers; the admission to this server
//! 2  engine/{session,meaning,budget,ports}.rs  one peer, its share; the doors to the outside
//!    engine/{sealed,buffer_pool}.rs    a pipe that encrypts; memory that goes from peer to peer
//! 1  engine/{line_buffer,outbox,readiness,phase,deadlines,stats}.rs   data
//!    engine/{event,close_reason,admission,limits,query,under_way}.rs
//!    journal/                           the format of the journal
//! 0  wire/  streams.rs                  the protocol; the standard streams
//!    regular_file.rs  pem.rs            files at fixed paths; damaged certificates and keys
//! ```
//!
//! - [`wire`] is the protocol. It does no I/O.
//! - [`engine`] is the server without sockets, files or a clock. The simulator runs all of it.
//! - [`server`] is the thin edge around the engine: mio, files, signals. It decides nothing.
//! - [`client`] is the blocking program. It uses `wire` and sees neither `engine` nor `server`.
//! - [`journal`] is the format of the journal; [`server::records::journal`] writes it, and
//!   [`report`] shows it to people.
//! - [`server::observe`] counts what the loop does and writes it down as a trace, and [`timeline`]
//!   makes a page of that.
//! - [`streams`] is standard input, output and error, [`regular_file`] opens a file at a fixed
//!   path, and [`pem`] says what is wrong with a certificate; both programs use them.
//! - [`cli`] is the command lines of the two programs.
//!
//! Each program has a cargo feature, `server` and `client`, so that either is built without what
//! only the other one needs.
//!
//! # Reading order
//!
//! [`wire::request`] and [`wire::reply`], the language; [`engine::outbox`] and
//! [`engine::session`], the data; [`engine::turn`], what is done with it in one turn;
//! [`engine::hub`], whose turn it is; [`server`], the loop.
//!
//! # What always holds
//!
//! - Never more clients than the cap: the count is one number, in [`engine::hub`], and changes in
//!   two places, in [`engine::lobby`].
//! - Every byte goes out through one queue, [`engine::outbox`], and is counted in one place.
//! - A connection has one phase, [`engine::phase::Phase`], which never goes back.
//! - What the kernel said is forgotten only when an operation would block or a read took all there
//!   was ([`engine::readiness`]), and sockets are registered once.
//! - Events are noted before any work is done, so a key never means two peers in one batch.
//! - A fault of one peer ends that peer's connection and nothing else.

pub mod cli;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod engine;
#[cfg(feature = "server")]
pub mod journal;
#[cfg(any(feature = "client", feature = "server"))]
pub mod pem;
pub mod regular_file;
#[cfg(feature = "server")]
pub mod report;
#[cfg(feature = "server")]
pub mod server;
pub mod streams;
#[cfg(feature = "server")]
pub mod timeline;
pub mod wire;
