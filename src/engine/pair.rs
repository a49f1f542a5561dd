//! Two implementations of the ports in one value.
//!
//! Owns the forwarding: the first one answers, and both observe. Must never decide anything.

use std::io;
use std::time::{Duration, Instant};

use crate::engine::event::Event;
use crate::engine::news::{Moving, News};
use crate::engine::outbox::{Outbox, Transfer};
use crate::engine::ports::{Handler, Observer, Query, Received, Refusal, Step};
use crate::engine::response::Response;
use crate::engine::stats::SessionStats;
use crate::wire::web::{Ask, Scheme, WebDoor};
use crate::wire::{ClientName, CloseReason};

/// Two in one: the first one answers, and both observe.
impl<A: Handler, B> Handler for (A, B) {
    type File = A::File;
    type Task = A::Task;

    fn answer(
        &mut self,
        query: Query<'_>,
        now: Instant,
        reply: &mut Outbox<A::File>,
    ) -> Option<A::Task> {
        self.0.answer(query, now, reply)
    }

    fn resume(&mut self, task: &mut A::Task, reply: &mut Outbox<A::File>) -> Step {
        self.0.resume(task, reply)
    }

    fn takes_uploads(&self) -> bool {
        self.0.takes_uploads()
    }

    fn receive(
        &mut self,
        task: &mut A::Task,
        bytes: &[u8],
        reply: &mut Outbox<A::File>,
    ) -> Received {
        self.0.receive(task, bytes, reply)
    }

    fn web_door(&self, scheme: Scheme) -> &WebDoor {
        self.0.web_door(scheme)
    }

    fn respond(&mut self, response: Response<'_>, reply: &mut Outbox<A::File>) {
        self.0.respond(response, reply);
    }

    fn fetch(
        &mut self,
        ask: &Ask<'_>,
        from: ClientName,
        now: Instant,
        reply: &mut Outbox<A::File>,
    ) -> Option<A::Task> {
        self.0.fetch(ask, from, now, reply)
    }

    fn news(&self) -> Option<News<'_>> {
        self.0.news()
    }

    fn gather(&mut self, moving: &[Moving], now: Instant) -> bool {
        self.0.gather(moving, now)
    }

    fn abandoned(&mut self, task: A::Task, why: CloseReason, reply: &mut Outbox<A::File>) {
        self.0.abandoned(task, why, reply);
    }
}

impl<A, B> Observer for (A, B)
where
    A: Observer,
    B: Observer<File = A::File, Peer = A::Peer>,
{
    type File = A::File;
    type Peer = A::Peer;

    fn refused(&mut self, peer: &A::Peer, refusal: Refusal) {
        self.0.refused(peer, refusal);
        self.1.refused(peer, refusal);
    }

    fn arrived(&mut self, name: ClientName, peer: &A::Peer, token: Option<&str>) {
        self.0.arrived(name, peer, token);
        self.1.arrived(name, peer, token);
    }

    fn asked(&mut self, name: ClientName) {
        self.0.asked(name);
        self.1.asked(name);
    }

    fn unended(&mut self, name: ClientName) {
        self.0.unended(name);
        self.1.unended(name);
    }

    fn departed(&mut self, name: ClientName, reason: CloseReason, stats: &SessionStats) {
        self.0.departed(name, reason, stats);
        self.1.departed(name, reason, stats);
    }

    fn queued(&mut self, file: &[u8]) {
        self.0.queued(file);
        self.1.queued(file);
    }

    fn transferred(&mut self, to: ClientName, transfer: &Transfer<A::File>, lasted: Duration) {
        self.0.transferred(to, transfer, lasted);
        self.1.transferred(to, transfer, lasted);
    }

    fn failed(&mut self, name: Option<ClientName>, error: &io::Error) {
        self.0.failed(name, error);
        self.1.failed(name, error);
    }

    // The variant is known at each call: inlined, an observer costs what its own match arm does.
    #[inline(always)]
    fn on_event(&mut self, event: Event) {
        self.0.on_event(event);
        self.1.on_event(event);
    }
}
