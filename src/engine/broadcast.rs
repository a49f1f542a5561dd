//! When pages are told the news, and which.
//!
//! Owns how often there are some. Must never queue any behind something else: whoever has not taken
//! all it was sent is told the latest once it has.

use std::time::Instant;

use crate::engine::hub::Hub;
use crate::engine::news::Moving;
use crate::engine::phase::Phase;
use crate::engine::ports::{Admission, Backend, Handler, Transport};
use crate::engine::rights::Right;
use crate::engine::session::Session;
use crate::engine::speech::Speech;
use crate::wire::web::Opcode;

impl<F, K> Session<F, K> {
    /// Whether the client may see who else is there, and has a socket to be told on.
    fn hears_news(&self) -> bool {
        let has_socket = matches!(self.speech, Speech::Socket(_));
        has_socket && self.phase == Phase::Open && self.access.allows(Right::Status)
    }

    /// Queues the latest news if they are new to the client, and nothing is unsent.
    pub(super) fn tell_news(&mut self, service: &impl Handler<File = F, Task = K>) -> bool {
        if !self.hears_news() || !self.outbox.is_empty() {
            return false;
        }
        let (Speech::Socket(socket), Some(news)) = (&mut self.speech, service.news()) else {
            return false;
        };
        if socket.told == news.number {
            return false;
        }
        socket.told = news.number;
        self.write_unasked(|outbox| {
            outbox.write_frame(Opcode::Text, |out| out.extend_from_slice(news.text));
        });
        true
    }

    fn moving(&self) -> Option<Moving> {
        let to = self.client()?;
        let (sent, of) = self.outbox.file_progress()?;
        Some(Moving { to, sent, of })
    }
}

impl<T: Transport, K, A: Admission> Hub<T, K, A> {
    /// Something has changed that pages show. They are told soon, and not too often.
    pub fn has_news(&mut self, now: Instant) {
        if self.sockets > 0 && self.news_at.is_none() {
            let earliest = self.news_were_at.map(|at| at + self.limits.news_every);
            self.news_at = Some(earliest.map_or(now, |earliest| earliest.max(now)));
        }
    }

    /// A connection had its turn: if a file is on its way, pages show how far it is.
    pub(super) fn note_progress(&mut self, key: usize, now: Instant) {
        let is_due = self.sockets > 0 && self.news_at.is_none();
        if is_due && self.entries[key].connection.session().moving().is_some() {
            self.has_news(now);
        }
    }

    /// Makes the news, if they are due, and gives each page a turn in which it is told.
    pub(super) fn spread_news(
        &mut self,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        if self.news_at.is_none_or(|at| now < at) {
            return;
        }
        let sessions = self.entries.iter();
        let sessions = sessions.map(|(_, entry)| entry.connection.session());
        let moving: Vec<Moving> = sessions.filter_map(Session::moving).collect();
        let goes_on = service.gather(&moving, now) || !moving.is_empty();
        self.news_at = goes_on.then_some(now + self.limits.news_every);
        self.news_were_at = Some(now);
        let hears = |key: &usize| self.entries[*key].connection.session().hears_news();
        let keys = self.entries.iter().map(|(key, _)| key);
        let keys: Vec<usize> = keys.filter(hears).collect();
        keys.into_iter().for_each(|key| self.enqueue(key));
    }
}
