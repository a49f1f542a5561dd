//! Ctrl-C while something is under way.
//!
//! Owns what happens then, for the whole process: there is one keyboard. Must never touch a file:
//! whatever a download has written so far is left as a kill would leave it, and that is enough to
//! go on from.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::process::exit;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Error;

/// The exit code after Ctrl-C: 128 and the number of the signal, as shells count.
pub const INTERRUPTED: u8 = 130;

/// How soon a pause notices Ctrl-C.
const SLICE: Duration = Duration::from_millis(50);

#[derive(Debug)]
struct State {
    /// What a person is told when the program ends here.
    advice: Option<String>,
    /// What is cut so that a prompt gets its person back; nothing where the program just ends.
    line: Option<TcpStream>,
    /// Whether it was cut.
    raised: bool,
    /// Whether a prompt waits behind what is under way.
    prompt: bool,
}

static STATE: Mutex<State> = Mutex::new(State {
    advice: None,
    line: None,
    raised: false,
    prompt: false,
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes Ctrl-C from here on. Where a `prompt` waits, the first one only ends what is under way.
pub fn watch(prompt: bool) {
    state().prompt = prompt;
    // It fails only where something else in the process takes the signal, and nothing does; then
    // the system's own way of ending a program is left, which harms nothing.
    let _ = ctrlc::set_handler(raise);
}

fn raise() {
    let mut state = state();
    if state.prompt && !state.raised && state.line.is_some() {
        state.raised = true;
        if let Some(line) = &state.line {
            let _ = line.shutdown(Shutdown::Both);
        }
        return;
    }
    let advice = state.advice.as_deref().unwrap_or("interrupted");
    let _ = io::stderr().write_all(format!("\nberth: {advice}\n").as_bytes());
    exit(INTERRUPTED.into());
}

/// Something begins that Ctrl-C may end; `advice` says how to go on then.
pub fn advise(advice: Option<String>) {
    state().advice = advice;
}

/// What a person is told who pressed Ctrl-C, if there is something to be told.
pub fn take_advice() -> Option<String> {
    state().advice.take()
}

/// An answer is waited for on `line`, until [`leave`].
pub fn enter(line: &TcpStream) {
    let mut state = state();
    if state.prompt {
        state.line = line.try_clone().ok();
    }
}

/// Nothing is waited for any more. Whether Ctrl-C ended it.
pub fn leave() -> bool {
    let mut state = state();
    state.line = None;
    std::mem::take(&mut state.raised)
}

/// Whether Ctrl-C has ended what is under way.
#[must_use]
pub fn raised() -> bool {
    state().raised
}

/// Waits, but not past Ctrl-C.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn pause(length: Duration) -> Result<(), Error> {
    let end = Instant::now() + length;
    loop {
        if raised() {
            return Err(Error::Interrupted);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(SLICE));
    }
}
