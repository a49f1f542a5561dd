//! The simulator is tested as well.
//!
//! Owns the proof that a seed is a whole story, and that the oracle sees what is wrong: each of a
//! list of mistakes, made on purpose outside the engine, is found.

use crate::runner::{first_failure, story};
use crate::setup::Bug;

#[test]
fn the_same_seed_gives_the_same_story() {
    for seed in 0..20 {
        let (_, first) = story(seed, None);
        let (_, second) = story(seed, None);
        assert!(first.len() > 10, "seed {seed} tells something");
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn different_seeds_give_different_stories() {
    assert_ne!(story(1, None).1, story(2, None).1);
}

#[test]
fn every_planted_mistake_is_found() {
    for &bug in Bug::ALL {
        let found = first_failure(256, Some(bug));
        assert!(found.is_some(), "{bug:?} was not found");
        let found = found.expect("just looked");
        let (result, _) = story(found, Some(bug));
        let error = result.expect_err("a seed that failed fails again");
        println!("{bug:?}: seed {found}: {error}");
    }
}
