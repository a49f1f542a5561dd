//! Many seeds, and what is said about them.
//!
//! Owns how seeds are run side by side, and how a failure is told so that it can be had again.
//! Nothing of a seed depends on another, nor on the thread it runs in.

use std::env;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Instant;

use crate::marks::Marks;
use crate::net::Net;
use crate::setup::Bug;
use crate::trace::{Lines, Trace};
use crate::world::World;

/// Lines of the story that are told with a failure.
const LINES_TOLD: usize = 30;

/// How many seeds a run has to have before what it did not reach is a failure.
const SEEDS_FOR_ALL_MARKS: u64 = 768;

/// Plays one seed. An error says in words what did not hold.
pub(crate) fn run_seed(seed: u64, bug: Option<Bug>, trace: Trace) -> Result<Marks, String> {
    play(Net::new(seed, bug, trace)).map(|world| world.marks())
}

/// Plays a day from its beginning to its end.
pub(crate) fn play(net: Net) -> Result<World, String> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(net);
        world.play();
        world.finish();
        world
    }))
    .map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        text.unwrap_or_else(|| "a failure without words".to_owned())
    })
}

/// Plays one seed again and keeps its story.
pub(crate) fn story(seed: u64, bug: Option<Bug>) -> (Result<Marks, String>, Vec<String>) {
    let lines = Lines::default();
    let result = run_seed(seed, bug, Trace(Some(lines.clone())));
    let lines = lines.take();
    (result, lines)
}

/// The first of `seeds` seeds that fails.
pub(crate) fn first_failure(seeds: u64, bug: Option<Bug>) -> Option<u64> {
    (0..seeds).find(|&seed| run_seed(seed, bug, Trace::default()).is_err())
}

/// Plays what the environment asks for: one seed with its story, or as many as it says.
pub(crate) fn run_as_asked() {
    if let Some(seed) = number("BERTH_SIM_SEED") {
        let (result, lines) = story(seed, None);
        tell(&lines.join("\n"));
        if let Err(error) = result {
            panic!("seed {seed:#x}: {error}");
        }
        return;
    }
    let seeds = number("BERTH_SIM_SEEDS").unwrap_or(SEEDS_FOR_ALL_MARKS);
    let began = Instant::now();
    let marks = run_all(seeds).unwrap_or_else(|seed| panic!("{}", report(seed)));
    let rate = seeds as f64 / began.elapsed().as_secs_f64();
    tell(&format!(
        "{seeds} seeds, {rate:.0} a second; rarest: {}",
        marks.rarest(8)
    ));
    let missing = marks.missing();
    assert!(
        seeds < SEEDS_FOR_ALL_MARKS || missing.is_empty(),
        "never reached: {missing:?}"
    );
}

/// Plays seeds 0 to `seeds` on all the processors; an error is the lowest that failed.
fn run_all(seeds: u64) -> Result<Marks, u64> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = |first: usize| {
        let mut marks = Marks::default();
        for seed in (first as u64..seeds).step_by(threads) {
            let played = run_seed(seed, None, Trace::default());
            marks.add(&played.map_err(|_| seed)?);
        }
        Ok(marks)
    };
    let results: Vec<Result<Marks, u64>> = thread::scope(|scope| {
        let share = &share;
        let started: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || share(first)))
            .collect();
        let joined = started.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|result| result.expect("a failure stays within its seed"))
            .collect()
    });
    if let Some(seed) = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .min()
    {
        return Err(*seed);
    }
    let mut all = Marks::default();
    results.iter().flatten().for_each(|marks| all.add(marks));
    Ok(all)
}

/// A failure with what led to it, and how to see it again.
fn report(seed: u64) -> String {
    let (result, lines) = story(seed, None);
    let error = result
        .err()
        .unwrap_or_else(|| "it did not fail again".to_owned());
    let mut told = lines
        .iter()
        .rev()
        .filter_map(|line| line.split_once(" us "));
    let step = told.find(|(_, line)| line.starts_with("step "));
    let step = step.map_or("before the first step", |(_, step)| step);
    let last = lines[lines.len().saturating_sub(LINES_TOLD)..].join("\n");
    format!(
        "\n{last}\nseed {seed:#x}, {step}: {error}\n\
         again: BERTH_SIM_SEED={seed:#x} cargo test --test sim every_seed\n"
    )
}

/// A number of the environment, in decimal or with `0x` in front.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some(number.unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

/// Says something even where the output of a test that passes is not shown.
fn tell(text: &str) {
    // Nothing is lost but a remark if nobody can read it.
    let _ = writeln!(io::stderr(), "{text}");
}
