//! A session that reads its requests from standard input, one per line.
//!
//! Owns standard input. Answers go to standard output, errors to standard error with the number of
//! their line. Must never frame an answer; `net` does.

use std::io::{BufRead, BufReader, Read};

use crate::client::download::batch as download;
use crate::client::error::Error;
use crate::client::net::connection::{Answer, without_cr};
use crate::client::net::reconnect::Link;
use crate::client::options::{Fetching, Options, Sending};
use crate::client::ui::interrupt;
use crate::client::ui::stderr::Stderr;
use crate::client::ui::stdout::Stdout;
use crate::client::upload::batch as upload;
use crate::client::upload::typed::{Typed, typed};
use crate::streams::{self, Stream};
use crate::wire::Request;

/// The most that is kept of a request, in bytes.
///
/// Far more than any server takes (4096). A longer line is refused whatever stands in the rest of
/// it, so the rest is not sent, and a file without line ends cannot fill the memory.
const REQUEST_BYTES_KEPT: u64 = 64 * 1024;

/// The error for a script in UTF-16, which some editors call Unicode.
const UTF_16: &str = "standard input is UTF-16; save the script as UTF-8";

/// Runs the script. Returns the exit code of the first failure; errors have been reported.
#[must_use]
pub fn run(options: Options) -> u8 {
    interrupt::watch(false);
    let stderr = Stderr::new(&options);
    let stdout = Stdout::open(&options);
    match Link::open(options) {
        Ok(link) => Script { link, stdout }.play(stderr),
        Err(err) => stderr.error(&err),
    }
}

struct Script {
    link: Link,
    stdout: Stdout<Stream>,
}

impl Script {
    fn play(mut self, stderr: Stderr) -> u8 {
        let mut code = 0;
        let mut input = BufReader::new(streams::stdin());
        if let Err(err) = skip_mark(&mut input) {
            return stderr.error(&err);
        }
        for number in 1_u64.. {
            let line = match next_request(&mut input) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(err) => return first_of(code, stderr.error(&err)),
            };
            let err = match self.request(without_cr(&line)) {
                Ok(Answer::Goodbye) => return code,
                Ok(_) => continue,
                Err(err) => err,
            };
            let place = format!("line {number}: ");
            code = first_of(code, stderr.error_at(&place, &err));
            if !err.session_goes_on() {
                return code;
            }
        }
        self.link.leave();
        code
    }

    /// Sends one request and shows its answer.
    fn request(&mut self, line: &[u8]) -> Result<Answer, Error> {
        if let Some(asked) = typed(line) {
            let stored = asked.and_then(|asked| self.put(asked));
            self.stdout.flush()?;
            return stored.map(|()| Answer::Whole);
        }
        let answer = match Request::parse(line) {
            Request::Get { name, offset } => self.get(name, offset).map(|()| Answer::Whole),
            _ => {
                let stdout = &mut self.stdout;
                self.link.client()?.ask(line, |line| stdout.line(line))
            }
        };
        // Answers are flushed before an error about them is reported.
        self.stdout.flush()?;
        answer
    }

    fn get(&mut self, name: &[u8], offset: u64) -> Result<(), Error> {
        let how = Fetching::in_a_script();
        let outcome = download::one(&mut self.link, name, offset, &how);
        self.show_refusal(outcome)
    }

    fn put(&mut self, (path, name): Typed) -> Result<(), Error> {
        let how = Sending::in_a_script();
        let outcome = upload::one(&mut self.link, path, name, &how);
        self.show_refusal(outcome)
    }

    /// Shows the line of a refusal, as it was on the wire.
    fn show_refusal(&mut self, outcome: Result<(), Error>) -> Result<(), Error> {
        if let Err(Error::Refused(reason)) = &outcome {
            self.stdout.line(&[b"ERR ", reason.as_slice()].concat())?;
        }
        outcome
    }
}

/// Skips the byte order mark that some editors put before a text.
fn skip_mark(input: &mut impl BufRead) -> Result<(), Error> {
    let head = input.fill_buf().map_err(Error::Stdin)?;
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err(Error::Usage(UTF_16.into()));
    }
    if head.starts_with("\u{feff}".as_bytes()) {
        input.consume("\u{feff}".len());
    }
    Ok(())
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

/// The first exit code that is not 0.
fn first_of(before: u8, now: u8) -> u8 {
    if before == 0 { now } else { before }
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
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let mut input = &b"\xef\xbb\xbfstatus\n\xef\xbb\xbfx\n"[..];
        skip_mark(&mut input).unwrap();
        assert_eq!(next_request(&mut input).unwrap().unwrap(), b"status");
        assert_eq!(next_request(&mut input).unwrap().unwrap(), b"\xef\xbb\xbfx");
        for other in [b"\xff\xfes\0", b"\xfe\xff\0s"] {
            assert!(matches!(skip_mark(&mut &other[..]), Err(Error::Usage(_))));
        }
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
