//! The server without sockets, files or a clock.
//!
//! Owns every decision: which peer is admitted, what is read, what is written next, and when a
//! connection is closed. Must never do I/O except through the traits of [`ports`]: a byte stream
//! ([`ports::Transport`]), the handler of requests ([`ports::Handler`]), the observers of events
//! ([`ports::Observer`]) and the admission of newcomers ([`ports::Admission`]). The time is an
//! argument.
//! So the simulator in `tests/sim` runs all of this, unchanged, and the real server adds only
//! sockets, a folder and a clock.
//!
//! Reading order: [`limits`], [`mod@line`], [`line_buffer`], [`transfer`], [`outbox`],
//! [`readiness`], [`phase`], [`hold`], [`rights`], [`stats`], [`admission`], [`event`], [`query`],
//! [`speech`], [`response`], [`news`], [`under_way`]; then [`session`] with [`entering`], [`body`],
//! [`framing`], [`leaving`] and [`timeouts`], [`meaning`], [`budget`], [`buffer_pool`], [`ports`],
//! [`pair`], [`sealed`], [`arrivals`], [`berths`], [`connection`]; then a turn, [`turn`] with
//! [`answering`], [`web_answer`], [`outbound`] and [`inbound`]; at last [`entry`], [`hub`],
//! [`lobby`], [`riders`], [`broadcast`], [`token_gate`] and [`web_gate`].

pub mod admission;
pub mod answering;
pub mod arrivals;
pub mod berths;
pub mod body;
pub mod broadcast;
pub mod budget;
pub mod buffer_pool;
pub mod close_reason;
pub mod connection;
pub mod deadlines;
pub mod entering;
pub mod entry;
pub mod event;
pub mod framing;
pub mod hold;
pub mod hub;
pub mod inbound;
pub mod leaving;
pub mod limits;
pub mod line;
pub mod line_buffer;
pub mod lobby;
pub mod meaning;
pub mod news;
pub mod outbound;
pub mod outbox;
pub mod pair;
pub mod phase;
pub mod ports;
pub mod query;
pub mod readiness;
pub mod response;
pub mod riders;
pub mod rights;
pub mod sealed;
pub mod session;
pub mod speech;
pub mod stats;
pub mod timeouts;
pub mod token_gate;
pub mod transfer;
pub mod turn;
pub mod under_way;
pub mod web_answer;
pub mod web_gate;
