//! The figures in docs/performance.md: the same as in the printed table, side by side.
//!
//! Owns what stands between two marks in that file. Must never touch what a person wrote around
//! them.

use std::fmt::Write;
use std::io;

use crate::sheet::{Key, Sheet};
use crate::table::{judged, number};
use crate::targets;

const BEGIN: &str = "<!-- figures: drawn by make bench CHART=1 -->\n";
const END: &str = "<!-- end of figures -->\n";

/// The document with the figures in their place.
pub(crate) fn placed(document: &str, sheet: &Sheet, head: &str) -> io::Result<String> {
    let lost = || io::Error::other("docs/performance.md has lost its marks");
    let (before, rest) = document.split_once(BEGIN).ok_or_else(lost)?;
    let (_, after) = rest.split_once(END).ok_or_else(lost)?;
    Ok(format!(
        "{before}{BEGIN}\n{head}\n{}\n{END}{after}",
        figures(sheet)
    ))
}

fn figures(sheet: &Sheet) -> String {
    let mut text = String::new();
    for row in sheet.rows() {
        let mut sides = Vec::new();
        for metric in sheet.metrics(row) {
            for side in sheet.sides(row, metric) {
                if !sides.contains(&side) {
                    sides.push(side);
                }
            }
        }
        if !sides.is_empty() {
            let _ = writeln!(text, "\n| {row} | {} | target |", sides.join(" | "));
            let _ = writeln!(text, "|---|{}---|", "---|".repeat(sides.len()));
        }
        for metric in sheet.metrics(row) {
            let cells = sides
                .iter()
                .map(|&side| cell(sheet, Key { row, metric, side }));
            let cells = cells.collect::<Vec<_>>().join(" | ");
            let target = verdicts(sheet, row, metric);
            let _ = writeln!(text, "| {metric} | {cells} | {target} |");
        }
        for (_, side, reason) in sheet.missing.iter().filter(|missing| missing.0 == row) {
            let _ = writeln!(text, "\n{side} was not measured: {reason}.");
        }
    }
    text
}

/// The median, and between what it lies where there were several runs.
fn cell(sheet: &Sheet, key: Key) -> String {
    let Some(summary) = sheet.summary(key) else {
        return String::new();
    };
    let [median, min, max] = [summary.median, summary.min, summary.max].map(number);
    if min == max {
        return median;
    }
    format!("**{median}** ({min} to {max})")
}

fn verdicts(sheet: &Sheet, row: &str, metric: &str) -> String {
    let all = targets::all();
    let wanted = all
        .iter()
        .filter(|target| target.row == row && target.metric == metric);
    let verdicts = wanted
        .filter_map(|target| target.judge(sheet))
        .map(|verdict| {
            let what = verdict.what.strip_prefix("berthd / ");
            let what = what.map(|other| format!("{} × {other}, ", number(verdict.seen.median)));
            format!("{}{}", what.unwrap_or_default(), judged(&verdict))
        });
    verdicts.collect::<Vec<_>>().join("; ")
}
