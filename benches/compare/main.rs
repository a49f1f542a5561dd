//! berthd beside nginx, Redis and the limits of the machine: `make bench`.
//!
//! Owns the order of the whole: prepare, run after run, print. Must never leave a process or a
//! configuration behind, whether it ends well, with an error or on a signal; the files that are
//! served stay in `target/bench` for the next time.
//!
//! The environment says how much: `RUNS=9`, `QUICK=1` (small files, only to see that all works),
//! `ROWS='echo cold'` (rows with one of these words in their names), `CHART=1` (draw
//! docs/performance.svg and set the figures in docs/performance.md), `AGAIN=1` (measure nothing,
//! and show the values of the last time again).

use std::env;
use std::fs;
use std::io;
use std::process::ExitCode;
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::TempDir;

use crate::plan::Plan;
use crate::rows::Bench;
use crate::sheet::Sheet;

mod bare;
mod chart;
mod dialect;
mod load;
mod machine;
mod note;
mod plan;
mod probe;
mod process;
mod results;
mod rows;
mod sender;
mod servers;
mod sheet;
mod sink;
mod slow_disk;
mod stream;
mod table;
mod targets;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let argument = |index| arguments.get(index).map_or("", String::as_str);
    let done = match arguments.first().map(String::as_str) {
        Some(process::LEASH) => Err(process::become_leashed(&arguments[1..])),
        Some(bare::ECHO) => bare::echo(),
        Some(bare::REFUSAL) => bare::refuse(),
        Some(bare::SENDFILE) => bare::send_files(argument(1)),
        Some(sink::SINK) => sink::keep(argument(1), argument(2)),
        // Cargo adds `--bench`.
        _ => compare(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> io::Result<()> {
    let temp = tempfile::Builder::new().prefix("berth-bench-").tempdir()?;
    clean_up_on_signals(&temp)?;
    raise_open_files()?;
    let plan = Plan::from_env()?;
    if !plan.again {
        measure(&plan, &temp)?;
    }
    let (sheet, head) = results::read(&fs::read_to_string(&plan.results)?)?;
    println!("{head}\n{}\n{}", table::table(&sheet), table::score(&sheet));
    println!("every value: {}", plan.results.display());
    if plan.chart {
        fs::write(&plan.chart_file, chart::chart(&sheet, &head))?;
        println!("drawn: {}", plan.chart_file.display());
    }
    if plan.chart && !plan.quick {
        let path = plan::docs().join("performance.md");
        let document = note::placed(&fs::read_to_string(&path)?, &sheet, &head)?;
        fs::write(path, document)?;
    }
    Ok(())
}

/// Runs everything so often, and writes the values down.
fn measure(plan: &Plan, temp: &TempDir) -> io::Result<()> {
    let machine = machine::machine();
    let mut bench = Bench {
        plan,
        temp: temp.path(),
        sheet: Sheet::default(),
    };
    for run in 0..plan.runs {
        eprintln!("run {} of {}, load {}", run + 1, plan.runs, machine::load());
        bench.run(run);
    }
    rows::calls::measure(&mut bench);
    let quick = if plan.quick {
        ", quick: these are no figures"
    } else {
        ""
    };
    let head = format!(
        "{machine} to {}, {} runs{quick}",
        machine::load(),
        plan.runs
    );
    fs::write(&plan.results, results::written(&bench.sheet, &head))
}

/// Ends at once on a signal, with all that was started.
fn clean_up_on_signals(temp: &TempDir) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let temp = temp.path().to_owned();
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let _list = process::kill_all();
            slow_disk::lift();
            // Nothing more can be done about a folder that does not go.
            drop(fs::remove_dir_all(&temp));
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// As many open files as may be, for this process and those it starts.
fn raise_open_files() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit)?;
    Ok(())
}
