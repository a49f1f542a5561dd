//! The client's commands: one session each, for scripts and for people who want one thing.
//!
//! Owns what of an answer goes to standard output and how a failure is told. Must never write
//! anything else there.

use crate::client::download::batch::{self, Outcome};
use crate::client::error::Error;
use crate::client::net::reconnect::Link;
use crate::client::options::{Fetching, Options, Output, Task, Wanted};
use crate::client::output::answers::{Form, Question, show, table};
use crate::client::output::json;
use crate::client::prompt;
use crate::client::script;
use crate::client::ui::interrupt;
use crate::client::ui::stderr::Notes;
use crate::client::ui::stdout::Screen;
use crate::streams::Stream;
use crate::wire::{Hex, Request};

/// Does what the client was started for. Returns the exit code; all that is to be said has been.
#[must_use]
pub fn run(options: Options, task: &Task) -> u8 {
    if matches!(task, Task::Session) {
        return match prompt::is_wanted() {
            true => prompt::run(options),
            false => script::run(options),
        };
    }
    interrupt::watch(false);
    let mut command = Command {
        json: options.json,
        notes: Notes::new(&options),
        screen: Screen::stdout(&options),
        code: 0,
    };
    match Link::open(options) {
        Ok(mut link) => {
            let done = command.perform(&mut link, task);
            command.end(done, None);
            link.leave();
        }
        Err(err) => command.end(Err(err), None),
    }
    command.code
}

/// Tells a program that its command line is wrong: it asked for JSON, failures too.
pub fn tell_a_program(reason: &str) {
    let mistake = Error::Usage(reason.to_owned());
    let mut screen = Screen::stdout(&Options::default());
    // The code says it too, so there is nothing to be done where nobody reads this.
    let _ = screen
        .text(json::error(&mistake, None))
        .and_then(|()| screen.flush());
}

struct Command {
    screen: Screen<Stream>,
    notes: Notes,
    json: bool,
    /// The code of the first failure.
    code: u8,
}

impl Command {
    fn perform(&mut self, link: &mut Link, task: &Task) -> Result<(), Error> {
        match task {
            Task::Session => unreachable!("a session is no command"),
            Task::Status => self.show(link, Question::Status, b"status"),
            Task::List => self.show(link, Question::List, b"list"),
            Task::Get(wanted, how) => self.get(link, wanted, how),
            Task::Send(text) => self.send(link, text),
            Task::Sha256(names) => self.sha256(link, names),
            Task::Stat(names) => self.stat(link, names),
        }
    }

    fn show(&mut self, link: &mut Link, question: Question, line: &[u8]) -> Result<(), Error> {
        let form = self.form(link);
        show(link.client()?, question, line, form, &mut self.screen)
    }

    fn form(&self, link: &Link) -> Form {
        match (self.json, link.options().raw) {
            (true, _) => Form::Json,
            (false, true) => Form::Wire,
            (false, false) if self.screen.is_terminal() => Form::Table,
            (false, false) => Form::Entries,
        }
    }

    /// A command's word goes as a message too: with a space before it, it is one.
    fn send(&mut self, link: &mut Link, text: &[u8]) -> Result<(), Error> {
        let line = match Request::parse(text) {
            Request::Message(_) => text.to_vec(),
            _ => [b" ", text].concat(),
        };
        let (screen, json) = (&mut self.screen, self.json);
        let mut answer = Vec::new();
        link.client()?.ask(&line, |line| {
            answer = line.to_vec();
            Ok(())
        })?;
        match json {
            true => screen.text(json::message(&answer)),
            false => screen.line(&answer),
        }
    }

    fn sha256(&mut self, link: &mut Link, names: &[Vec<u8>]) -> Result<(), Error> {
        let raw = link.options().raw;
        for name in names {
            match link.client()?.digest(name, || Ok(())) {
                Ok((digest, size, ())) if self.json => {
                    let object = json::sha256(name, &digest, size);
                    self.screen.text(object)?;
                }
                Ok((digest, size, ())) if raw => {
                    let digest = Hex(&digest);
                    self.screen.text(format_args!("SHA256 {digest} {size}"))?;
                }
                // As sha256sum writes it, so that `sha256sum -c` can read it.
                Ok((digest, ..)) => {
                    let line = [Hex(&digest).to_string().as_bytes(), b"  ", name].concat();
                    self.screen.line(&line)?;
                }
                Err(err) if err.session_goes_on() => self.end(Err(err), Some(name)),
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    fn stat(&mut self, link: &mut Link, names: &[Vec<u8>]) -> Result<(), Error> {
        let form = self.form(link);
        let mut found = Vec::new();
        for name in names {
            match link.client()?.stat(name) {
                Ok(listed) => match form {
                    Form::Json => self.screen.text(json::stat(&listed))?,
                    Form::Wire => self.screen.line(&[b"STAT ", &listed[..]].concat())?,
                    Form::Entries => self.screen.line(&listed)?,
                    Form::Table => found.push(listed),
                },
                Err(err) if err.session_goes_on() => self.end(Err(err), Some(name)),
                Err(err) => return Err(err),
            }
        }
        match found.is_empty() {
            true => Ok(()),
            false => table(&found, &mut self.screen),
        }
    }

    fn get(&mut self, link: &mut Link, wanted: &Wanted, how: &Fetching) -> Result<(), Error> {
        let stdout_is_taken = how.output == Output::Stdout;
        batch::run(link, wanted, how, |outcome| {
            if self.json && !stdout_is_taken {
                self.screen.text(json::get(&outcome))?;
                self.screen.flush()?;
            }
            if let Outcome::Failed(_, err) = &outcome {
                let code = self.notes.error(err);
                self.fail(code);
            }
            Ok(())
        })
    }

    /// Tells how something ended, for a program too.
    fn end(&mut self, done: Result<(), Error>, name: Option<&[u8]>) {
        let done = match done {
            Err(err) if self.json && !err.is_quiet() => {
                let object = json::error(&err, name);
                let shown = self.screen.text(object);
                // The failure itself counts, not that it could not be told.
                drop(shown);
                Err(err)
            }
            done => done,
        };
        // An answer is seen before anything is said about it.
        if let Err(err) = done.and_then(|()| self.screen.flush()) {
            let _ = self.screen.flush();
            let code = self.notes.error(&err);
            self.fail(code);
        }
    }

    const fn fail(&mut self, code: u8) {
        if self.code == 0 {
            self.code = code;
        }
    }
}
