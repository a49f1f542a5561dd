//! Signals, above all Ctrl-C.
//!
//! Owns their handling for the whole process. The program ends by the same signal, so that its
//! shell sees why, after the terminal modes are restored. Must never touch a file: a partial
//! download is left as a kill would leave it, which is enough to resume.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::process::exit;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::client::error::{Error, INTERRUPTED};
use crate::streams;

/// How often a pause checks for Ctrl-C.
const SLICE: Duration = Duration::from_millis(50);

#[derive(Debug)]
struct State {
    /// What a person is told when the program ends here.
    advice: Option<String>,
    /// The connection that is shut down to get back to the prompt; `None` where the program ends.
    line: Option<TcpStream>,
    /// Whether it was cut.
    raised: bool,
    /// Whether a prompt waits behind what is under way.
    prompt: bool,
    /// How the terminal was before a line was typed; nothing while none is.
    terminal: Option<streams::Modes>,
}

static STATE: Mutex<State> = Mutex::new(State {
    advice: None,
    line: None,
    raised: false,
    prompt: false,
    terminal: None,
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes Ctrl-C from here on. Where a `prompt` waits, the first one only ends what is under way.
pub fn watch(prompt: bool) {
    state().prompt = prompt;
    spawn(&[SIGINT]);
}

/// Takes these signals from here on. Where that fails the system's own way of ending a program is
/// left, which harms nothing but a terminal.
fn spawn(signals: &[i32]) {
    let Ok(mut signals) = Signals::new(signals) else {
        return;
    };
    let _ = thread::Builder::new().spawn(move || signals.forever().for_each(raise));
}

fn raise(signal: i32) {
    let mut state = state();
    if signal != SIGINT {
        end(signal, &mut state);
    }
    if state.prompt && !state.raised && state.line.is_some() {
        state.raised = true;
        if let Some(line) = &state.line {
            let _ = line.shutdown(Shutdown::Both);
        }
        return;
    }
    let advice = state.advice.take();
    let advice = advice.as_deref().unwrap_or("interrupted");
    // A terminal that was stopped (Ctrl-S) is not waited for.
    if streams::stderr().has_room() {
        let _ = streams::stderr().write_all(format!("\nberth: {advice}\n").as_bytes());
    }
    end(signal, &mut state);
}

/// Ends the program by this signal's default action.
fn end(signal: i32, state: &mut State) -> ! {
    if let Some(terminal) = state.terminal.take() {
        terminal.put_back();
    }
    let _ = emulate_default_handler(signal);
    exit(128 + signal);
}

/// Ends the program with this exit code. After Ctrl-C it ends of that, so that a shell that runs
/// it in a loop ends the loop too.
pub fn exit_with(code: u8) -> ! {
    if code == INTERRUPTED {
        end(SIGINT, &mut state());
    }
    exit(code.into());
}

/// A line is being typed, until it is dropped: keys are not signals then, and nothing is shown by
/// itself.
#[derive(Debug)]
pub struct Typing(());

/// Begins with a line that is typed.
#[must_use]
pub fn typing() -> Typing {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| spawn(&[SIGHUP, SIGQUIT, SIGTERM]));
    state().terminal = streams::Modes::now();
    Typing(())
}

impl Drop for Typing {
    fn drop(&mut self) {
        state().terminal = None;
    }
}

/// Sets the hint that Ctrl-C prints from now on.
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
        thread::sleep(left.min(SLICE));
    }
}
