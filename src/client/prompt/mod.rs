//! The prompt: a person's session at a terminal.
//!
//! Owns what a typed line means and what happens when the connection is lost. Must never frame an
//! answer, nor show foreign bytes that are not sanitized.

pub mod completion;
pub mod history;
pub mod keyboard;
pub mod local_names;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use crate::client::download::batch as download;
use crate::client::error::Error;
use crate::client::net::connection::Answer;
use crate::client::net::reconnect::Link;
use crate::client::options::{Fetching, Options, Sending};
use crate::client::output::answers::{Form, Question, show};
use crate::client::prompt::completion::{Names, Shared, lock, lock_telling};
use crate::client::prompt::keyboard::{Entry, Keyboard};
use crate::client::ui::confirm;
use crate::client::ui::interrupt;
use crate::client::ui::keyboard::{NOT_TEXT, keep_with};
use crate::client::ui::stderr::{Stderr, is_colored};
use crate::client::ui::stdout::Stdout;
use crate::client::upload::batch as upload;
use crate::client::upload::typed::typed;
use crate::streams::{self, Stream};
use crate::wire::{Request, Sanitized};

/// What a person reads under the welcome.
const HINT: &str = "help explains the commands; Tab completes them and the names of files";

const HELP: &str = "\
status        shows the connected clients and the latest that left
list          lists the files on the server
get NAME      downloads the file here, under the last part of its name; resumes
              a partial download
put FILE      uploads the file under the last part of its name; resumes a partial
              upload. 'put FILE NAME' gives it another name
stat NAME     shows the file's line of the listing: its size and time
sha256 NAME   shows the file's SHA-256 and size
help          shows this text
exit          ends the session, as Ctrl-D does
Any other line is a message; the reply is the line with ' ACK' appended. A space
in front makes a message of a command: ' list'. Ctrl-C discards the line, or
aborts the running request; Ctrl-R searches the history.";

/// What a person reads whose line has to wait behind what Tab has asked for.
const LISTING: &str = "the listing that Tab requested is still loading; Ctrl-C does without it";

/// The longest name of a client that is shown in the prompt, in bytes. A berthd's are short.
const NAME_BYTES_MAX: usize = 40;

/// Whether a person is there to be prompted.
#[must_use]
pub fn is_wanted() -> bool {
    streams::stdin().is_terminal() && streams::stdout().is_terminal()
}

/// Runs the prompt. Returns the exit code, which only an error that ends the session sets.
#[must_use]
pub fn run(options: Options) -> u8 {
    interrupt::watch(true);
    let stderr = Stderr::new(&options);
    let stdout = Stdout::open(&options);
    let color = is_colored(options.color, streams::stdout());
    let form = if options.raw { Form::Wire } else { Form::Table };
    let link = match Link::open(options) {
        Ok(link) => Arc::new(Mutex::new(link)),
        Err(err) => return stderr.error(&err),
    };
    let names = Arc::new(Names::new(Arc::clone(&link)));
    let keyboard = match Keyboard::new(Arc::clone(&names), color) {
        Ok(keyboard) => Rc::new(RefCell::new(keyboard)),
        Err(err) => return stderr.error(&err),
    };
    keep_with(keyboard.clone());
    let prompt = Prompt {
        link,
        names,
        keyboard,
        stdout,
        stderr,
        form,
    };
    prompt.serve().unwrap_or_else(|err| stderr.error(&err))
}

/// No body follows a line that is typed, so a session goes on behind it.
fn at_a_prompt(err: Error) -> Error {
    match err {
        Error::RawUpload(_) => Error::Usage(
            "a program sends that line with the bytes of a file; 'put FILE' uploads a file".into(),
        ),
        err => err,
    }
}

struct Prompt {
    link: Shared,
    names: Arc<Names>,
    keyboard: Rc<RefCell<Keyboard>>,
    stdout: Stdout<Stream>,
    stderr: Stderr,
    form: Form,
}

/// What is to happen after a line.
enum Next {
    Line,
    Leave(u8),
}

impl Prompt {
    fn serve(mut self) -> Result<u8, Error> {
        self.welcome()?;
        self.stdout.text(HINT)?;
        loop {
            self.stdout.flush()?;
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
            self.stdout.line(client.welcome())?;
        }
        self.stdout.flush()
    }

    /// `Client02@127.0.0.1:23784> `
    fn text(&self) -> String {
        let mut link = lock(&self.link);
        let server = Sanitized(link.options().server.as_bytes()).to_string();
        let name = link.connected().map_or(&b""[..], |client| client.name());
        let name = &name[..name.len().min(NAME_BYTES_MAX)];
        format!("{}@{server}> ", Sanitized(name))
    }

    /// The next line; nothing if there is none to be obeyed.
    fn read(&mut self) -> Result<Option<String>, Error> {
        let text = self.text();
        let entry = self.keyboard.borrow_mut().next(&text)?;
        match entry {
            Entry::Line(line) => Ok(Some(line)),
            Entry::OneOfMany(line) => {
                // All of them stand above: each is shown again with its answer.
                let shown = Sanitized(line.as_bytes());
                self.stdout.text(format_args!("{text}{shown}"))?;
                self.stdout.flush()?;
                Ok(Some(line))
            }
            Entry::Nothing => Ok(None),
            Entry::NotText => {
                self.stderr.error_text(NOT_TEXT);
                Ok(None)
            }
            Entry::End => Ok(Some("exit".to_owned())),
        }
    }

    /// Does what a line asks for. What is refused has been seen.
    fn obey(&mut self, line: &str) -> Result<Next, Error> {
        if line.trim_end().eq_ignore_ascii_case("help") {
            self.stdout.text(HELP)?;
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
        self.stdout.flush()?;
        match done {
            Ok(Answer::Goodbye) => Ok(Next::Leave(0)),
            Ok(_) => Ok(Next::Line),
            Err(Error::Interrupted) => self.interrupted(),
            Err(err) if err.is_passing() && !leaves => self.offer(err),
            Err(err) if err.session_goes_on() => {
                self.stderr.error(&err);
                Ok(Next::Line)
            }
            Err(err) => Err(err),
        }
    }

    /// Sends one request and shows its answer.
    fn request(&mut self, line: &[u8]) -> Result<Answer, Error> {
        let asked = typed(line).transpose().map_err(at_a_prompt)?;
        let mut link = lock_telling(&self.link, || self.stderr.info(LISTING));
        if let Some((path, name)) = asked {
            let stored = upload::one(&mut link, path, name, &Sending::default());
            return stored.map(|()| Answer::Whole);
        }
        let (form, stdout) = (self.form, &mut self.stdout);
        let question = match Request::parse(line) {
            Request::Status => Question::Status,
            Request::List => Question::List,
            Request::Get { name, offset } => {
                let how = Fetching::default();
                return download::one(&mut link, name, offset, &how).map(|()| Answer::Whole);
            }
            _ => {
                let shown = |line: &[u8]| stdout.line(line);
                return match link.client()?.ask(line, shown) {
                    // The line that says so has been shown.
                    Err(Error::Refused(_)) => Ok(Answer::Whole),
                    answer => answer,
                };
            }
        };
        show(link.client()?, question, line, form, stdout).map(|()| Answer::Whole)
    }

    /// Ctrl-C cut the connection, which was in the middle of an answer.
    fn interrupted(&mut self) -> Result<Next, Error> {
        match interrupt::take_advice() {
            // A bar has ended its line.
            Some(advice) => self.stderr.info(advice),
            None => self.stderr.info("\ninterrupted"),
        }
        let forgotten = self.keyboard.borrow_mut().forget();
        match forgotten {
            0 => {}
            n => self
                .stderr
                .info(format_args!("pasted lines that are dropped: {n}")),
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
            self.stderr.error_text(&err.cause());
            if !confirm::again(self.stderr)? {
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
