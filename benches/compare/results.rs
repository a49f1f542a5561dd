//! The figures as a file, one value a line, for other programs and for drawing them again.
//!
//! Owns that form: `row`, `metric`, `side`, `run`, `value`, with tabs between, behind lines that
//! begin with `#`: the machine, and what could not be measured. Must never lose a digit.

use std::fmt::Write;
use std::io;

use crate::sheet::{Key, Sheet};

const HEADER: &str = "row\tmetric\tside\trun\tvalue";
const MACHINE: &str = "# ";
const MISSING: &str = "#\t";

pub(crate) fn written(sheet: &Sheet, machine: &str) -> String {
    let mut text = format!("{MACHINE}{machine}\n");
    for (row, side, reason) in &sheet.missing {
        let reason = reason.replace(['\t', '\n'], " ");
        let _ = writeln!(text, "{MISSING}{row}\t{side}\t{reason}");
    }
    let _ = writeln!(text, "{HEADER}");
    for series in &sheet.series {
        let Key { row, metric, side } = series.key;
        for (run, value) in &series.values {
            let _ = writeln!(text, "{row}\t{metric}\t{side}\t{run}\t{value}");
        }
    }
    text
}

/// The figures and the machine's line.
pub(crate) fn read(text: &str) -> io::Result<(Sheet, String)> {
    let mut sheet = Sheet::default();
    let mut machine = String::new();
    for line in text.lines().filter(|line| *line != HEADER) {
        if let Some(words) = line.strip_prefix(MISSING) {
            let mut words = words.splitn(3, '\t');
            let mut next = || words.next().unwrap_or_default();
            let (row, side) = (kept(next()), kept(next()));
            sheet.lack(row, side, next().to_owned());
        } else if let Some(words) = line.strip_prefix(MACHINE) {
            words.clone_into(&mut machine);
        } else {
            value(&mut sheet, line).ok_or_else(|| io::Error::other(format!("no value: {line}")))?;
        }
    }
    Ok((sheet, machine))
}

fn value(sheet: &mut Sheet, line: &str) -> Option<()> {
    let mut words = line.split('\t');
    let (row, metric, side) = (words.next()?, words.next()?, words.next()?);
    sheet.run = words.next()?.parse().ok()?;
    let value = words.next()?.parse().ok()?;
    sheet.note(kept(row), kept(side), kept(metric), value);
    Some(())
}

/// Names live as long as the program, wherever they come from: there are few, and it ends soon.
fn kept(name: &str) -> &'static str {
    Box::leak(name.to_owned().into_boxed_str())
}
