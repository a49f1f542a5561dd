//! The server's program: reads the command line, sets up the log, says where it listens, runs.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use berth::cli::{
    self,
    cert::{self, CertArgs},
    journal::JournalArgs,
    server::{Instead, ServerArgs},
    token::TokenArgs,
    trace::TraceArgs,
};
use berth::report::{self, Question};
use berth::server::access::command;
use berth::server::net::listener::Door;
use berth::server::net::{certificate, new_certificate};
use berth::server::process::logging;
use berth::server::{Config, Outcome, Server};
use berth::{streams, timeline};

/// The exit code when what was asked for could not be done.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    streams::survive_limits();
    let args = match cli::parse::<ServerArgs>("berthd", FAILED) {
        Ok(args) => args,
        Err(code) => return ExitCode::from(code),
    };
    match args.instead {
        Some(Instead::Journal(args)) => return show_journal(args),
        Some(Instead::Trace(args)) => return make_page(&args),
        Some(Instead::Cert(args)) => return work_on_certificate(args),
        Some(Instead::Token(args)) => return change_tokens(args),
        None => {}
    }
    logging::start(args.log);
    let server = match Server::bind(&Config::from(args)) {
        Ok(server) => server,
        Err(error) => return fail(&error, cli::USAGE),
    };
    announce(&server);
    match server.run() {
        Ok(Outcome::Drained) => ExitCode::SUCCESS,
        Ok(Outcome::Cut) => ExitCode::FAILURE,
        Err(error) => fail(&format_args!("the event loop failed: {error}"), FAILED),
    }
}

fn show_journal(args: JournalArgs) -> ExitCode {
    let question = match Question::try_from(args) {
        Ok(question) => question,
        Err(reason) => return fail(&reason, cli::USAGE),
    };
    let mut out = BufWriter::new(streams::stdout());
    match report::run(&question, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, FAILED),
    }
}

fn change_tokens(args: TokenArgs) -> ExitCode {
    let command = match args.try_into() {
        Ok(command) => command,
        Err(fault) => return fail(&fault, FAILED),
    };
    match command::run(&command, &mut streams::stdout()) {
        Ok(told) => {
            let told = told.map(|told| format!("berthd: {told}\n"));
            let _ = streams::stderr().write_all(told.unwrap_or_default().as_bytes());
            ExitCode::SUCCESS
        }
        Err(failure) => fail(&failure, FAILED),
    }
}

fn work_on_certificate(args: CertArgs) -> ExitCode {
    let pin = match args.what {
        cert::What::New { folder, names } => match new_certificate::make(&folder, &names) {
            Ok(made) => {
                let _ = streams::stderr().write_all(format!("{made}\n").as_bytes());
                made.pin
            }
            Err(fault) => return fail(&fault, FAILED),
        },
        cert::What::Pin { certificate } => match certificate::pin_of(&certificate) {
            Ok(pin) => pin,
            Err(fault) => return fail(&fault, FAILED),
        },
    };
    match writeln!(streams::stdout(), "{pin}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format_args!("cannot print the pin: {error}"), FAILED),
    }
}

fn make_page(args: &TraceArgs) -> ExitCode {
    match timeline::make(&args.file, args.output.as_deref()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(damaged) => {
            let told = format!("berthd: the trace is damaged, lines left out: {damaged}\n");
            let _ = streams::stderr().write_all(told.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error, FAILED),
    }
}

/// Says where the server listens, at once: the program that started it may wait for the line.
fn announce(server: &Server) {
    let mut out = BufWriter::new(streams::stdout());
    let addresses = server.local_addrs().unwrap_or_default();
    let told = addresses
        .iter()
        .try_for_each(|(address, door)| match door {
            Door::Plain => writeln!(out, "berthd listening on {address}"),
            Door::Tls => writeln!(out, "berthd listening on {address} with TLS"),
        })
        .and_then(|()| out.flush());
    if let Err(error) = told {
        log::warn!("cannot say on standard output where the server listens: {error}");
    }
}

fn fail(reason: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // If standard error is gone no one is left to tell.
    let _ = streams::stderr().write_all(format!("berthd: {reason}\n").as_bytes());
    ExitCode::from(code)
}
