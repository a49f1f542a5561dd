//! Every number that bounds what a peer may cost, each with its reason.
//!
//! Owns the limits of the engine, and nothing that acts on them. The longest line is part of the
//! protocol and stands in [`crate::wire::request`].

use std::time::Duration;

use crate::wire::LINE_BYTES_MAX;

/// How often within the stall timeout it is tried whether a peer takes more.
///
/// The kernel tells that a connection can be written to only when a third of its send buffer is
/// free, which for a slow peer and megabytes of buffer takes minutes, while a write goes through
/// as soon as anything is. So a peer is not judged by events alone.
pub const STALL_TRIES: u32 = 4;

/// Into how many shares the bytes of a turn of the loop are split at most. With more peers than
/// that a share would be so small that the system calls cost more than the sending.
pub const SHARES_MAX: usize = 4;

/// The bounds that a hub and its connections keep. [`Limits::default`] is what `berthd` runs with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most clients inside at once. 3, as the assignment that berth grew from has it.
    pub clients_max: usize,

    /// The most peers in the table that are not clients: turned away, or leaving.
    ///
    /// They are there so that the last line reaches them. 256 of them cost 256 file descriptors
    /// and some kernel memory; whoever comes while so many are there makes room by ending the one
    /// that was there longest, who has had the most time to read.
    pub unadmitted_max: usize,

    /// The most peers in the table that wait at a gate: for their pipe's handshake, or for a
    /// verdict that comes later. Each costs a descriptor and at most an inbox, so all of them
    /// cost less than 5 MiB. Whoever comes while so many wait makes room by ending the one that
    /// was silent longest. A door without gates has none.
    pub arrivals_max: usize,

    /// The most of them from one origin, so that nobody alone keeps others from arriving. A
    /// browser opens six connections at once.
    pub arrivals_per_origin_max: usize,

    /// How long a peer may take from its connection to its berth, whatever it says meanwhile:
    /// some round trips, a handshake, and a person's lost packet or two.
    pub arrival: Duration,

    /// How many steps of a handshake are done in one turn of the loop. A step signs or derives
    /// keys, 0.15 to 0.5 ms each, and everybody else waits for it.
    pub handshake_steps: usize,

    /// What a read takes from a turn's bytes at least: one that gives nothing, because all that
    /// came was the pipe's own, has cost work too.
    pub read_cost_bytes: usize,

    /// Unread input held for one peer, in bytes: room for the longest line and as much again as
    /// makes a pipelining client's reads few. What does not fit stays in the kernel.
    pub inbox_bytes: usize,

    /// No further request is taken while this many unsent bytes are queued for the peer.
    ///
    /// 64 KiB is more than one write to a busy socket takes, so the pipe does not run dry, and with
    /// it a peer that never reads costs this, one reply, and no more.
    pub outbox_mark_bytes: usize,

    /// Bytes read and written in one turn of the loop for somebody who has it alone; when several
    /// have one they share half of it: see [`Limits::share_bytes`].
    ///
    /// 512 KiB take a tenth of a millisecond to send, which is what others wait for who come
    /// meanwhile. Half as much costs an eighth more of the processor's time, and twice as much
    /// saves nothing.
    pub turn_bytes: usize,

    /// Requests answered for one peer in one turn. The dearest are opens of a file at a few
    /// microseconds each, so a turn of them stays below a millisecond too.
    pub turn_requests: usize,

    /// How long a connection may be quiet in both directions. `None`: for ever.
    pub idle: Option<Duration>,

    /// How long the beginning of a line may be quiet before the log says what ends a line.
    ///
    /// People who type are quiet for a second or two; who forgot the LF waits for an answer for
    /// ever, and gives up after some ten seconds.
    pub unended: Duration,

    /// How long a peer may take nothing while output is owed to it.
    pub stall: Duration,

    /// How long a peer that was sent its last byte has to close. A round trip around the earth
    /// takes a third of a second; two seconds forgive a lost packet or two.
    pub linger: Duration,

    /// How many bytes are read and thrown away for a peer that is leaving or was turned away.
    ///
    /// Reading them keeps the close from turning into a reset that destroys the last line; a peer
    /// that sends more than this will not read that line anyway.
    pub discard_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients_max: 3,
            unadmitted_max: 256,
            arrivals_max: 256,
            arrivals_per_origin_max: 8,
            arrival: Duration::from_secs(10),
            handshake_steps: 2,
            read_cost_bytes: 1024,
            inbox_bytes: 16 * 1024,
            outbox_mark_bytes: 64 * 1024,
            turn_bytes: 512 * 1024,
            turn_requests: 256,
            idle: Some(Duration::from_secs(600)),
            unended: Duration::from_secs(5),
            stall: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            discard_bytes: 16 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// What each of so many peers may read and write in its turn. Where several have one, somebody
    /// else who says little is more likely to wait.
    #[must_use]
    pub fn share_bytes(&self, turns: usize) -> usize {
        let shares = if turns > 1 {
            turns.min(SHARES_MAX) * 2
        } else {
            1
        };
        (self.turn_bytes / shares).max(1)
    }

    /// Whether the engine can work with these: an inbox that a longest line does not fit into, or
    /// a budget of nothing, would be a connection that never moves.
    #[must_use]
    pub fn are_sound(&self) -> bool {
        self.inbox_bytes > LINE_BYTES_MAX
            && self.outbox_mark_bytes > 0
            && self.turn_bytes > 0
            && self.turn_requests > 0
            && self.unadmitted_max > 0
            && self.arrivals_max > 0
            && self.arrivals_per_origin_max > 0
            && self.handshake_steps > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_of_the_loop_is_shared_by_those_who_have_a_turn_in_it() {
        let limits = Limits::default();
        assert_eq!(limits.share_bytes(1), limits.turn_bytes);
        for turns in 2..=SHARES_MAX {
            assert!(limits.share_bytes(turns) * turns <= limits.turn_bytes / 2);
        }
        assert_eq!(limits.share_bytes(10_000), limits.share_bytes(SHARES_MAX));
        let tiny = Limits {
            turn_bytes: 1,
            ..limits
        };
        assert_eq!(tiny.share_bytes(9), 1, "everybody gets on");
    }

    #[test]
    fn the_limits_that_berthd_runs_with_are_sound() {
        assert!(Limits::default().are_sound());
        let no_room_for_a_line = Limits {
            inbox_bytes: LINE_BYTES_MAX,
            ..Limits::default()
        };
        assert!(!no_room_for_a_line.are_sound());
    }
}
