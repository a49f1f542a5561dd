//! Each operation fails once.
//!
//! Owns the run in which, of an otherwise calm day, the first operation of a kind fails, then the
//! second, and so on to the last: chance may miss the one that matters.

use std::rc::Rc;

use crate::marks::{Event, Fault};
use crate::net::{Aim, Net};
use crate::runner::{number, play};
use crate::trace::Trace;

/// Days that are played, of which each has tens to hundreds of operations.
const DAYS: u64 = 4;

/// The most failures of one kind that are tried on a day in an ordinary run.
const FAILURES_MAX: usize = 60;

/// A day on which nothing goes wrong but what is aimed at.
fn day(seed: u64, aim: Aim) -> Net {
    let mut net = Net::new(seed, None, Trace::default());
    net.aim = Some(aim);
    net
}

/// How many chances for `fault` there are on a day.
fn chances(seed: u64, fault: Fault) -> usize {
    let never = Aim {
        fault,
        left: usize::MAX,
    };
    let world = play(day(seed, never)).unwrap_or_else(|error| panic!("seed {seed:#x}: {error}"));
    let left = world.net.borrow().aim.expect("it was set").left;
    usize::MAX - left
}

#[test]
fn whichever_operation_fails_nobody_else_notices() {
    let long = number("BERTH_SIM_SEEDS").is_some_and(|seeds| seeds >= 1000);
    let (days, most) = if long {
        (40, usize::MAX)
    } else {
        (DAYS, FAILURES_MAX)
    };
    let mut played = 0;
    for seed in 0..days {
        for &fault in Fault::ALL {
            for left in 0..chances(seed, fault).min(most) {
                // The oracle knows what everybody is to receive, whatever fails.
                if let Err(error) = play(day(seed, Aim { fault, left })) {
                    panic!("seed {seed:#x}, {fault:?} after {left} others: {error}");
                }
                played += 1;
            }
        }
    }
    assert!(played > 100, "only {played} failures were tried");
    println!("{played} failures");
}

/// So is a disk, which fails behind each byte once.
#[test]
fn wherever_the_disk_fails_only_those_who_upload_are_told() {
    let never = Aim {
        fault: Fault::FinishError,
        left: usize::MAX,
    };
    let long = number("BERTH_SIM_SEEDS").is_some_and(|seeds| seeds >= 1000);
    let (days, places) = if long { (100, 64) } else { (60, 12) };
    let mut failed = 0;
    for seed in 0..days {
        for at in 1..=places {
            let mut net = day(seed, never);
            let uploads = &mut Rc::make_mut(&mut net.setup.catalog).uploads;
            uploads.accepted = true;
            uploads.all_fail_at = Some(at);
            match play(net) {
                Ok(world) => failed += world.marks().count(Event::UploadFailed),
                Err(error) => panic!("seed {seed:#x}, the disk fails behind {at} bytes: {error}"),
            }
        }
    }
    assert!(failed > 20, "only {failed} uploads failed");
}

/// An open is the service's doing and not the pipe's, so it is the files that fail, one by one.
#[test]
fn whichever_file_cannot_be_opened_only_those_who_asked_for_it_are_told() {
    let never = Aim {
        fault: Fault::FinishError,
        left: usize::MAX,
    };
    let mut played = 0;
    for seed in 0..40 {
        for file in 0..day(seed, never).setup.catalog.files.len() {
            let mut net = day(seed, never);
            Rc::make_mut(&mut net.setup.catalog).files[file].unopenable = true;
            if let Err(error) = play(net) {
                panic!("seed {seed:#x}, file {file} cannot be opened: {error}");
            }
            played += 1;
        }
    }
    assert!(played > 100, "only {played} files were tried");
}
