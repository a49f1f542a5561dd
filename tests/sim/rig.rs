//! The simulator is tested as well.
//!
//! Owns the proof that a seed is a whole story, and that the oracle sees what is wrong: each of a
//! list of mistakes, made on purpose outside the engine, is found.
//!
//! The engine holds no hooks for mistakes. Whoever changes the oracle can make some in the engine
//! by hand; each of these is found within the seeds of an ordinary run:
//! - events: a short read or write taken for a block; an edge that replaces what was known; a
//!   noted, expired, admitted or yielded key that is not queued; a queue served last in, first out;
//! - berths: the count not raised or not lowered, the cap off by one either way, nobody told of a
//!   departure, a number for who is turned away, newcomers let in while the server stops;
//! - bytes: `sent` off by one, a file's offset that stays, an outbox that outlives a short file,
//!   requests taken above the mark or beside a file or a task, answers after `exit`, a lost last
//!   line, a CR that stays, the limit of a line off by one, excess that never ends;
//! - time: an alarm that is not set, not brought closer or not taken away, a deadline a nanosecond
//!   early or late, a clock that reads, writes or new debts do not set back, a peer called stalled
//!   before a write was tried or idle while an answer is under way;
//! - pauses: a connection that stays unframed behind a LF, a pause a nanosecond early or late or of
//!   the wrong length, excess that no pause ends;
//! - first lines: a request of HTTP obeyed, or known behind another line; Telnet's words kept or
//!   not answered; CR NUL ending a line of those who say none, or none of those who do;
//! - endings: no end told, no lingering, lingering that does not read or never ends, a reason that
//!   is replaced, unadmitted not trimmed, trimmed newest first, or left in the run queue;
//! - turns: any of the three budgets not spent.
//!
//! Three change nothing that can be seen, and are not found: an inbox that is not cleared when its
//! session leaves, a task that is kept until its connection is dropped, and asking only whether the
//! input has ended where the inbox is known to be empty.

use crate::net::Net;
use crate::runner::{first_failure, story};
use crate::setup::Bug;
use crate::trace::Trace;

#[test]
fn the_same_seed_gives_the_same_story() {
    for seed in 0..20 {
        let (_, first) = story(seed, None);
        let (_, second) = story(seed, None);
        assert!(first.len() > 10, "seed {seed} tells something");
        assert_eq!(first, second, "seed {seed}");
    }
}

/// Its keys are others each time, and no length depends on them.
#[test]
fn a_seed_with_real_tls_gives_the_same_story() {
    let is_tls = |&seed: &u64| {
        let setup = Net::new(seed, None, Trace::default()).setup;
        setup.is_tls && setup.seal_bytes.is_some()
    };
    let mut records = 0;
    for seed in (0..).filter(is_tls).take(8) {
        let (_, first) = story(seed, None);
        let (_, second) = story(seed, None);
        records += first.iter().filter(|line| line.contains("settle")).count();
        assert_eq!(first, second, "seed {seed}");
    }
    assert!(records > 20, "{records} times something was sent");
}

#[test]
fn different_seeds_give_different_stories() {
    assert_ne!(story(1, None).1, story(2, None).1);
}

#[test]
fn every_planted_mistake_is_found() {
    for &bug in Bug::ALL {
        let found = first_failure(1024, Some(bug));
        assert!(found.is_some(), "{bug:?} was not found");
        let found = found.expect("just looked");
        let (result, _) = story(found, Some(bug));
        let error = result.expect_err("a seed that failed fails again");
        println!("{bug:?}: seed {found}: {error}");
    }
}
