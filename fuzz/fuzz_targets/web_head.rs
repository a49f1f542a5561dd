//! Runs the body of the same name for libFuzzer.
#![no_main]

#[path = "../bodies/web_head.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
