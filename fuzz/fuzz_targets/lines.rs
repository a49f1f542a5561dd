//! Runs the body of the same name for libFuzzer.
#![no_main]

#[path = "../bodies/input.rs"]
mod input;
#[path = "../bodies/lines.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
