//! The dispatch of a line: which part of the server answers it.
//!
//! Owns which lines are answered by the session alone, which by the handler, and which end the
//! session. Must never answer one.

use crate::engine::event::RequestKind;
use crate::engine::line_buffer::Line;
use crate::engine::query::Query;
use crate::engine::rights::{Access, Right};
use crate::wire::token::parse_auth;
use crate::wire::{ErrorReply, Put, Reply, Request, http};

/// What a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// The answer is known.
    Say(RequestKind, Reply<'a>),
    /// The handler has to be asked.
    Ask(RequestKind, Query<'a>),
    /// A file of this size comes, unless it is refused whatever the folder holds.
    Put(Put<'a>, Result<u64, ErrorReply<'static>>),
    /// The client leaves.
    Exit,
    /// The peer is a browser or another HTTP client.
    Web,
    /// Not a line, but a Telnet command that asks for a TIMING-MARK.
    Mark,
}

impl<'a> Meaning<'a> {
    /// Reads a line. `is_first`: no line came before it. `access`: what its sender may ask for.
    #[must_use]
    #[inline]
    pub fn of(line: Line<'a>, is_first: bool, access: Access) -> Self {
        let (text, is_framed) = match line {
            Line::Mark => return Self::Mark,
            Line::TooLong(head) if is_first && http::may_begin_request_line(head) => {
                return Self::Web;
            }
            Line::TooLong(_) => {
                return Self::Say(RequestKind::Mistake, Reply::Error(ErrorReply::LineTooLong));
            }
            Line::Text(text) | Line::Unframed(text) if is_first && http::is_request_line(text) => {
                return Self::Web;
            }
            // The rest of a request line may be on its way, and what follows is not to be obeyed.
            Line::Unframed(text) if is_first && http::may_begin_request_line(text) => {
                return Self::Web;
            }
            Line::Text(text) => (text, true),
            Line::Unframed(text) => (text, false),
        };
        let request = Request::parse(text);
        let refused = match access {
            Access::Free => None,
            access => Self::refused(text, request, access),
        };
        let meaning = refused.unwrap_or_else(|| Self::of_request(request, access));
        if is_framed {
            return meaning;
        }
        Self::or_bare_name(request, meaning, access)
    }

    /// The meaning of a line that a pause has ended: it may be the bare name of a file.
    #[cold]
    fn or_bare_name(request: Request<'a>, meaning: Self, access: Access) -> Self {
        if !access.allows(Right::Get) {
            return meaning;
        }
        match (request, meaning) {
            (_, Self::Say(kind, Reply::Ack(text))) => Self::Ask(kind, Query::GetOrMessage { text }),
            // A client without the right to send messages has sent none.
            (Request::Message(name), Self::Say(_, Reply::Error(ErrorReply::NotAllowed(_)))) => {
                Self::Ask(RequestKind::Get, Query::Get { name, offset: 0 })
            }
            (_, other) => other,
        }
    }

    /// The answer to a client whose token gives no right to this, or that shows one again.
    #[cold]
    fn refused(text: &[u8], request: Request<'_>, access: Access) -> Option<Self> {
        if parse_auth(text).is_some() {
            let again = Reply::Error(ErrorReply::AlreadyIn);
            return Some(Self::Say(RequestKind::Mistake, again));
        }
        let has = |right| access.allows(right);
        let (kind, is_allowed) = match request {
            Request::Message(_) => (RequestKind::Message, has(Right::Echo)),
            Request::Status => (RequestKind::Status, has(Right::Status)),
            Request::List => (RequestKind::List, has(Right::List)),
            Request::Get { .. } => (RequestKind::Get, has(Right::Get)),
            Request::Sha256 { .. } => (RequestKind::Sha256, has(Right::Get)),
            // It tells what a listing tells, and less than a file does.
            Request::Stat { .. } => (RequestKind::Stat, has(Right::List) || has(Right::Get)),
            Request::NoName(_) | Request::GetTooFar | Request::Put(_) | Request::Exit => {
                return None;
            }
        };
        let word = match kind {
            RequestKind::Message => Right::Echo.word(),
            kind => kind.word(),
        };
        let refused = Reply::Error(ErrorReply::NotAllowed(word));
        (!is_allowed).then_some(Self::Say(kind, refused))
    }

    #[inline]
    fn of_request(request: Request<'a>, access: Access) -> Self {
        match request {
            Request::Message(text) => Self::Say(RequestKind::Message, Reply::Ack(text)),
            Request::NoName(word) => {
                Self::Say(RequestKind::Mistake, Reply::Error(ErrorReply::NoName(word)))
            }
            Request::GetTooFar => Self::Say(
                RequestKind::Mistake,
                Reply::Error(ErrorReply::OffsetTooLarge),
            ),
            Request::Status => Self::Ask(RequestKind::Status, Query::Status),
            Request::List => Self::Ask(RequestKind::List, Query::List),
            Request::Get { name, offset } => {
                Self::Ask(RequestKind::Get, Query::Get { name, offset })
            }
            Request::Sha256 { name } => Self::Ask(RequestKind::Sha256, Query::Sha256 { name }),
            Request::Stat { name } => Self::Ask(RequestKind::Stat, Query::Stat { name }),
            Request::Put(put) => Self::Put(put, judge(put, access)),
            Request::Exit => Self::Exit,
        }
    }

    /// The kind of request; `None` if it was no line.
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> Option<RequestKind> {
        match self {
            Self::Say(kind, _) | Self::Ask(kind, _) => Some(*kind),
            Self::Put(..) => Some(RequestKind::Put),
            Self::Exit => Some(RequestKind::Exit),
            Self::Web => Some(RequestKind::Mistake),
            Self::Mark => None,
        }
    }
}

/// The size of an upload, unless it is refused whatever the folder holds.
#[cold]
fn judge(put: Put<'_>, access: Access) -> Result<u64, ErrorReply<'static>> {
    let right = match put.replaces {
        false => Right::Put,
        true => Right::Replace,
    };
    match put.size {
        _ if !access.allows(right) => Err(ErrorReply::NotAllowed(right.word())),
        _ if put.name.is_empty() => Err(ErrorReply::NoName(put.usage())),
        None => Err(ErrorReply::SizeTooLarge),
        Some(size) => Ok(size),
    }
}
