//! One connection between a peer and the server, as the kernel has it.
//!
//! Owns its two pipes, the edges that wait to be told, and the record of what was done to it. Must
//! never tell an edge that a kernel would not, nor keep one that a kernel tells.

use std::time::Duration;

use berth::engine::readiness::Readiness;
use berth::wire::CloseReason;

use crate::pipe::Pipe;

/// What an operation may be found to depend on at the start of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    /// Operations, also those that failed.
    pub(crate) operations: u64,
    /// Those of them that tried to send something.
    pub(crate) write_tries: u64,
    /// Reads that gave nothing, because all that came was the pipe's own.
    pub(crate) empty_reads: usize,
    /// Bytes that the server read.
    pub(crate) read: usize,
    /// Bytes that the server was told were sent.
    pub(crate) written: usize,
    /// Those of them that came out of files and were not yet reported as such.
    pub(crate) unreported: u64,
    /// When a byte last moved.
    pub(crate) moved_at: Duration,
    /// When the peer last took a byte, or had none to take.
    pub(crate) taken_at: Duration,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) up: Pipe,
    pub(crate) down: Pipe,
    /// A read has blocked, so its end is an edge.
    read_armed: bool,
    write_armed: bool,
    pub(crate) edge_read: bool,
    pub(crate) edge_write: bool,
    /// The kernel has spoken of the end of the input, or of a reset, which it does once.
    end_told: bool,
    /// What the server has a right to believe: not known to block.
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The server was told that an end or a reset is there to be read.
    pub(crate) closing: bool,
    /// The peer, or the network, broke it: operations fail.
    pub(crate) reset: bool,
    /// The peer will read no more: what is written to it comes back as a reset.
    pub(crate) deaf: bool,
    /// The pipe is sealed.
    pub(crate) is_sealed: bool,
    /// A read of the sealed pipe would give something without asking the socket.
    pub(crate) holds: bool,
    /// The sealed pipe has something to send.
    pub(crate) owes: bool,
    /// The last read of the socket under a sealed pipe took all there was.
    pub(crate) was_drained: bool,
    /// The peer broke the rules of a sealed pipe.
    pub(crate) broke_rules: bool,
    /// The peer was turned away before its handshake was complete, for which there is no line.
    pub(crate) is_refused_early: bool,
    /// It arrives no more, was owed nothing then, and its pipe has not begun to owe the end.
    pub(crate) is_bare: bool,
    pub(crate) key: Option<usize>,
    /// Where the peer is: one of a few places, each of which has its share of the berths.
    pub(crate) place: usize,
    pub(crate) record: Record,
    /// When it came into the hub's table.
    pub(crate) arrived_at: Duration,
    pub(crate) finished_at: Option<Duration>,
    /// What was read when the server said that no more comes.
    pub(crate) read_at_finish: usize,
    /// The server was told that no more will come.
    pub(crate) end_read: bool,
    /// The server was told that it is broken.
    pub(crate) fatal: Option<CloseReason>,
    /// The server let go of it.
    pub(crate) dropped: bool,
    /// The server let go of it before it had read everything.
    pub(crate) rejects: bool,
    /// A reset destroyed bytes on their way to the peer.
    pub(crate) lost: bool,
}

impl Wire {
    pub(crate) fn new(bytes: usize, place: usize) -> Self {
        Self {
            up: Pipe::new(bytes),
            down: Pipe::new(bytes),
            read_armed: false,
            write_armed: false,
            edge_read: false,
            edge_write: false,
            end_told: false,
            readable: true,
            writable: true,
            closing: false,
            reset: false,
            deaf: false,
            is_sealed: false,
            holds: false,
            owes: false,
            was_drained: false,
            broke_rules: false,
            is_refused_early: false,
            is_bare: false,
            key: None,
            place,
            record: Record::default(),
            arrived_at: Duration::ZERO,
            finished_at: None,
            read_at_finish: 0,
            end_read: false,
            fatal: None,
            dropped: false,
            rejects: false,
            lost: false,
        }
    }

    /// Whether it is in the hub's table.
    pub(crate) const fn is_live(&self) -> bool {
        self.key.is_some() && !self.dropped
    }

    /// Whether a read would tell something new.
    pub(crate) fn has_news(&self, now: Duration) -> bool {
        self.reset || self.up.arrived() > 0 || (self.up.is_over(now) && !self.end_read)
    }

    /// Whether a write would not block.
    pub(crate) fn has_room(&self, low_water: usize) -> bool {
        self.reset || self.down.is_roomy(low_water)
    }

    pub(crate) fn settle(&mut self, now: Duration, strict: bool, low_water: usize) {
        let news = self.up.settle(now);
        self.down.settle(now);
        if self.dropped {
            if news || self.up.arrived() > 0 {
                self.reject();
            }
            return;
        }
        if self.has_news(now) && (self.read_armed || (news && !strict)) {
            self.edge_read = true;
            self.read_armed = false;
        }
        // A change of state is told whatever was told before.
        if self.has_end(now) && !self.end_told {
            self.end_told = true;
            self.edge_read = true;
        }
        if self.write_armed && self.has_room(low_water) {
            self.edge_write = true;
            self.write_armed = false;
        }
    }

    pub(crate) const fn read_blocked(&mut self) {
        self.arm_read();
        self.readable = false;
    }

    /// The next thing to be read is an edge.
    pub(crate) const fn arm_read(&mut self) {
        self.read_armed = true;
    }

    /// The next room to write to is an edge.
    pub(crate) const fn arm_write(&mut self) {
        self.write_armed = true;
    }

    /// The server was told that nothing more is there, unless it knows of an end.
    pub(crate) const fn believe_blocked(&mut self) {
        if !self.closing {
            self.readable = false;
        }
    }

    /// Whether the end has arrived, behind whatever data has, or the connection broke.
    fn has_end(&self, now: Duration) -> bool {
        self.reset || self.up.end_arrived(now)
    }

    pub(crate) const fn write_blocked(&mut self) {
        self.arm_write();
        self.writable = false;
    }

    /// The event that waits to be told, which is told once.
    pub(crate) fn take_edge(&mut self, now: Duration) -> Option<Readiness> {
        let edge = Readiness::of(self.edge_read, self.edge_write).with_end(self.has_end(now));
        let any = self.edge_read || self.edge_write;
        self.edge_read = false;
        self.edge_write = false;
        any.then_some(edge)
    }

    /// The server was told of an event.
    pub(crate) const fn noted(&mut self, event: Readiness) {
        self.readable |= event.readable();
        self.writable |= event.writable();
        self.closing |= event.closing();
    }

    /// The connection breaks: bytes on their way are gone, and both sides will hear of it.
    pub(crate) fn break_off(&mut self) {
        self.reset = true;
        self.up.destroy();
        self.lost |= self.down.destroy();
    }

    pub(crate) fn drop_by_server(&mut self, now: Duration) {
        self.dropped = true;
        if self.reset {
            return;
        }
        self.down.end(now);
        if self.up.arrived() > 0 {
            self.reject();
        }
    }

    /// Bytes came that nobody reads: the kernel answers with a reset, behind which nothing is safe.
    fn reject(&mut self) {
        self.rejects = true;
        self.up.destroy();
        self.lost |= self.down.destroy();
    }
}
