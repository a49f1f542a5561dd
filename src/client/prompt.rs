//! The prompt: a person's session at a terminal.
//!
//! Owns the line that is typed, what it means here, and what happens when the server goes away.
//! Must never frame an answer, nor show a stranger's bytes raw; others do that and see to this.

use std::io::{self, IsTerminal, Stdout};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, CompletionType, Config, Editor};

use super::answers::{Form, Question, show};
use super::batch::{self, Outcome};
use super::completion::{Names, Shared, Typist, lock};
use super::link::Link;
use super::notes::{Notes, is_colored};
use super::options::{Fetching, Options, Wanted};
use super::screen::Screen;
use super::script::part_of_a_file;
use super::{Answer, Error, history, interrupt};
use crate::wire::{Harmless, Request};

/// What a person reads under the welcome.
const HINT: &str = "help explains the commands; Tab completes them and the names of files";

const HELP: &str = "\
status        who is connected, and who was
list          the files that can be had
get NAME      saves the file here, under the last part of its name; goes on with
              what came of it before
stat NAME     the file's line of the list: its size and when it was changed
sha256 NAME   the file's SHA-256 and size, as the server has it
help          this text
exit          leaves, as Ctrl-D does
Anything else is a message and comes back with ' ACK' behind it. A space in
front makes a message of a command's word: ' list'. Ctrl-C drops the line, or
ends what is under way; Ctrl-R searches what was typed before.";

/// The longest name of a client that is shown in the prompt, in bytes. A berthd's are short.
const NAME_BYTES_MAX: usize = 40;

/// How many lines are remembered.
const HISTORY_LINES_MAX: usize = 1000;

/// Whether a person is there to be prompted.
#[must_use]
pub fn is_wanted() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Talks to the server for a person. Returns the exit code; all that is to be said has been. What
/// is refused has been seen, so only the end counts.
#[must_use]
pub fn run(options: Options) -> u8 {
    interrupt::watch(true);
    let notes = Notes::new(&options);
    let screen = Screen::stdout(&options);
    let color = is_colored(options.color, &io::stdout());
    let form = if options.raw { Form::Wire } else { Form::Table };
    let link = match Link::open(options) {
        Ok(link) => Arc::new(Mutex::new(link)),
        Err(err) => return notes.complain(&err),
    };
    let names = Arc::new(Names::new(Arc::clone(&link)));
    let editor = match editor(color, &names) {
        Ok(editor) => editor,
        Err(err) => return notes.complain(&Error::Stdin(into_io(err))),
    };
    let prompt = Prompt {
        link,
        names,
        editor,
        history: history::file(),
        screen,
        notes,
        form,
    };
    prompt.serve().unwrap_or_else(|err| notes.complain(&err))
}

fn editor(color: bool, names: &Arc<Names>) -> rustyline::Result<Editor<Typist, FileHistory>> {
    let config = Config::builder()
        .max_history_size(HISTORY_LINES_MAX)?
        .completion_type(CompletionType::List)
        .color_mode(if color {
            ColorMode::Enabled
        } else {
            ColorMode::Disabled
        })
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Typist::new(Arc::clone(names), color)));
    Ok(editor)
}

struct Prompt {
    link: Shared,
    names: Arc<Names>,
    editor: Editor<Typist, FileHistory>,
    /// Where lines are remembered, if they can be.
    history: Option<PathBuf>,
    screen: Screen<Stdout>,
    notes: Notes,
    form: Form,
}

/// What is to happen after a line.
enum Next {
    Line,
    Leave(u8),
}

impl Prompt {
    fn serve(mut self) -> Result<u8, Error> {
        if let Some(file) = &self.history {
            // There is none before the first time.
            let _ = self.editor.load_history(file);
        }
        self.welcome()?;
        self.screen.text(HINT)?;
        loop {
            self.screen.flush()?;
            if let Some(line) = self.read()?
                && let Next::Leave(code) = self.obey(&line)?
            {
                return Ok(code);
            }
        }
    }

    fn welcome(&mut self) -> Result<(), Error> {
        let mut link = lock(&self.link);
        if let Some(client) = link.connected() {
            self.screen.line(client.welcome())?;
        }
        self.screen.flush()
    }

    /// `Client02@127.0.0.1:23784> `
    fn text(&self) -> String {
        let mut link = lock(&self.link);
        let server = Harmless(link.options().server.as_bytes()).to_string();
        let name = link.connected().map_or(&b""[..], |client| client.name());
        let name = &name[..name.len().min(NAME_BYTES_MAX)];
        format!("{}@{server}> ", Harmless(name))
    }

    /// The next line; nothing if it was dropped.
    fn read(&mut self) -> Result<Option<String>, Error> {
        let text = self.text();
        match self.editor.readline(text.as_str()) {
            Ok(line) => {
                self.remember(&line);
                Ok(Some(line))
            }
            Err(ReadlineError::Interrupted) => Ok(None),
            Err(ReadlineError::Eof) => Ok(Some("exit".to_owned())),
            Err(err) => Err(Error::Stdin(into_io(err))),
        }
    }

    /// Writes each line at once: the terminal may be closed at any time.
    fn remember(&mut self, line: &str) {
        let added = !line.trim().is_empty() && self.editor.add_history_entry(line).unwrap_or(false);
        if let Some(file) = self.history.as_ref().filter(|_| added) {
            let _ = self.editor.append_history(file);
            history::protect(file);
        }
    }

    /// Does what a line asks for. What is refused has been seen.
    fn obey(&mut self, line: &str) -> Result<Next, Error> {
        if line.trim_end().eq_ignore_ascii_case("help") {
            self.screen.text(HELP)?;
            return Ok(Next::Line);
        }
        let leaves = Request::parse(line.as_bytes()) == Request::Exit;
        if let Some(err) = self.names.take_lost() {
            return if leaves { Err(err) } else { self.offer(err) };
        }
        let done = self.request(line.as_bytes());
        let done = match interrupt::leave() {
            true => Err(Error::Interrupted),
            false => done,
        };
        self.screen.flush()?;
        match done {
            Ok(Answer::Goodbye) => Ok(Next::Leave(0)),
            Ok(_) => Ok(Next::Line),
            Err(Error::Interrupted) => self.interrupted(),
            Err(err) if err.is_passing() && !leaves => self.offer(err),
            Err(err) if err.session_goes_on() => {
                self.notes.complain(&err);
                Ok(Next::Line)
            }
            Err(err) => Err(err),
        }
    }

    /// Sends one request and shows its answer.
    fn request(&mut self, line: &[u8]) -> Result<Answer, Error> {
        let mut link = lock(&self.link);
        let (form, screen) = (self.form, &mut self.screen);
        let question = match Request::parse(line) {
            Request::Status => Question::Status,
            Request::List => Question::List,
            Request::Get { offset: 1.., .. } => return Err(part_of_a_file()),
            Request::Get { name, .. } => return get(&mut link, name),
            _ => {
                let shown = |line: &[u8]| screen.line(line);
                return match link.client()?.ask(line, shown) {
                    // The line that says so has been shown.
                    Err(Error::Refused(_)) => Ok(Answer::Whole),
                    answer => answer,
                };
            }
        };
        show(link.client()?, question, line, form, screen).map(|()| Answer::Whole)
    }

    /// Ctrl-C cut the connection, which was in the middle of an answer.
    fn interrupted(&mut self) -> Result<Next, Error> {
        match interrupt::take_advice() {
            // A bar has ended its line.
            Some(advice) => self.notes.say(advice),
            None => self.notes.say("\ninterrupted"),
        }
        let mut link = lock(&self.link);
        link.lose();
        let connected = link.connect();
        drop(link);
        match connected {
            Ok(()) => self.welcome().map(|()| Next::Line),
            Err(err) => self.offer(err),
        }
    }

    /// Says that the server is gone, and asks whether to look for it again.
    fn offer(&mut self, err: Error) -> Result<Next, Error> {
        let mut err = err;
        lock(&self.link).lose();
        loop {
            self.notes.complain_of(&err.cause());
            let answer = match self.editor.readline("connect again? [Y/n] ") {
                Ok(answer) => answer,
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => "n".to_owned(),
                Err(err) => return Err(Error::Stdin(into_io(err))),
            };
            if answer.trim_start().starts_with(['n', 'N']) {
                return Ok(Next::Leave(err.exit_code()));
            }
            let connected = lock(&self.link).connect();
            match connected {
                Ok(()) => return self.welcome().map(|()| Next::Line),
                Err(again) if again.is_passing() => err = again,
                Err(again) => return Err(again),
            }
        }
    }
}

fn get(link: &mut Link, name: &[u8]) -> Result<Answer, Error> {
    let wanted = Wanted::Names(vec![name.to_vec()]);
    let mut outcome = Ok(Answer::Whole);
    batch::run(link, &wanted, &Fetching::default(), |file| {
        if let Outcome::Failed(_, err) = file {
            outcome = Err(err);
        }
        Ok(())
    })?;
    outcome
}

fn into_io(err: ReadlineError) -> io::Error {
    match err {
        ReadlineError::Io(err) => err,
        err => io::Error::other(err.to_string()),
    }
}
