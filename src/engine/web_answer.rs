//! The part of a turn that answers an HTTP request.
//!
//! Owns the rule that it is one: behind its answer the client leaves, and nothing that it has sent
//! behind its request is ever read as another one. Must never write an answer: the handler does.

use crate::engine::event::{Event, RequestKind};
use crate::engine::phase::Phase;
use crate::engine::ports::{Backend, Transport};
use crate::engine::response::Response;
use crate::engine::rights::Right;
use crate::engine::speech::Speech;
use crate::engine::turn::TurnContext;
use crate::wire::CloseReason;
use crate::wire::web::head::measure;
use crate::wire::web::{Ask, Fault, Status, Wanted};

const NOT_ALLOWED: Fault = Fault::new(Status::Forbidden, "your token gives no right to this");

impl<T: Transport, K, S: Backend<T, K>> TurnContext<'_, T, K, S> {
    /// Answers the request, if that was not done yet, and leaves once all of its answer is sent:
    /// until then something else may end the session.
    pub(super) fn answer_web(&mut self) -> bool {
        let session = &mut self.connection.session;
        if session.phase() != Phase::Open || !session.under_way.is_nothing() {
            return false;
        }
        match (session.has_asked(), session.outbox.is_empty()) {
            (false, _) => self.fetch(),
            (true, true) => session.leave(CloseReason::Exit, None),
            (true, false) => return false,
        }
        true
    }

    fn fetch(&mut self) {
        let (session, service) = (&mut self.connection.session, &mut *self.service);
        let (&Speech::Http(scheme), Some(from)) = (&session.speech, session.client()) else {
            unreachable!("whoever is answered here speaks HTTP and has a berth");
        };
        let is_holder = session.berth().is_some();
        session.running.asked(self.now);
        let len = measure(session.inbox.unread()).ok().flatten();
        let head = session.inbox.take_raw(len.unwrap_or(0));
        let reply = &mut session.outbox;
        let asked = Ask::read(head, service.web_door(scheme));
        let (kind, right) = match &asked {
            Ok(ask) => needs(&ask.wanted),
            Err(_) => (RequestKind::Mistake, None),
        };
        service.on_event(Event::Took(kind));
        if is_holder {
            service.asked(from);
        }
        let is_allowed = right.is_none_or(|right| session.access.allows(right));
        let (fault, is_head) = match &asked {
            Ok(ask) if is_allowed => {
                let task = service.fetch(ask, from, self.now, reply);
                if let Wanted::Download { name, .. } = &ask.wanted
                    && reply.has_file()
                {
                    service.queued(name);
                }
                if let Some(task) = task {
                    session.begin(task);
                }
                return self.report();
            }
            Ok(ask) => (NOT_ALLOWED, ask.is_head),
            Err(fault) => (*fault, false),
        };
        service.respond(Response::Fault { fault, is_head }, reply);
    }
}

/// The kind of a request, and the right that it needs.
const fn needs(wanted: &Wanted) -> (RequestKind, Option<Right>) {
    match wanted {
        Wanted::Download { .. } => (RequestKind::Get, Some(Right::Get)),
        Wanted::Listing { .. } => (RequestKind::List, Some(Right::List)),
        Wanted::Upload { .. } => (RequestKind::Put, Some(Right::Put)),
        Wanted::Page | Wanted::Socket { .. } => (RequestKind::Mistake, None),
    }
}
