//! A session whose lines come and go in the frames of a WebSocket (RFC 6455).
//!
//! Owns what lies between the two: frames are taken apart before a line is searched, and what ends
//! a session ends with a Close frame. Must never look into a line.

use std::time::Instant;

use crate::engine::admission::Refusal;
use crate::engine::limits::Limits;
use crate::engine::outbox::Outbox;
use crate::engine::phase::Ending;
use crate::engine::session::Session;
use crate::engine::speech::{Socket, Speech};
use crate::engine::stats::RunningStats;
use crate::wire::CloseReason;
use crate::wire::web::CloseCode;
use crate::wire::web::frames::Stripped;
use crate::wire::web::websocket::{write_close, write_pong};

impl<F, K> Session<F, K> {
    /// The answer to the handshake is queued, and the first `head` bytes of the input were it.
    /// What is behind them are frames.
    pub(super) fn begin_frames(&mut self, head: usize, limits: &Limits, now: Instant) {
        self.inbox.take_raw(head);
        self.outbox.begin_frames();
        self.running = RunningStats::new(now);
        let mut socket = Box::<Socket>::default();
        socket.has_hung_up = self.inbox.has_ended();
        let stripped = socket.frames.strip(self.inbox.unread_mut());
        self.inbox.keep(stripped.kept);
        self.speech = Speech::Socket(socket);
        self.stripped(stripped, limits);
    }

    /// The peer sent these `n` bytes. Returns how many of them, at the front, are of lines.
    pub(super) fn strip(&mut self, bytes: &mut [u8], limits: &Limits) -> usize {
        let Speech::Socket(socket) = &mut self.speech else {
            return bytes.len();
        };
        let stripped = socket.frames.strip(bytes);
        self.stripped(stripped, limits)
    }

    /// The same for bytes that a read put into the inbox.
    pub(super) fn strip_inbox(&mut self, n: usize, limits: &Limits) -> usize {
        let Speech::Socket(socket) = &mut self.speech else {
            return n;
        };
        let stripped = socket.frames.strip(self.inbox.fresh(n));
        self.stripped(stripped, limits)
    }

    /// Answers a ping, unless much is unsent: then another one will come. Behind the end of the
    /// frames no line comes.
    fn stripped(&mut self, stripped: Stripped, limits: &Limits) -> usize {
        if let Some(ping) = stripped.ping
            && self.outbox.bytes_queued() < limits.outbox_mark_bytes
        {
            self.write_unasked(|outbox| outbox.write_bare(|out| write_pong(out, ping.as_bytes())));
        }
        if let Speech::Socket(socket) = &mut self.speech
            && let Some(end) = stripped.end
        {
            socket.end = Some(end);
            self.inbox.end();
        }
        stripped.kept
    }

    /// Queues what is no answer to a line.
    pub(super) fn write_unasked(&mut self, write: impl FnOnce(&mut Outbox<F>)) {
        let before = self.outbox.bytes_queued();
        write(&mut self.outbox);
        if let Speech::Socket(socket) = &mut self.speech {
            socket.unasked += self.outbox.bytes_queued() - before;
        }
    }

    /// The transport accepted `n` bytes. Returns whether any of them were asked for, as nearly as
    /// that has to be known: those that were not are taken for the first to leave.
    pub(super) fn has_moved(&mut self, n: usize) -> bool {
        let Speech::Socket(socket) = &mut self.speech else {
            return true;
        };
        let unasked = socket.unasked.min(n);
        socket.unasked -= unasked;
        n > unasked
    }

    /// Queues the Close frame that ends the session, if frames are sent.
    pub(super) fn say_close(&mut self, ending: Ending) {
        let Speech::Socket(socket) = &self.speech else {
            return;
        };
        let end = socket.end;
        self.outbox.write_bare(|out| match end {
            Some(end) => end.write_answer(out),
            None => write_close(out, Some(close_code(ending)), ""),
        });
    }

    /// Whether the transport has reported the end of the input.
    pub(super) const fn has_hung_up(&self) -> bool {
        match &self.speech {
            Speech::Socket(socket) => socket.has_hung_up,
            Speech::Lines | Speech::Http(_) => self.inbox.has_ended(),
        }
    }
}

/// What a Close frame says of the end of a session: RFC 6455, 7.4.
const fn close_code(ending: Ending) -> CloseCode {
    match ending {
        Ending::NotAdmitted => CloseCode::NORMAL,
        Ending::Moved => CloseCode::MOVED,
        Ending::Refused(Refusal::Full | Refusal::Crowded | Refusal::Busy) => {
            CloseCode::TRY_AGAIN_LATER
        }
        Ending::Refused(
            Refusal::Penalised | Refusal::Denied(_) | Refusal::Late(_) | Refusal::BrokeRules,
        ) => CloseCode::POLICY,
        Ending::Left(reason) => match reason {
            CloseReason::Exit | CloseReason::Eof => CloseCode::NORMAL,
            CloseReason::Shutdown => CloseCode::GOING_AWAY,
            CloseReason::Error => CloseCode::INTERNAL,
            _ => CloseCode::POLICY,
        },
    }
}
