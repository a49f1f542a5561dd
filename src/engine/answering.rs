//! The part of a turn that answers requests: the only place where one is answered.
//!
//! Owns the order of the answers. Must never read or write: answers are queued.

use crate::engine::event::Event;
use crate::engine::meaning::Meaning;
use crate::engine::outbox::Outbox;
use crate::engine::ports::{Backend, Query, Step, Transport};
use crate::engine::rights::Access;
use crate::engine::turn::TurnContext;
use crate::wire::put::Form;
use crate::wire::{CloseReason, ErrorReply, Reply};

impl<T: Transport, K, S: Backend<T, K>> TurnContext<'_, T, K, S> {
    /// Resumes the answer under way, then answers the requests that were received.
    pub(super) fn answer(&mut self) -> bool {
        let mut moved = self.resume();
        self.cut_body_short();
        if !self.connection.session.speech.is_lines() {
            return self.answer_web() || moved;
        }
        while self.budget.requests > 0 && self.connection.session.takes_requests(self.limits) {
            if self.stopping {
                let last = Reply::Error(ErrorReply::ShuttingDown);
                let session = &mut self.connection.session;
                session.leave(CloseReason::Shutdown, Some(last));
                return true;
            }
            if let Access::Ended(end) = self.connection.session.access() {
                let last = Reply::Error(ErrorReply::TokenEnded(end));
                let session = &mut self.connection.session;
                session.leave(CloseReason::Token, Some(last));
                return true;
            }
            if !self.answer_next() {
                break;
            }
            self.budget.requests -= 1;
            moved = true;
        }
        let is_owing = self.connection.transport.owes();
        moved || !is_owing && self.connection.session.tell_news(self.service)
    }

    /// Ends a client within a body that is not worth waiting for: its token is not valid any more,
    /// or the server stops and the bytes would be discarded.
    fn cut_body_short(&mut self) {
        let session = &self.connection.session;
        match session.access() {
            Access::Ended(end) if session.owed() > 0 && !self.stopping => {
                let last = Reply::Error(ErrorReply::TokenEnded(end));
                self.cut_short(CloseReason::Token, Some(last));
            }
            _ if self.stopping && session.is_discarding() => {
                let last = Reply::Error(ErrorReply::ShuttingDown);
                self.cut_short(CloseReason::Shutdown, Some(last));
            }
            _ => {}
        }
    }

    fn resume(&mut self) -> bool {
        if self.budget.steps == 0 {
            return false;
        }
        let session = &mut self.connection.session;
        let Some((task, reply)) = session.task(self.limits, self.now) else {
            return false;
        };
        match self.service.resume(task, reply) {
            Step::Waiting => return false,
            Step::Body(owed) => session.await_body(owed),
            Step::More => self.budget.steps -= 1,
            Step::Done => {
                self.budget.steps -= 1;
                session.end_task();
            }
        }
        true
    }

    /// Answers one request. `false`: there is none, and there may never be another.
    fn answer_next(&mut self) -> bool {
        let (session, service) = (&mut self.connection.session, &mut *self.service);
        let berth = session.berth();
        let newcomer = berth.filter(|_| !session.has_asked());
        let access = session.access();
        let Some((line, reply)) = session.next_line(self.now) else {
            if session.is_served() {
                session.leave(CloseReason::Eof, None);
            }
            return false;
        };
        let meaning = Meaning::of(line, newcomer.is_some(), access);
        if let Some(kind) = meaning.kind() {
            service.on_event(Event::Took(kind));
            // A machine that tries whether a web server is here has asked us for nothing.
            if let Some(name) = newcomer.filter(|_| meaning != Meaning::Web) {
                service.asked(name);
            }
        }
        match meaning {
            Meaning::Say(_, known) => reply.write(|out| known.write(out)),
            Meaning::Mark => reply.write(|out| Reply::NoMark.write(out)),
            Meaning::Ask(_, query) => {
                let task = service.answer(query, self.now, reply);
                if let Query::Get { name, .. } | Query::GetOrMessage { text: name } = query
                    && reply.has_file()
                {
                    service.queued(name);
                }
                if let Some(task) = task {
                    session.begin(task);
                }
                // An empty file has ended already, and others may be asked for in this turn.
                self.report();
            }
            Meaning::Put(put, judged) => {
                let from = berth.expect("whoever is answered holds a berth");
                let takes_uploads = service.takes_uploads();
                let task = match judged {
                    _ if !takes_uploads => refuse(ErrorReply::NoUploads, reply),
                    Ok(size) => service.answer(Query::Put { put, size, from }, self.now, reply),
                    Err(refusal) => refuse(refusal, reply),
                };
                let comes_at_once = put.form == Form::AtOnce && takes_uploads;
                let announced = put.size;
                match task {
                    Some(task) => session.begin(task),
                    None if comes_at_once => session.refuse_body(announced, self.limits),
                    None => {}
                }
            }
            Meaning::Exit => session.exit(),
            Meaning::Web => {
                let last = Reply::Error(ErrorReply::NotWeb);
                session.leave(CloseReason::Web, Some(last));
            }
        }
        true
    }
}

/// Queues the refusal of an upload.
fn refuse<F, K>(refusal: ErrorReply<'_>, reply: &mut Outbox<F>) -> Option<K> {
    reply.write(|out| Reply::Error(refusal).write(out));
    None
}
