//! The bodies of the fuzz targets, for a moment and on the stable toolchain: on their corpus, and
//! on each of its inputs changed a little in many ways.
//!
//! What fuzzing finds is put into the corpus under a name that says what it was.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[path = "../../fuzz/bodies/input.rs"]
mod input;
#[path = "../../fuzz/bodies/journal.rs"]
mod journal;
#[path = "../../fuzz/bodies/lines.rs"]
mod lines;
#[path = "../../fuzz/bodies/replies.rs"]
mod replies;
#[path = "../../fuzz/bodies/session.rs"]
mod session;
#[path = "../../fuzz/bodies/web_frames.rs"]
mod web_frames;
#[path = "../../fuzz/bodies/web_head.rs"]
mod web_head;

/// How many changed inputs come of each in the corpus.
const CHANGES: u64 = 40;

#[test]
fn lines_do_not_depend_on_how_the_input_is_cut() {
    play("lines", lines::run);
}

#[test]
fn any_bytes_are_read_as_a_journal() {
    play("journal", journal::run);
}

#[test]
fn a_session_answers_any_bytes_in_any_pieces() {
    play("session", session::run);
}

#[test]
fn a_server_may_say_anything() {
    play("replies", replies::run);
}

#[test]
fn frames_do_not_depend_on_how_the_input_is_cut() {
    play("web_frames", web_frames::run);
}

#[test]
fn a_head_is_one_request_or_one_fault() {
    play("web_head", web_head::run);
}

fn play(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut inputs: Vec<_> = fs::read_dir(folder)
        .expect("the corpus is there")
        .map(|entry| entry.unwrap().path())
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 5, "a corpus of {} is none", inputs.len());
    for path in inputs {
        let input = fs::read(&path).expect("it is a file");
        for seed in 0..=CHANGES {
            let input = changed(&input, seed);
            let outcome = catch_unwind(AssertUnwindSafe(|| run(&input)));
            let shown = || input[..input.len().min(200)].escape_ascii().to_string();
            assert!(
                outcome.is_ok(),
                "{} with seed {seed}: {}",
                path.display(),
                shown()
            );
        }
    }
}

/// The input itself for seed 0, otherwise with some bytes flipped, doubled or cut.
fn changed(input: &[u8], seed: u64) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let mut state = seed;
    let mut below = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(seed | 1);
        usize::try_from(state >> 33).expect("31 bits fit") % n.max(1)
    };
    for _ in 0..seed.min(8) {
        let at = below(bytes.len());
        match below(4) {
            0 => bytes.insert(at, b"\n\r @\0g"[below(6)]),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << below(8),
            2 => bytes.truncate(at),
            _ => bytes.extend_from_within(at..),
        }
        bytes.truncate(100_000);
    }
    bytes
}
