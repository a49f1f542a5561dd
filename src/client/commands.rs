//! The client's commands: one session each.
//!
//! Owns which part of an answer goes to standard output and how a failure is reported. Must never
//! write anything else to standard output.

use std::io;

use crate::client::download::batch as download;
use crate::client::error::Error;
use crate::client::excerpt::Excerpt;
use crate::client::known_servers;
use crate::client::net::reconnect::Link;
use crate::client::net::secure;
use crate::client::options::{Fetching, Given, Options, Output, Sending, Task, Wanted};
use crate::client::output::answers::{Form, Question, show, table};
use crate::client::output::json;
use crate::client::prompt;
use crate::client::script;
use crate::client::tokens::{self, OwnToken};
use crate::client::ui::confirm;
use crate::client::ui::interrupt;
use crate::client::ui::stderr::Stderr;
use crate::client::ui::stdout::Stdout;
use crate::client::upload::batch as upload;
use crate::streams::{self, Stream};
use crate::wire::{Hex, Request};

/// Runs the task. Returns the exit code; errors have been reported.
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
        stderr: Stderr::new(&options),
        stdout: Stdout::open(&options),
        code: 0,
    };
    if matches!(task, Task::Login) {
        let done = login(&options, command.stderr);
        command.end(done, None);
        return command.code;
    }
    if let Task::Trust(pin) = task {
        let done = trust(&options, pin.as_deref(), command.stderr);
        command.end(done, None);
        return command.code;
    }
    match Link::open(options) {
        Ok(mut link) => {
            let done = command.perform(&mut link, task);
            // Who stopped in the middle of a line says no goodbye either.
            if matches!(done, Err(Error::Unended(..))) {
                link.lose();
            }
            command.end(done, None);
            link.leave();
        }
        Err(err) => command.end(Err(err), None),
    }
    command.code
}

/// Takes a token from the terminal, which does not show it, or from standard input, and keeps it
/// for this server.
fn login(options: &Options, stderr: Stderr) -> Result<(), Error> {
    let server = &options.server;
    let ask = || stderr.info(format_args!("the token for {server}, which is not shown:"));
    let line = streams::read_secret(4096, ask).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => Error::Interrupted,
        _ => Error::Stdin(error),
    })?;
    let token = OwnToken::parse(&line);
    let token = token.ok_or_else(|| Error::Usage("that is no token; nothing is kept".into()))?;
    tokens::put(server, &token)?;
    stderr.info(format_args!("the token for {server} is kept"));
    Ok(())
}

/// Trusts the server by this pin, or by the one that it presents if the person at the terminal
/// says so.
fn trust(options: &Options, pin: Option<&str>, stderr: Stderr) -> Result<(), Error> {
    let server = &options.server;
    let known = known_servers::pins(server)?;
    let presented = match pin {
        Some(pin) => pin.to_owned(),
        None => secure::learn(options)?,
    };
    if known == [presented.as_str()] {
        stderr.info(format_args!(
            "{server} is trusted already, by this pin: {presented}"
        ));
        return Ok(());
    }
    let was = match known.is_empty() {
        true => "it is not known yet".to_owned(),
        false => format!("it is known by {}", known.join(" or ")),
    };
    let server_shown = Excerpt(server.as_bytes());
    let question = format!("the pin of {server_shown} is {presented}\n{was}\ntrust it? [yes/No] ");
    // Who gives the pin has compared it.
    if pin.is_none() && !confirm::trust(&question)? {
        return Err(Error::Untrusted {
            server: server.clone(),
            pin: presented,
            known: !known.is_empty(),
            why: match known.is_empty() {
                true => "there is nobody to ask".to_owned(),
                false => known.join(" or "),
            },
        });
    }
    let pin = presented;
    known_servers::put(server, &pin)?;
    stderr.info(format_args!(
        "{server_shown} is trusted from now on, by {pin}"
    ));
    Ok(())
}

/// Reports a usage error as JSON, for a program that asked for JSON.
pub fn tell_a_program(reason: &str) {
    let mistake = Error::Usage(reason.to_owned());
    let mut stdout = Stdout::open(&Options::default());
    // The exit code says it too, so a failure to write is ignored.
    let _ = stdout
        .text(json::error(&mistake, None))
        .and_then(|()| stdout.flush());
}

struct Command {
    stdout: Stdout<Stream>,
    stderr: Stderr,
    json: bool,
    /// The code of the first failure.
    code: u8,
}

impl Command {
    fn perform(&mut self, link: &mut Link, task: &Task) -> Result<(), Error> {
        match task {
            Task::Session | Task::Trust(_) | Task::Login => unreachable!("these open no link here"),
            Task::Status => self.show(link, Question::Status, b"status"),
            Task::List => self.show(link, Question::List, b"list"),
            Task::Get(wanted, how) => self.get(link, wanted, how),
            Task::Put(given, how) => self.put(link, given, how),
            Task::Send(text) => self.send(link, text),
            Task::Sha256(names) => self.sha256(link, names),
            Task::Stat(names) => self.stat(link, names),
        }
    }

    fn show(&mut self, link: &mut Link, question: Question, line: &[u8]) -> Result<(), Error> {
        let form = self.form(link);
        show(link.client()?, question, line, form, &mut self.stdout)
    }

    fn form(&self, link: &Link) -> Form {
        match (self.json, link.options().raw) {
            (true, _) => Form::Json,
            (false, true) => Form::Wire,
            (false, false) if self.stdout.is_terminal() => Form::Table,
            (false, false) => Form::Entries,
        }
    }

    /// Sends a message. A text that reads as a command gets a space in front, which makes it one.
    fn send(&mut self, link: &mut Link, text: &[u8]) -> Result<(), Error> {
        let line = match Request::parse(text) {
            Request::Message(_) => text.to_vec(),
            _ => [b" ", text].concat(),
        };
        let (stdout, json) = (&mut self.stdout, self.json);
        let mut answer = Vec::new();
        link.client()?.ask(&line, |line| {
            answer = line.to_vec();
            Ok(())
        })?;
        match json {
            true => stdout.text(json::message(&answer)),
            false => stdout.line(&answer),
        }
    }

    fn sha256(&mut self, link: &mut Link, names: &[Vec<u8>]) -> Result<(), Error> {
        let raw = link.options().raw;
        for name in names {
            match link.client()?.digest(name, || Ok(())) {
                Ok((digest, size, ())) if self.json => {
                    let object = json::sha256(name, &digest, size);
                    self.stdout.text(object)?;
                }
                Ok((digest, size, ())) if raw => {
                    let digest = Hex(&digest);
                    self.stdout.text(format_args!("SHA256 {digest} {size}"))?;
                }
                // As sha256sum writes it, so that `sha256sum -c` can read it.
                Ok((digest, ..)) => {
                    let line = [Hex(&digest).to_string().as_bytes(), b"  ", name].concat();
                    self.stdout.line(&line)?;
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
                    Form::Json => self.stdout.text(json::stat(&listed))?,
                    Form::Wire => self.stdout.line(&[b"STAT ", &listed[..]].concat())?,
                    Form::Entries => self.stdout.line(&listed)?,
                    Form::Table => found.push(listed),
                },
                Err(err) if err.session_goes_on() => self.end(Err(err), Some(name)),
                Err(err) => return Err(err),
            }
        }
        match found.is_empty() {
            true => Ok(()),
            false => table(&found, &mut self.stdout),
        }
    }

    fn get(&mut self, link: &mut Link, wanted: &Wanted, how: &Fetching) -> Result<(), Error> {
        let stdout_is_taken = how.output == Output::Stdout;
        download::run(link, wanted, how, |outcome| {
            let object = (!stdout_is_taken).then(|| json::get(&outcome));
            match outcome {
                download::Outcome::Failed(_, err) => self.tell(object, Some(&err)),
                _ => self.tell(object, None),
            }
        })
    }

    fn put(&mut self, link: &mut Link, given: &Given, how: &Sending) -> Result<(), Error> {
        upload::run(link, given, how, |outcome| {
            let object = Some(json::put(&outcome));
            match outcome {
                upload::Outcome::Failed(_, err) => self.tell(object, Some(&err)),
                _ => self.tell(object, None),
            }
        })
    }

    /// Tells what became of one of several files.
    fn tell(&mut self, object: Option<String>, err: Option<&Error>) -> Result<(), Error> {
        if let Some(object) = object.filter(|_| self.json) {
            self.stdout.text(object)?;
            self.stdout.flush()?;
        }
        if let Some(err) = err {
            let code = self.stderr.error(err);
            self.fail(code);
        }
        Ok(())
    }

    /// Reports how a request ended, as JSON too if that was asked for.
    fn end(&mut self, done: Result<(), Error>, name: Option<&[u8]>) {
        let done = match done {
            Err(err) if self.json && !err.is_quiet() => {
                let object = json::error(&err, name);
                let shown = self.stdout.text(object);
                // The exit code is that of the failure, not of the report.
                drop(shown);
                Err(err)
            }
            done => done,
        };
        // Answers are flushed before an error about them is reported.
        if let Err(err) = done.and_then(|()| self.stdout.flush()) {
            let _ = self.stdout.flush();
            let code = self.stderr.error(&err);
            self.fail(code);
        }
    }

    const fn fail(&mut self, code: u8) {
        if self.code == 0 {
            self.code = code;
        }
    }
}
