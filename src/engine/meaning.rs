//! What a line means here, and what follows from that.
//!
//! Owns which lines are answered by the session alone, which by the service, and which end it. Must
//! never answer one.

use super::deed::Verb;
use super::line_buffer::Line;
use super::query::Query;
use crate::wire::{Complaint, Reply, Request, http};

/// What a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// The answer is known.
    Say(Verb, Reply<'a>),
    /// The service has to be asked.
    Ask(Verb, Query<'a>),
    /// The client leaves.
    Exit,
    /// No client of ours: a browser, or another that speaks HTTP.
    Web,
    /// Not a line, but a word between two programs.
    Mark,
}

impl<'a> Meaning<'a> {
    /// Reads a line. `is_first`: no line came before it.
    #[must_use]
    pub fn of(line: Line<'a>, is_first: bool) -> Self {
        let text = match line {
            Line::Mark => return Self::Mark,
            Line::TooLong(head) if is_first && http::may_begin_request_line(head) => {
                return Self::Web;
            }
            Line::TooLong(_) => {
                return Self::Say(Verb::Mistake, Reply::Error(Complaint::LineTooLong));
            }
            Line::Text(text) if is_first && http::is_request_line(text) => return Self::Web,
            Line::Text(text) => text,
        };
        match Request::parse(text) {
            Request::Message(text) => Self::Say(Verb::Message, Reply::Ack(text)),
            Request::NoName(word) => {
                Self::Say(Verb::Mistake, Reply::Error(Complaint::NoName(word)))
            }
            Request::GetTooFar => Self::Say(Verb::Mistake, Reply::Error(Complaint::OffsetTooLarge)),
            Request::Status => Self::Ask(Verb::Status, Query::Status),
            Request::List => Self::Ask(Verb::List, Query::List),
            Request::Get { name, offset } => Self::Ask(Verb::Get, Query::Get { name, offset }),
            Request::Sha256 { name } => Self::Ask(Verb::Sha256, Query::Sha256 { name }),
            Request::Stat { name } => Self::Ask(Verb::Stat, Query::Stat { name }),
            Request::Exit => Self::Exit,
        }
    }

    /// What was asked for; `None` if it was no line.
    #[must_use]
    pub const fn verb(self) -> Option<Verb> {
        match self {
            Self::Say(verb, _) | Self::Ask(verb, _) => Some(verb),
            Self::Exit => Some(Verb::Exit),
            Self::Web => Some(Verb::Mistake),
            Self::Mark => None,
        }
    }
}
