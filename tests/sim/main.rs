//! The engine, run against chance.
//!
//! Thousands of small servers live their whole life here within seconds: the real hub with small
//! limits, a virtual clock, pipes that are narrow and slow, operations that fail, and peers that
//! do what peers do. One seed decides everything, so a failure can be had again as often as it
//! takes to understand it.
//!
//! - `BERTH_SIM_SEEDS=10000 cargo test --release --test sim every_seed` plays that many seeds.
//! - `BERTH_SIM_SEED=0x2a cargo test --test sim every_seed` plays one and tells its story.
//!
//! Reading order: [`world`] (the loop), [`net`], [`socket`], [`transport`], [`raw_pipe`],
//! [`sealed_pipe`], [`cipher`], [`seal`], [`tls`], [`admission`] and [`tokens`] (what it stands
//! on), [`expect`], [`gate`], [`named`], [`bodies`] and [`meeting`] (what is owed), [`oracle`],
//! [`reason`], [`stalled`] and [`check`] (what has to hold), [`action`] and [`drain`] (what
//! happens), [`unframed`] (lines that a pause ends), [`uploads`] and [`sink`] (files that come),
//! [`nth`] (each operation failing once), [`rig`] (who tests the tester).

mod action;
mod admission;
mod bodies;
mod bugs;
mod catalog;
mod check;
mod cipher;
mod drain;
mod ending;
mod expect;
mod gate;
mod marks;
mod meeting;
mod named;
mod net;
mod nth;
mod oracle;
mod peer;
mod pipe;
mod raw_pipe;
mod reason;
mod rig;
mod rng;
mod runner;
mod script;
mod seal;
mod sealed_peer;
mod sealed_pipe;
mod service;
mod setup;
mod sink;
mod socket;
mod stalled;
mod strangers;
mod tls;
mod tokens;
mod trace;
mod transport;
mod unframed;
mod uploads;
mod wire;
mod witness;
mod world;

#[test]
fn every_seed_keeps_the_promises() {
    runner::run_as_asked();
}
