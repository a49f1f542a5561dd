//! The session: requests from a person at a terminal or from a script, until there are no more.
//!
//! Owns standard input and who is told what: answers go to standard output, everything that this
//! program says itself to standard error. Must never frame an answer; the client does.

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Read, StdoutLock, Write};

use super::screen::Screen;
use super::{Answer, Client, Error, download, without_cr};
use crate::wire::Request;

/// What a person reads under the welcome.
const HINT: &[u8] = b"status, list, get NAME, exit; anything else comes back";

/// The most that is kept of a request, in bytes.
///
/// Far more than any server takes (4096). A longer line is refused whatever stands in the rest of
/// it, so the rest is not sent, and a file without line ends cannot fill the memory.
const REQUEST_BYTES_KEPT: u64 = 64 * 1024;

/// Talks to `server`, a host and a port. Returns the exit code; all that is to be said has been.
#[must_use]
pub fn run(server: &str) -> u8 {
    let client = match Client::connect(server) {
        Ok(client) => client,
        Err(err) => return tell(&err),
    };
    let person = io::stdin().is_terminal() && io::stdout().is_terminal();
    let session = Session {
        client,
        screen: Screen::stdout(),
    };
    if person {
        session.prompt().map_or_else(|err| tell(&err), |()| 0)
    } else {
        session.script()
    }
}

struct Session {
    client: Client,
    screen: Screen<StdoutLock<'static>>,
}

impl Session {
    /// Serves a person. What is refused has been seen, so only the end counts for the exit code.
    fn prompt(mut self) -> Result<(), Error> {
        self.screen.line(self.client.welcome())?;
        self.screen.line(HINT)?;
        loop {
            self.screen.prompt(self.client.name())?;
            let line = match next_request(&mut io::stdin().lock())? {
                Some(line) => line,
                // The prompt's line is ended first, as if `exit` had been typed on it.
                None => self.screen.line(b"").map(|()| b"exit".to_vec())?,
            };
            match self.request(&line) {
                Ok(Answer::Goodbye) => return Ok(()),
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(err) if err.session_goes_on() => say(format_args!("berth: {err}")),
                Err(err) => return Err(err),
            }
        }
    }

    /// Serves a script. Returns the exit code: that of the first failure.
    fn script(mut self) -> u8 {
        let mut code = 0;
        for number in 1_u64.. {
            let line = match next_request(&mut io::stdin().lock()) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(err) => return first_of(code, tell(&err)),
            };
            let err = match self.request(&line) {
                Ok(Answer::Goodbye) => return code,
                Ok(_) => continue,
                Err(err) => err,
            };
            code = first_of(code, err.exit_code());
            if !err.is_quiet() {
                say(format_args!("berth: line {number}: {err}"));
            }
            if !err.session_goes_on() {
                return code;
            }
        }
        self.client.leave();
        code
    }

    /// Sends one request and shows its answer.
    fn request(&mut self, line: &[u8]) -> Result<Answer, Error> {
        let answer = match Request::parse(without_cr(line)) {
            Request::Get { offset: 1.., .. } => Err(Error::Usage(
                "get@OFFSET would save a part under the name of the whole; use get NAME".into(),
            )),
            Request::Get { name, .. } => self.get(line, name).map(|()| Answer::Whole),
            _ => self.client.ask(line, |line| self.screen.line(line)),
        };
        // An answer is seen before anything is said about it.
        self.screen.flush()?;
        answer
    }

    fn get(&mut self, line: &[u8], name: &[u8]) -> Result<(), Error> {
        let show = |line: &[u8]| self.screen.line(line);
        let saved = download::get(&mut self.client, line, name, show)?;
        say(saved);
        Ok(())
    }
}

/// The next line of the input, without its LF; none at its end.
fn next_request(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, Error> {
    let mut line = Vec::new();
    let mut head = input.by_ref().take(REQUEST_BYTES_KEPT);
    if head.read_until(b'\n', &mut line).map_err(Error::Stdin)? == 0 {
        return Ok(None);
    }
    let cut = head.limit() == 0;
    if line.pop_if(|last| *last == b'\n').is_none() && cut {
        input.skip_until(b'\n').map_err(Error::Stdin)?;
    }
    Ok(Some(line))
}

/// The exit code of a script that failed so before, or has now.
fn first_of(before: u8, now: u8) -> u8 {
    if before == 0 { now } else { before }
}

/// Says why the program ends, and returns its exit code.
fn tell(err: &Error) -> u8 {
    if !err.is_quiet() {
        say(format_args!("berth: {err}"));
    }
    err.exit_code()
}

/// Says something to the user, in one piece, so that no other program's words come between.
/// Nobody can be told that standard error is closed.
fn say(text: impl Display) {
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_lines_and_the_last_needs_no_line_end() {
        let mut input = &b"a\r\n\n\xff b"[..];
        let mut next = || next_request(&mut input).unwrap();
        assert_eq!(next().unwrap(), b"a\r");
        assert_eq!(next().unwrap(), b"");
        assert_eq!(next().unwrap(), b"\xff b");
        assert_eq!(next(), None);
    }

    #[test]
    fn what_is_too_long_for_any_server_is_not_kept() {
        let kept = usize::try_from(REQUEST_BYTES_KEPT).unwrap();
        for length in [kept - 1, kept, kept + 1, 3 * kept] {
            let text = [&vec![b'x'; length][..], b"\nnext\n"].concat();
            let mut input = &text[..];
            let first = next_request(&mut input).unwrap().unwrap();
            assert_eq!(first.len(), length.min(kept));
            assert_eq!(next_request(&mut input).unwrap().unwrap(), b"next");
        }
    }
}
