//! The web gate: what happens between the first byte of an HTTP peer and the question for a berth.
//!
//! Owns which request needs a berth: what needs the folder or the others. Must never answer one
//! that does, nor keep a byte of a head: it stays in the input buffer until it is answered.

use std::time::Instant;

use crate::engine::admission::{Demand, Denial, Refusal, Verdict};
use crate::engine::arrivals::Arrival;
use crate::engine::hub::Hub;
use crate::engine::line_buffer::LineBuffer;
use crate::engine::phase::{Gate, Phase};
use crate::engine::ports::{Admission, Backend, Handler, Transport};
use crate::engine::response::Response;
use crate::engine::rights::{Access, Rights};
use crate::engine::session::Session;
use crate::engine::speech::Speech;
use crate::wire::web::ask::is_head;
use crate::wire::web::head::measure;
use crate::wire::web::{Ask, Fault, Key, Wanted};

/// What becomes of the peer at this gate.
enum Next {
    /// More of the head has to come.
    Wait,
    /// Its frames begin behind a head of so many bytes, and its page is known by this.
    Upgrade(usize, Option<Key>),
    /// It rides on the berth of this page, if that has one. Whether the answer has no body.
    Ride(Key, bool),
    /// It has its answer, or leaves without one.
    LetGo,
    /// It wants a berth, and this was said of its token, if one was demanded.
    Judge(Result<Option<Rights>, Refusal>),
}

impl<F, K> Session<F, K> {
    /// The head of a request is to come before anything else.
    fn await_head(&mut self) {
        if let Phase::Arriving(_, deadline) = self.phase {
            self.phase.advance(Phase::Arriving(Gate::Head, deadline));
        }
    }
}

impl<T: Transport, K, A: Admission> Hub<T, K, A> {
    /// The handshake of its transport is complete: whoever speaks HTTP says first what it wants.
    pub(super) fn greet(
        &mut self,
        key: usize,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let session = self.entries[key].connection.session_mut();
        match session.speech {
            Speech::Lines | Speech::Socket(_) => self.demand(key, turns, service, now),
            Speech::Http(_) => {
                session.await_head();
                self.wait(key, service, now);
                self.serve(key, turns, service, now);
            }
        }
    }

    /// Reads the head of the request, if all of it has come.
    pub(super) fn read_head(
        &mut self,
        key: usize,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        match self.judge_head(key, service, now) {
            Next::Wait => {}
            Next::Upgrade(head, page) => {
                let session = self.entries[key].connection.session_mut();
                session.begin_frames(head, &self.limits, now);
                session.key = page;
                self.sockets += 1;
                match page.and_then(|page| self.holder_of(page)) {
                    Some(holder) => self.take_over(key, holder, turns, service, now),
                    None => self.demand(key, turns, service, now),
                }
            }
            Next::Ride(page, is_head) => match self.seat_of(page) {
                Ok(holder) => self.ride(key, holder, turns, service, now),
                Err(fault) => {
                    let session = self.entries[key].connection.session_mut();
                    let response = Response::Fault { fault, is_head };
                    service.respond(response, &mut session.outbox);
                    self.let_go(key, turns, service, now);
                }
            },
            Next::LetGo => self.let_go(key, turns, service, now),
            Next::Judge(Err(refusal)) => {
                self.settle(key, Verdict::Refused(refusal), turns, service, now);
            }
            Next::Judge(Ok(rights)) => {
                let session = self.entries[key].connection.session_mut();
                session.access = rights.map_or(Access::Free, Access::Holder);
                session.await_verdict();
                self.ask(key, turns, service, now);
            }
        }
    }

    /// Answers what needs no berth.
    fn judge_head(
        &mut self,
        key: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) -> Next {
        let session = self.entries[key].connection.session_mut();
        session.note_nothing_unsent(now);
        let bytes = session.inbox.unread();
        let Some(asked) = read_ask(&session.speech, &session.inbox, service) else {
            return match session.inbox.has_ended() {
                true => Next::LetGo,
                false => Next::Wait,
            };
        };
        let response = match &asked {
            Ok(ask) if ask.wanted == Wanted::Page => Response::Page(ask),
            Ok(ask) => {
                if let Wanted::Socket { key, accept } = ask.wanted {
                    let head = measure(bytes).ok().flatten().unwrap_or(bytes.len());
                    service.respond(Response::Upgrade(accept), &mut session.outbox);
                    return Next::Upgrade(head, key);
                }
                if let Some(page) = ask.wanted.rides_with() {
                    return Next::Ride(page, ask.is_head);
                }
                let arrival = self.arrivals.get(key);
                let arrival = arrival.expect("an arriving peer is in the list of arrivals");
                return Next::Judge(judge_token(&mut self.admission, arrival, ask.bearer, now));
            }
            Err(fault) => Response::Fault {
                fault: *fault,
                is_head: is_head(bytes),
            },
        };
        service.respond(response, &mut session.outbox);
        Next::LetGo
    }
}

/// What a peer may ask for, if it is let in; `None` if no token was demanded.
fn judge_token<A: Admission>(
    admission: &mut A,
    arrival: &Arrival<A::Peer>,
    shown: Option<&[u8]>,
    now: Instant,
) -> Result<Option<Rights>, Refusal> {
    match (admission.demand(&arrival.peer, now), shown) {
        (Demand::Nothing, _) => Ok(None),
        (Demand::Refused(refusal), _) => Err(refusal),
        (Demand::Token, None) => Err(Refusal::Denied(Denial::NotShown)),
        (Demand::Token, Some(shown)) => {
            let judged = admission.check(arrival.ticket, &arrival.peer, shown, now);
            judged.map(Some).map_err(Refusal::Denied)
        }
    }
}

/// What a peer asks for, once all of the head has come or what came is none.
fn read_ask<'a>(
    speech: &Speech,
    inbox: &'a LineBuffer,
    service: &impl Handler,
) -> Option<Result<Ask<'a>, Fault>> {
    let Speech::Http(scheme) = speech else {
        unreachable!("only HTTP has heads");
    };
    let bytes = inbox.unread();
    match measure(bytes) {
        Ok(Some(len)) => Some(Ask::read(&bytes[..len], service.web_door(*scheme))),
        Ok(None) if inbox.has_room() => None,
        Ok(None) => Some(Err(Fault::HEAD_TOO_LARGE)),
        Err(fault) => Some(Err(fault)),
    }
}
