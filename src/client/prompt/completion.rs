//! Tab completion and hints at the prompt.
//!
//! Owns the cache of the server's names and when it is refreshed. Must never send a request while
//! another is under way, nor without Tab: the next line would wait behind the answer. Must never
//! offer a name that has to be sanitized.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::client::error::Error;
use crate::client::net::reconnect::Link;
use crate::client::prompt::local_names::beginning_with;
use crate::client::ui::interrupt;
use crate::wire::{ListedFile, Sanitized};

/// How long a listing is good enough to type by, at least.
const FRESH: Duration = Duration::from_secs(5);

/// How many times as long as it took a listing is good: a long one takes a fiftieth of the line at
/// most, however often Tab is pressed.
const FRESH_FACTOR: u32 = 50;

/// How long Tab waits for a listing that is on its way. What comes later is there for the next Tab.
const TAB_WAIT: Duration = Duration::from_millis(500);

/// How many names are kept, so that a server cannot fill the memory with a listing.
const NAMES_MAX: usize = 100_000;

/// The commands, as they are typed.
const COMMANDS: [&str; 8] = [
    "exit", "get ", "help", "list", "put ", "sha256 ", "stat ", "status",
];

/// The commands behind which a name on the server follows.
const NAMING: [&str; 3] = ["get ", "sha256 ", "stat "];

/// The command behind which a local file follows.
const LOCAL: [&str; 1] = ["put "];

/// A server, for the prompt and for what happens behind it.
pub type Shared = Arc<Mutex<Link>>;

/// The server, to whom one speaks at a time.
pub fn lock(link: &Mutex<Link>) -> MutexGuard<'_, Link> {
    link.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same for a typed line, which has to wait while Tab's list is still coming: `tell` says so.
pub fn lock_telling(link: &Mutex<Link>, tell: impl FnOnce()) -> MutexGuard<'_, Link> {
    match link.try_lock() {
        Ok(link) => link,
        Err(_) => {
            tell();
            lock(link)
        }
    }
}

/// The names that the server listed last.
#[derive(Debug)]
pub struct Names {
    link: Shared,
    known: Mutex<Known>,
    /// Told when a listing has come.
    came: Condvar,
}

#[derive(Debug, Default)]
struct Known {
    /// In the order of the listing.
    names: Vec<String>,
    /// Until when they are good enough; nothing before the server was asked.
    fresh: Option<Instant>,
    /// Whether it is being asked.
    asking: bool,
    /// The server turned out to be gone when it was asked.
    lost: Option<Error>,
}

impl Names {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(link: Shared) -> Self {
        Self {
            link,
            known: Mutex::default(),
            came: Condvar::new(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error that lost the connection in the background.
    pub fn take_lost(&self) -> Option<Error> {
        self.known().lost.take()
    }

    /// Refreshes the cache in the background, unless it is fresh.
    pub fn refresh(self: &Arc<Self>) {
        let mut known = self.known();
        let stale = known.fresh.is_none_or(|end| Instant::now() > end);
        if known.asking || !stale {
            return;
        }
        let this = Arc::clone(self);
        known.asking = thread::Builder::new().spawn(move || this.ask()).is_ok();
    }

    fn ask(&self) {
        let begin = Instant::now();
        let listed = self.list();
        let mut known = self.known();
        known.fresh = Some(Instant::now() + good_for(begin.elapsed()));
        match listed {
            Some(Ok(names)) => known.names = names,
            Some(Err(err)) => known.lost = Some(err),
            None => {}
        }
        known.asking = false;
        self.came.notify_all();
    }

    /// The names that can be typed; nothing while the connection is in use or lost.
    fn list(&self) -> Option<Result<Vec<String>, Error>> {
        let mut link = self.link.try_lock().ok()?;
        let client = link.connected()?;
        interrupt::enter(client.stream());
        let mut names = Vec::new();
        let asked = client.ask(b"list", |line| {
            if names.len() < NAMES_MAX
                && let Some(name) = ListedFile::parse(line).and_then(|file| typed(file.name))
            {
                names.push(name);
            }
            Ok(())
        });
        let cut = interrupt::leave();
        match asked {
            // Ctrl-C cut it, so this is no error; the next line connects anew.
            Err(err) if cut && !err.session_goes_on() => {
                link.lose();
                None
            }
            Err(err) if !err.session_goes_on() => {
                link.lose();
                Some(Err(err))
            }
            _ => Some(Ok(names)),
        }
    }

    /// The names that begin so. Waits a moment for a listing that is on its way.
    fn beginning_with(&self, start: &str) -> Vec<String> {
        let known = self.known();
        let (known, _) = self
            .came
            .wait_timeout_while(known, TAB_WAIT, |known| known.asking)
            .unwrap_or_else(PoisonError::into_inner);
        let names = known.names.iter();
        names
            .filter(|name| name.starts_with(start))
            .cloned()
            .collect()
    }
}

/// How long a listing is good that took so long.
fn good_for(took: Duration) -> Duration {
    took.saturating_mul(FRESH_FACTOR).max(FRESH)
}

/// A name as it is typed, if that can be shown as it is.
pub(super) fn typed(name: &[u8]) -> Option<String> {
    let name = str::from_utf8(name).ok()?;
    (Sanitized(name.as_bytes()).to_string() == name).then(|| name.to_owned())
}

/// Where in a line a name begins, if it begins with one of these commands.
fn name_at(line: &str, commands: &[&str]) -> Option<usize> {
    let begins = |word: &&str| {
        let start = line.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    commands
        .iter()
        .find(|word| begins(word))
        .map(|word| word.len())
}

/// What helps a person type.
#[derive(Debug)]
pub struct PromptHelper {
    names: Arc<Names>,
    color: bool,
    /// The line as it stands while no editor shows it; nothing while one does.
    unseen: RefCell<Option<String>>,
}

impl PromptHelper {
    /// Offers these names, in colour or without.
    #[must_use]
    pub const fn new(names: Arc<Names>, color: bool) -> Self {
        Self {
            names,
            color,
            unseen: RefCell::new(None),
        }
    }

    /// From here on nobody looks: nothing is offered, for which the server might be asked.
    pub fn look_away(&self) {
        self.unseen.replace(Some(String::new()));
    }

    /// An editor shows it again. Returns the line as it stands.
    pub fn look_again(&self) -> String {
        self.unseen.take().unwrap_or_default()
    }
}

impl Completer for PromptHelper {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let line = &line[..pos];
        if self.unseen.borrow().is_some() {
            return Ok((pos, Vec::new()));
        }
        if let Some(start) = name_at(line, &LOCAL) {
            return Ok((start, beginning_with(&line[start..])));
        }
        if let Some(start) = name_at(line, &NAMING) {
            self.names.refresh();
            return Ok((start, self.names.beginning_with(&line[start..])));
        }
        let word = line.to_ascii_lowercase();
        let commands = COMMANDS.iter().filter(|command| command.starts_with(&word));
        Ok((0, commands.map(ToString::to_string).collect()))
    }
}

impl Hinter for PromptHelper {
    type Hint = String;

    /// The rest of the last line that began so. A name that is being typed will be completed.
    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<String> {
        if let Some(unseen) = self.unseen.borrow_mut().as_mut() {
            line.clone_into(unseen);
            return None;
        }
        HistoryHinter::new().hint(line, pos, context)
    }
}

impl Highlighter for PromptHelper {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.color {
            true => Cow::Owned(format!("\x1b[1m{prompt}\x1b[0m")),
            false => Cow::Borrowed(prompt),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match self.color {
            true => Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")),
            false => Cow::Borrowed(hint),
        }
    }
}

impl Validator for PromptHelper {}

impl Helper for PromptHelper {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_due_behind_the_commands_that_take_one() {
        assert_eq!(name_at("get ", &NAMING), Some(4));
        assert_eq!(name_at("GET a b", &NAMING), Some(4));
        assert_eq!(name_at("sha256 x", &NAMING), Some(7));
        for other in ["get", " get a", "sha256", "list ", "", "gét a", "put a"] {
            assert_eq!(name_at(other, &NAMING), None, "{other}");
        }
        assert_eq!(name_at("put a", &LOCAL), Some(4));
        assert_eq!(name_at("put", &LOCAL), None);
    }

    #[test]
    fn a_listing_that_takes_long_is_asked_for_rarely() {
        for (took, good) in [(0, 5000), (100, 5000), (2000, 100_000)] {
            let good = Duration::from_millis(good);
            assert_eq!(good_for(Duration::from_millis(took)), good, "{took}");
        }
    }

    #[test]
    fn only_names_that_can_be_typed_and_shown_are_offered() {
        assert_eq!(typed("a b/ü.txt".as_bytes()).as_deref(), Some("a b/ü.txt"));
        for evil in [
            &b"a\xff"[..],
            b"\x1b[2J",
            "\u{202e}x".as_bytes(),
            "\u{9b}".as_bytes(),
        ] {
            assert_eq!(typed(evil), None, "{}", evil.escape_ascii());
        }
    }
}
