//! What the flood did, as a table and a verdict.
//!
//! Owns the words on the terminal. Must never judge a single answer: that was done on arrival.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Crowd, Told, Watch};

/// Above this the table shows those inside as one.
const INSIDE_SHOWN: usize = 12;

/// What became of those outside.
pub(crate) fn crowd(crowd: &Crowd, inside: usize) {
    let full = crowd.count(|told| matches!(told, Told::Full(_)));
    let later = crowd.count(|told| matches!(told, Told::LetIn));
    let mut odd = BTreeMap::new();
    let mut slowest = Duration::ZERO;
    for told in &crowd.told {
        match told {
            Told::Odd(words) => *odd.entry(words).or_insert(0) += 1,
            Told::Full(took) => slowest = slowest.max(*took),
            Told::LetIn => {}
        }
    }
    println!("  let in before the flood          {inside:>6}");
    println!("  let in during the flood          {later:>6}");
    println!("  turned away with the whole line  {full:>6}");
    println!(
        "  anything else                    {:>6}",
        odd.values().sum::<usize>()
    );
    for (words, times) in odd {
        println!("    {times} times: {words}");
    }
    let seconds = crowd.took.as_secs_f64();
    if crowd.stormed > 0 {
        let (stormed, rate) = (crowd.stormed, crowd.stormed as f64 / seconds);
        println!("\n  the flood: {stormed} clients in {seconds:.3} s, {rate:.0} per second;");
        println!("  the slowest waited {slowest:.1?} from connect to the end");
    }
}

/// What those inside noticed.
pub(crate) fn inside(names: &[String], watched: &[Watch]) {
    if names.is_empty() {
        println!("\n  no berth was free, so no admitted client was watched");
        return;
    }
    println!("\n  inside         echoes    slowest   wrong or missing");
    let row = |name: &str, echoes: usize, slowest: Duration, fault: &str| {
        let slowest = format!("{slowest:.1?}");
        println!("  {name:<12} {echoes:>8} {slowest:>10}   {fault}");
    };
    for (name, seen) in names.iter().zip(watched) {
        if names.len() <= INSIDE_SHOWN || seen.fault.is_some() {
            row(
                name,
                seen.echoes,
                seen.slowest,
                seen.fault.as_deref().unwrap_or("none"),
            );
        }
    }
    if names.len() > INSIDE_SHOWN {
        let echoes = watched.iter().map(|seen| seen.echoes).sum();
        let slowest = watched.iter().map(|seen| seen.slowest).max();
        let faults = watched.iter().filter(|seen| seen.fault.is_some()).count();
        let faults = format!("{faults} of them");
        row(
            &format!("all {}", names.len()),
            echoes,
            slowest.unwrap_or_default(),
            &faults,
        );
    }
}

/// Says what was not as it must be. True if nothing was.
pub(crate) fn verdict(
    crowd: &Crowd,
    names: &[String],
    watched: &[Watch],
    cap: Option<usize>,
) -> bool {
    let mut faults = Vec::new();
    if let Some(cap) = cap.filter(|cap| *cap != names.len()) {
        faults.push(format!(
            "{} were let in where there are {cap} berths",
            names.len()
        ));
    }
    if crowd.told.is_empty() {
        faults.push("all were let in: there was no flood, send more clients".to_owned());
    }
    if crowd.count(|told| matches!(told, Told::LetIn)) > 0 {
        faults.push("a client was admitted although every berth should have been taken".to_owned());
    }
    if crowd.count(|told| matches!(told, Told::Odd(_))) > 0 {
        faults.push("not everyone was turned away with the whole line".to_owned());
    }
    if watched.iter().any(|seen| seen.fault.is_some()) {
        faults.push("an admitted client was disturbed".to_owned());
    }
    println!();
    for fault in &faults {
        println!("  FAULT: {fault}");
    }
    if faults.is_empty() {
        println!("  as it should be");
    }
    faults.is_empty()
}
