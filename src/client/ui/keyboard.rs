//! Reads a line from the terminal.
//!
//! Owns the call of the line editor and what its errors mean, for the prompt and for questions.
//! Must never end a session because of bytes that are no text.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor, Helper};

use crate::client::error::Error;
use crate::client::ui::interrupt;
use crate::streams;

/// How long the keyboard has to be silent before what it brings is a new line again.
const SILENCE: Duration = Duration::from_millis(50);

/// How long that silence is waited for.
const SILENCE_WAIT_MAX: Duration = Duration::from_secs(2);

/// What a person is told whose input is no text.
pub const NOT_TEXT: &str =
    "that is no UTF-8 text: what was typed or pasted with it is dropped; type it again";

/// What came of reading a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line, as it stands on the screen. Only pasted text can have line ends in it.
    Line(String),
    /// Ctrl-C dropped it.
    Dropped,
    /// There will be no more.
    End,
    /// Something that is no text, and it is gone with all that came with it.
    NotText,
}

/// Reads what is typed behind `prompt` and what is `begun`.
///
/// # Errors
/// When the terminal is gone.
pub fn read<H: Helper>(
    editor: &mut Editor<H, MemHistory>,
    prompt: &str,
    begun: &str,
) -> Result<Typed, Error> {
    loop {
        let typed = {
            // Another program may have left the terminal non-blocking.
            let _patient = streams::Waiting::begin();
            let _raw = interrupt::typing();
            editor.readline_with_initial(prompt, (begun, ""))
        };
        if let Some(typed) = meaning(typed)? {
            return Ok(typed);
        }
    }
}

/// Reads a line that is there already, behind what is `begun`; nothing if none is there to its end.
///
/// # Errors
/// When the terminal is gone.
pub fn read_ahead<H: Helper>(
    editor: &mut Editor<H, MemHistory>,
    begun: &str,
) -> Result<Option<Typed>, Error> {
    let typed = {
        let _hurry = streams::Hurry::begin();
        let _raw = interrupt::typing();
        editor.readline_with_initial("", (begun, ""))
    };
    meaning(typed)
}

/// What came of a call of the editor; nothing where the terminal had nothing to give.
fn meaning(typed: Result<String, ReadlineError>) -> Result<Option<Typed>, Error> {
    let err = match typed {
        Ok(text) => return Ok(Some(Typed::Line(text))),
        Err(ReadlineError::Interrupted) => return Ok(Some(Typed::Dropped)),
        Err(ReadlineError::Eof) => return Ok(Some(Typed::End)),
        Err(err) => into_io(err),
    };
    match err.kind() {
        io::ErrorKind::InvalidData => {
            // Without editing, whole lines come, and the one that is no text has gone.
            if edits() {
                drop_input();
            }
            Ok(Some(Typed::NotText))
        }
        io::ErrorKind::WouldBlock => Ok(None),
        _ => Err(Error::Stdin(err)),
    }
}

/// Keeps what was typed before a question.
pub trait Keeper {
    /// Takes all that is on the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn take(&mut self) -> Result<(), Error>;
}

thread_local! {
    /// Nobody where no prompt is: what is typed before a question there is an answer to it.
    static KEEPER: RefCell<Option<Rc<RefCell<dyn Keeper>>>> = const { RefCell::new(None) };
}

/// Gives what is typed before a question to the keeper, from here on.
pub fn keep_with(keeper: Rc<RefCell<dyn Keeper>>) {
    KEEPER.set(Some(keeper));
}

/// To be called before a question: what is on the terminal now is no answer to it.
///
/// # Errors
/// When the terminal is gone.
pub fn take_ahead() -> Result<(), Error> {
    let is_there = || match edits() {
        true => streams::has_typed(),
        false => streams::has_input(Duration::ZERO),
    };
    KEEPER.with_borrow(|keeper| match keeper {
        Some(keeper) if is_there() => keeper.borrow_mut().take(),
        _ => Ok(()),
    })
}

/// Whether the editor edits here, and so reads keys: it does not know these terminals to move a
/// cursor.
fn edits() -> bool {
    let term = std::env::var_os("TERM").unwrap_or_default();
    let term = term.to_ascii_lowercase();
    !["dumb", "cons25", "emacs"]
        .iter()
        .any(|plain| term == *plain)
}

/// Drops all that comes until there is silence: the rest of a line is not to be taken for a line.
fn drop_input() {
    let end = Instant::now() + SILENCE_WAIT_MAX;
    loop {
        streams::drop_typed();
        if !streams::has_input(SILENCE) || Instant::now() > end {
            break;
        }
    }
    streams::drop_typed();
}

/// The system's error behind one of the editor.
#[must_use]
pub fn into_io(err: ReadlineError) -> io::Error {
    match err {
        ReadlineError::Io(err) => err,
        #[cfg(unix)]
        ReadlineError::Errno(err) => err.into(),
        err => io::Error::other(err.to_string()),
    }
}

/// An editor that remembers nothing, for a question. What was typed ahead is not for it.
///
/// # Errors
/// When there is no terminal.
pub fn plain() -> Result<Editor<(), MemHistory>, Error> {
    let made = Editor::with_history(Config::default(), MemHistory::new());
    made.map_err(|err| Error::Stdin(into_io(err)))
}
