//! The table that is printed.
//!
//! Owns how a figure looks. Must never leave out a figure that was measured, a target that was
//! missed, or a reason why something is not there.

use std::fmt::Write;

use crate::sheet::{Key, Sheet, Summary};
use crate::targets::{self, Bound, Target, Verdict};

const NAME_COLUMNS: usize = 52;

/// The whole table.
pub(crate) fn table(sheet: &Sheet) -> String {
    let targets = targets::all();
    let mut text = String::new();
    for row in sheet.rows() {
        let head = format!("\n{row}");
        push(
            &mut text,
            &head,
            ["median", "min", "max"].map(str::to_owned),
            "",
        );
        for metric in sheet.metrics(row) {
            let _ = writeln!(text, "  {metric}");
            for side in sheet.sides(row, metric) {
                let key = Key { row, metric, side };
                if let Some(summary) = sheet.summary(key) {
                    push(&mut text, &format!("    {side}"), shown(summary), "");
                }
            }
            for verdict in verdicts(sheet, &targets, row, metric) {
                let what = format!("      {}", verdict.what);
                push(&mut text, &what, shown(verdict.seen), &judged(&verdict));
            }
        }
        for (_, side, reason) in sheet.missing.iter().filter(|missing| missing.0 == row) {
            let _ = writeln!(text, "  {side} was not measured: {reason}");
        }
    }
    text
}

fn verdicts<'a>(
    sheet: &'a Sheet,
    targets: &'a [Target],
    row: &'a str,
    metric: &'a str,
) -> impl Iterator<Item = Verdict> + 'a {
    let wanted = move |target: &&Target| target.row == row && target.metric == metric;
    targets
        .iter()
        .filter(wanted)
        .filter_map(|target| target.judge(sheet))
}

/// How many targets were met, of those that could be judged.
pub(crate) fn score(sheet: &Sheet) -> String {
    let targets = targets::all();
    let judged: Vec<Verdict> = targets
        .iter()
        .filter_map(|target| target.judge(sheet))
        .collect();
    let met = judged
        .iter()
        .filter(|verdict| verdict.missed_by().is_none())
        .count();
    let open = targets.len() - judged.len();
    format!("{met} of {} targets met, {open} not judged", targets.len())
}

fn push(text: &mut String, name: &str, columns: [String; 3], note: &str) {
    let [median, min, max] = columns;
    // The line break in front of a row's name is no column.
    let width = NAME_COLUMNS + usize::from(name.starts_with('\n'));
    let line = format!("{name:width$} {median:>10} {min:>10} {max:>10}  {note}");
    let _ = writeln!(text, "{}", line.trim_end());
}

fn shown(summary: Summary) -> [String; 3] {
    [summary.median, summary.min, summary.max].map(number)
}

/// About three digits, and no more than were measured.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.01 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// A bound, and how it was met.
pub(crate) fn judged(verdict: &Verdict) -> String {
    let bound = match verdict.bound {
        Bound::AtLeast(bound) => format!("at least {}", number(bound)),
        Bound::AtMost(bound) => format!("at most {}", number(bound)),
    };
    match verdict.missed_by() {
        None => format!("{bound}: met"),
        Some(share) => format!("{bound}: MISSED by {} %", number(share * 100.0)),
    }
}
