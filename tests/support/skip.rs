//! What is left out on a machine that lacks something.
//!
//! Owns how that is said: to whoever reads the test's output, and to `make test`, which lists all
//! of it at its end. Must never decide what is left out.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::thread;

/// Says that the rest of this test is left out, why, and what would bring it.
pub(crate) fn skip(why: &str, cure: &str) {
    println!("skipped: {why}; {cure}");
    let Some(list) = env::var_os("SKIPPED_TESTS") else {
        return;
    };
    let this = thread::current();
    let line = format!("{}: {why}; {cure}\n", this.name().unwrap_or("a test"));
    let list = OpenOptions::new().create(true).append(true).open(list);
    // One write, as other tests add lines too.
    let told = list.and_then(|mut list| list.write_all(line.as_bytes()));
    told.expect("make test has a place for the list");
}
