//! The limits on what a peer may cost, each with its reason.
//!
//! Owns the limits of the engine. Must never enforce one. The longest line is part of the protocol
//! and stands in [`crate::wire::request`].

use std::time::Duration;

use crate::wire::LINE_BYTES_MAX;

/// How often within the stall timeout a write is tried without an event.
///
/// The kernel reports a socket as writable only when a third of its send buffer is free. For a slow
/// peer and megabytes of buffer that takes minutes, while a write succeeds as soon as any space is
/// free. So the stall timeout does not rely on events alone.
pub const STALL_TRIES: u32 = 4;

/// The most shares that the bytes of a turn of the loop are split into. With more, a share would be
/// so small that the system calls cost more than the sending.
const SHARES_MAX: usize = 4;

/// The pauses that end the lines of a client that sends no LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pauses {
    /// How long a first line has to be quiet before its connection is taken for unframed.
    ///
    /// Linux sends a lost packet again after 200 ms, so a line in two packets is not cut where one
    /// of them was lost. A person who waits for the first answer hardly notices.
    pub first: Duration,

    /// How long each later line of an unframed connection has to be quiet.
    ///
    /// The packets of one line follow one another within microseconds on a local network, and
    /// within a few milliseconds on a busy wireless one. Every answer comes later by this much, so
    /// it is less than anybody notices.
    pub later: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(300),
            later: Duration::from_millis(15),
        }
    }
}

/// The bounds that a hub and its connections keep. `berthd` runs with [`Limits::default`], but for
/// the few that its command line sets (src/cli/server.rs).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most clients inside at once. 3, as the assignment that berth grew from has it.
    pub clients_max: usize,

    /// The most unadmitted peers in the table: refused, or leaving.
    ///
    /// They stay in it so that the last line reaches them. 256 of them cost 256 file descriptors
    /// and some kernel memory. When there is one more, the oldest is dropped, which has had the
    /// most time to read.
    pub unadmitted_max: usize,

    /// The most peers in the table that wait: for their handshake, for their own token, or for a
    /// verdict that comes later.
    /// Each costs a descriptor and at most an inbox, so all of them cost less than 5 MiB. When
    /// there is one more, the one that was silent longest is turned away. Without TLS, without
    /// tokens and with a local admission no peer waits.
    pub arrivals_max: usize,

    /// The most of them from one origin, so that one origin alone cannot keep others from arriving.
    /// A browser opens six connections at once.
    pub arrivals_per_origin_max: usize,

    /// How many files a page may move at once beside its socket. A person waits for one; the other
    /// is for who is impatient. More would be queued by the browser all the same, which opens six
    /// connections to a server.
    pub riders_per_berth_max: usize,

    /// How often pages are told the news at most: a bar that moves four times a second looks as if
    /// it moved all the time.
    pub news_every: Duration,

    /// The arrival timeout, from the accept to the berth, whatever the peer sends meanwhile: enough
    /// for some round trips, a handshake, and a lost packet or two.
    pub arrival: Duration,

    /// How many lines a peer may say before it has shown its token, which is enough for somebody
    /// who mistypes the word and too few for who tries what is here.
    pub token_lines: u8,

    /// How many bytes it may send before: room for the longest line, twice. What is behind a token
    /// and comes in the same read is kept; the rest stays in the kernel until the token is judged.
    pub token_bytes: u64,

    /// How many handshake steps are done in one turn of the loop. A step signs or derives keys,
    /// 0.15 to 0.5 ms each, and all other connections wait for it.
    pub handshake_steps: usize,

    /// What a read takes from a turn's bytes at least: one that returns nothing, because all input
    /// was the transport's own, has cost work too.
    pub read_cost_bytes: usize,

    /// The size of a peer's input buffer in bytes: room for the longest line, and enough that a
    /// client that pipelines takes few reads. What does not fit stays in the kernel.
    pub inbox_bytes: usize,

    /// The size in bytes of the one buffer that the bodies of uploads are read into, each piece of
    /// which is handed on in the same turn. 16 KiB at a time cost 0.73 s of processor time a GiB,
    /// 256 KiB cost 0.52 s, and more than a turn's bytes would never be used.
    pub body_piece_bytes: usize,

    /// No further request is taken while this many unsent bytes are queued for the peer.
    ///
    /// 64 KiB is more than one write to a busy socket takes, so the send buffer does not run empty.
    /// A peer that never reads costs this and one reply at most.
    pub outbox_mark_bytes: usize,

    /// Bytes read and written in one turn of the loop for a connection that is served alone.
    /// Several connections share half of it: see [`Limits::share_bytes`].
    ///
    /// 512 KiB take a tenth of a millisecond to send, which is the latency for a newcomer. Half as
    /// much costs an eighth more processor time, and twice as much saves nothing.
    pub turn_bytes: usize,

    /// Requests answered for one peer in one turn. The most expensive open a file, a few
    /// microseconds each, so a turn of these stays below a millisecond too.
    pub turn_requests: usize,

    /// The idle timeout, without a byte in either direction. `None`: no timeout.
    pub idle: Option<Duration>,

    /// How long after an incomplete line the log says what ends a line.
    ///
    /// A person who types pauses for a second or two. A programmer who forgot the LF waits for an
    /// answer, and gives up after some ten seconds.
    pub unended: Duration,

    /// The pauses that end a line without LF, for a connection that has never sent one. `None`: no
    /// pause ends a line.
    pub unframed: Option<Pauses>,

    /// The stall timeout: how long the socket may accept nothing while there is unsent output, and
    /// how long nothing may come of a body that was announced. Slow is not stalled: each byte
    /// begins it anew.
    pub stall: Duration,

    /// How long a peer that was sent its last byte has to close. A round trip around the earth
    /// takes a third of a second; two seconds allow for a lost packet or two.
    pub linger: Duration,

    /// How many bytes are read and discarded from a peer that is leaving or was refused.
    ///
    /// Unread input would turn the close into a reset, which destroys the last line. A peer that
    /// sends more than this will not read that line anyway.
    pub discard_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients_max: 3,
            unadmitted_max: 256,
            arrivals_max: 256,
            arrivals_per_origin_max: 8,
            riders_per_berth_max: 2,
            news_every: Duration::from_millis(250),
            arrival: Duration::from_secs(10),
            token_lines: 3,
            token_bytes: 8 * 1024,
            handshake_steps: 2,
            read_cost_bytes: 1024,
            inbox_bytes: 16 * 1024,
            body_piece_bytes: 256 * 1024,
            outbox_mark_bytes: 64 * 1024,
            turn_bytes: 512 * 1024,
            turn_requests: 256,
            idle: Some(Duration::from_secs(600)),
            unended: Duration::from_secs(5),
            unframed: None,
            stall: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            discard_bytes: 16 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// What each of `turns` connections may read and write in its turn. Where several have one, it
    /// is more likely that a client with little traffic waits.
    #[must_use]
    pub fn share_bytes(&self, turns: usize) -> usize {
        let shares = if turns > 1 {
            turns.min(SHARES_MAX) * 2
        } else {
            1
        };
        (self.turn_bytes / shares).max(1)
    }

    /// Whether the engine can work with these. With an inbox shorter than the longest line, or with
    /// a budget of 0, a connection would never move.
    #[must_use]
    pub fn are_sound(&self) -> bool {
        self.inbox_bytes > LINE_BYTES_MAX
            && self.body_piece_bytes > 0
            && self.outbox_mark_bytes > 0
            && self.turn_bytes > 0
            && self.turn_requests > 0
            && self.unadmitted_max > 0
            && self.arrivals_max > 0
            && self.arrivals_per_origin_max > 0
            && self.handshake_steps > 0
            && self.token_lines > 0
            && self.token_bytes > 0
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
        assert_eq!(tiny.share_bytes(9), 1, "every connection makes progress");
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
