//! A service that is watched.
//!
//! Owns nothing: it stands between the engine and a service for the length of a call. Must never
//! answer anything itself.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Tracer, Watch};
use crate::engine::deed::Deed;
use crate::engine::outbox::{Outbox, Passage};
use crate::engine::ports::{Query, Refusal, Service, Step};
use crate::engine::tally::Tally;
use crate::server::socket::Served;
use crate::wire::{ClientName, Farewell};

/// Asks `service`, and tells `watch`.
#[derive(Debug)]
pub struct Watched<'a, S, T> {
    /// Who answers.
    pub service: &'a mut S,
    /// Who listens.
    pub watch: &'a mut Watch<T>,
}

impl<S, T> Service for Watched<'_, S, T>
where
    S: Service<File = Served, Peer = SocketAddr>,
    T: Tracer,
{
    type File = Served;
    type Task = S::Task;
    type Peer = SocketAddr;

    fn has_share(&self, peer: &SocketAddr) -> bool {
        self.service.has_share(peer)
    }

    fn refused(&mut self, peer: SocketAddr, refusal: Refusal) {
        self.service.refused(peer, refusal);
        self.watch.refused(peer, refusal);
    }

    fn arrived(&mut self, name: ClientName, peer: SocketAddr) {
        self.service.arrived(name, peer);
        self.watch.arrived(name, peer);
    }

    fn asked(&mut self, name: ClientName) {
        self.service.asked(name);
    }

    fn unended(&mut self, name: ClientName) {
        self.service.unended(name);
    }

    fn departed(&mut self, name: ClientName, farewell: Farewell, tally: &Tally) {
        self.service.departed(name, farewell, tally);
        self.watch.departed(name, farewell);
    }

    fn transferred(&mut self, to: ClientName, passage: Passage<Served>, lasted: Duration) {
        self.watch
            .tracer
            .transferred(to, passage.sent, passage.size);
        self.service.transferred(to, passage, lasted);
    }

    fn failed(&mut self, name: Option<ClientName>, error: &io::Error) {
        self.service.failed(name, error);
    }

    fn answer(&mut self, query: Query<'_>, reply: &mut Outbox<Served>) -> Option<S::Task> {
        let task = self.service.answer(query, reply);
        if let Query::Get { name, .. } = query
            && reply.has_file()
        {
            self.watch.tracer.asked(name);
        }
        task
    }

    fn resume(&mut self, task: &mut S::Task, reply: &mut Outbox<Served>) -> Step {
        self.service.resume(task, reply)
    }

    #[inline(always)]
    fn saw(&mut self, deed: Deed) {
        self.watch.saw(deed);
    }
}
