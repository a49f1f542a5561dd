//! The chart: the figures as bars, in an SVG that needs nothing else.
//!
//! Owns how it looks. A bar is a median, the thin line across its end goes from the lowest to the
//! highest value; bars of one panel share a scale that begins at 0.

use std::fmt::Write;

use crate::rows::{cold, crowd, download, echo, fairness, refusals, tls};
use crate::sheet::{Key, Sheet, Summary};
use crate::table::number;

/// What is drawn: row, metric, whether more is better.
const PANELS: &[(&str, &str, bool)] = &[
    (download::COPY, download::RATE, true),
    (download::DISCARD, download::RATE, true),
    (download::COPY, download::SERVER_CPU, false),
    (download::DISCARD, download::SERVER_CPU, false),
    (echo::SINGLE, echo::RATE, true),
    (echo::PIPELINED, echo::RATE, true),
    (echo::MANY, echo::RATE, true),
    (echo::SINGLE, echo::SERVER_CPU, false),
    (fairness::ROW, fairness::P99, false),
    (cold::ROW, fairness::P99, false),
    (crowd::TEN_THOUSAND, crowd::SPOKE, false),
    (refusals::ROW, refusals::RATE, true),
    (tls::DOWNLOAD, download::RATE, true),
    (tls::DOWNLOAD, download::SERVER_CPU, false),
    (tls::SINGLE, echo::RATE, true),
    (tls::FLOOD, fairness::P99, false),
];

const COLUMNS: usize = 2;
const PANEL_WIDTH: usize = 470;
const PANEL_HEIGHT: usize = 150;
const MARGIN: usize = 20;
const HEAD: usize = 64;
const BAR_HEIGHT: usize = 20;
const BAR_STEP: usize = 28;
/// Where bars begin, behind the names, and how long the longest may be: a number follows it.
const BAR_X: usize = 110;
const BAR_WIDTH: f64 = 260.0;

/// The whole picture.
pub(crate) fn chart(sheet: &Sheet, machine: &str) -> String {
    let there = |panel: &&(&str, &str, bool)| !sheet.sides(panel.0, panel.1).is_empty();
    let panels: Vec<_> = PANELS.iter().filter(there).collect();
    let width = COLUMNS * PANEL_WIDTH + 2 * MARGIN;
    let height = HEAD + panels.len().div_ceil(COLUMNS) * PANEL_HEIGHT + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\" \
         fill=\"#222\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    label(
        &mut svg,
        MARGIN,
        26,
        17,
        "berthd beside others; medians, thin lines from min to max",
    );
    label(&mut svg, MARGIN, 46, 11, machine);
    for (i, panel) in panels.into_iter().enumerate() {
        let x = MARGIN + i % COLUMNS * PANEL_WIDTH;
        let y = HEAD + i / COLUMNS * PANEL_HEIGHT;
        draw(&mut svg, sheet, *panel, (x, y));
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, sheet: &Sheet, panel: (&str, &str, bool), at: (usize, usize)) {
    let (row, metric, more) = panel;
    let (x, y) = at;
    let better = if more {
        "more is better"
    } else {
        "less is better"
    };
    label(svg, x, y + 18, 14, row);
    label(svg, x, y + 34, 11, &format!("{metric}; {better}"));
    let bars: Vec<_> = sheet
        .series
        .iter()
        .map(|series| series.key)
        .filter(|key| key.row == row && key.metric == metric)
        .filter_map(|key| Some((key, sheet.summary(key)?)))
        .collect();
    let top = bars
        .iter()
        .map(|(_, summary)| summary.max)
        .fold(f64::MIN_POSITIVE, f64::max);
    for (i, (key, summary)) in bars.into_iter().enumerate() {
        bar(svg, key, summary, top, (x, y + 44 + i * BAR_STEP));
    }
}

fn bar(svg: &mut String, key: Key, summary: Summary, top: f64, at: (usize, usize)) {
    let (x, y) = at;
    let start = (x + BAR_X) as f64;
    let end = |value: f64| start + value / top * BAR_WIDTH;
    let middle = y + BAR_HEIGHT / 2;
    label(svg, x + 8, middle + 5, 13, key.side);
    let color = color(key.side);
    let width = end(summary.median) - start;
    let _ = writeln!(
        svg,
        "<rect x=\"{start}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\" \
         fill=\"{color}\"/>"
    );
    let (min, max) = (end(summary.min), end(summary.max));
    let _ = writeln!(
        svg,
        "<path d=\"M{min:.1} {middle}H{max:.1}M{min:.1} {low}v8M{max:.1} {low}v8\" \
         stroke=\"#222\" fill=\"none\"/>",
        low = middle - 4,
    );
    let behind = max.max(end(summary.median)) as usize + 8;
    label(svg, behind, middle + 5, 13, &number(summary.median));
}

/// The limits are grey: they are no servers.
fn color(side: &str) -> &'static str {
    match side {
        "berthd" => "#1f6fb4",
        "nginx" => "#3f9b57",
        "Redis" => "#cf5b4c",
        _ => "#b0b0b0",
    }
}

fn label(svg: &mut String, x: usize, y: usize, size: usize, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\">{text}</text>"
    );
}
