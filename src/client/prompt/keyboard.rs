//! The lines of a session at the prompt, typed or pasted.
//!
//! Owns the prompt's line editor, the history it shows, and the pasted lines that have not had
//! their turn. Must never hand out a line end inside of a line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rustyline::history::{History as _, MemHistory};
use rustyline::{ColorMode, CompletionType, Config, Editor};

use crate::client::error::Error;
use crate::client::prompt::completion::{Names, PromptHelper};
use crate::client::prompt::history::{self, History, LINES_MAX};
use crate::client::ui::keyboard::{Keeper, Typed, into_io, read, read_ahead};
use crate::streams;

/// How many lines are kept that were typed before a question; who pastes more has it answered.
const AHEAD_MAX: usize = 100_000;

/// How long a paste may pause that has not come to its end.
const GAP: Duration = Duration::from_millis(10);

/// A line for the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It was typed alone.
    Line(String),
    /// It was pasted with others.
    OneOfMany(String),
    /// Nothing, for now.
    Nothing,
    /// Something that is no text was dropped.
    NotText,
    /// There will be no more.
    End,
}

/// The prompt's keyboard.
pub struct Keyboard {
    names: Arc<Names>,
    color: bool,
    editor: Editor<PromptHelper, MemHistory>,
    history: History,
    /// What was pasted behind the line that is obeyed, or typed before a question.
    pasted: VecDeque<Entry>,
    /// The beginning of the line behind that.
    begun: String,
}

impl Keyboard {
    /// Offers these names while a person types, in colour or without.
    ///
    /// # Errors
    /// When there is no terminal.
    pub fn new(names: Arc<Names>, color: bool) -> Result<Self, Error> {
        let mut editor = editor(&names, color)?;
        let (history, lines) = History::open();
        for line in lines {
            let _ = editor.add_history_entry(line);
        }
        Ok(Self {
            names,
            color,
            editor,
            history,
            pasted: VecDeque::new(),
            begun: String::new(),
        })
    }

    /// The next line that is typed, or was pasted.
    ///
    /// # Errors
    /// As [`read`].
    pub fn next(&mut self, prompt: &str) -> Result<Entry, Error> {
        if let Some(entry) = self.pasted.pop_front() {
            if let Entry::OneOfMany(line) = &entry {
                self.remember(line);
            }
            return Ok(entry);
        }
        let begun = std::mem::take(&mut self.begun);
        let text = match read(&mut self.editor, prompt, &begun)? {
            Typed::Line(text) => text,
            Typed::Dropped => return Ok(Entry::Nothing),
            Typed::NotText => return Ok(Entry::NotText),
            Typed::End => return Ok(Entry::End),
        };
        let mut lines: VecDeque<_> = lines(&text).map(str::to_owned).collect();
        match lines.len() {
            0 => Ok(Entry::Nothing),
            1 => {
                let line = lines.remove(0).expect("there is one");
                self.remember(&line);
                Ok(Entry::Line(line))
            }
            _ => {
                self.pasted = lines.into_iter().map(Entry::OneOfMany).collect();
                self.next(prompt)
            }
        }
    }

    /// Forgets what was pasted or typed ahead. Returns how many lines of it are known.
    pub fn forget(&mut self) -> usize {
        // The editor keeps its read buffer, so a new editor drops it.
        if let Ok(mut fresh) = editor(&self.names, self.color) {
            std::mem::swap(fresh.history_mut(), self.editor.history_mut());
            self.editor = fresh;
        }
        self.begun.clear();
        let dropped = std::mem::take(&mut self.pasted).into_iter();
        dropped
            .filter(|entry| matches!(entry, Entry::OneOfMany(_)))
            .count()
    }

    /// What there is of a line that is not ended.
    fn unended(&self) -> String {
        self.editor
            .helper()
            .map(PromptHelper::look_again)
            .unwrap_or_default()
    }

    fn remember(&mut self, line: &str) {
        if history::is_memorable(line) && self.editor.add_history_entry(line).unwrap_or(false) {
            self.history.remember(line);
        }
    }
}

impl Keeper for Keyboard {
    /// The editor reads it: it may have read the beginning of it already.
    fn take(&mut self) -> Result<(), Error> {
        while self.pasted.len() < AHEAD_MAX {
            self.editor
                .helper()
                .iter()
                .for_each(|helper| helper.look_away());
            let typed = read_ahead(&mut self.editor, &self.begun);
            let unended = self.unended();
            self.begun.clear();
            match typed? {
                Some(Typed::Line(text)) => {
                    let lines = lines(&text).map(|line| Entry::OneOfMany(line.to_owned()));
                    self.pasted.extend(lines);
                }
                Some(Typed::Dropped) => {}
                Some(Typed::NotText) => self.pasted.push_back(Entry::NotText),
                Some(Typed::End) => {
                    // Nothing behind it is obeyed, and it is no answer either.
                    self.pasted.push_back(Entry::End);
                    streams::drop_typed();
                    break;
                }
                None => {
                    self.begun = unended;
                    if !streams::has_input(GAP) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

fn editor(names: &Arc<Names>, color: bool) -> Result<Editor<PromptHelper, MemHistory>, Error> {
    let make = || -> rustyline::Result<_> {
        let config = Config::builder()
            .max_history_size(LINES_MAX)?
            .completion_type(CompletionType::List)
            .color_mode(if color {
                ColorMode::Enabled
            } else {
                ColorMode::Disabled
            })
            .build();
        let mut history = MemHistory::with_config(&config);
        history.set_max_len(LINES_MAX)?;
        let mut editor = Editor::with_history(config, history)?;
        editor.set_helper(Some(PromptHelper::new(Arc::clone(names), color)));
        Ok(editor)
    };
    make().map_err(|err| Error::Stdin(into_io(err)))
}

/// The lines of what was typed or pasted, without those in which there is nothing.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    // What was copied from a file may begin with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.split(['\n', '\r']);
    lines.filter(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_ends_a_line_and_nothing_is_no_line() {
        let parts = |text| lines(text).collect::<Vec<_>>();
        assert_eq!(parts("one"), ["one"]);
        assert_eq!(
            parts("one\ntwo\r\nthree\rfour\n"),
            ["one", "two", "three", "four"]
        );
        assert_eq!(parts("\n\n  \n"), [""; 0]);
        assert_eq!(parts(" list\n"), [" list"]);
        assert_eq!(parts("\u{feff}list"), ["list"]);
    }
}
