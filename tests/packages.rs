//! Which packages each program is built from, and how they are installed.
//!
//! Owns the promises that either program can be had without what only the other one needs, and that
//! `make install` finds what cargo built.

use std::process::Command;

/// The names of all that a feature brings in, a line each, with versions behind them.
fn packages_of(feature: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix", "none"])
        .args(["--edges", "normal,build", "--no-default-features"])
        .args(["--features", feature])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs this test");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("names of packages are text")
}

fn has(packages: &str, name: &str) -> bool {
    let start = format!("{name} ");
    packages.lines().any(|line| line.starts_with(&start))
}

#[test]
fn neither_program_is_built_with_what_only_the_other_one_needs() {
    let (client, server) = (packages_of("client"), packages_of("server"));
    for name in ["signal-hook", "socket2", "tempfile"] {
        assert!(has(&server, name) && has(&client, name), "{name}");
    }
    for name in ["mio", "slab", "signal-hook-mio"] {
        assert!(has(&server, name) && !has(&client, name), "{name}");
    }
    for name in ["pbr", "rustyline"] {
        assert!(has(&client, name) && !has(&server, name), "{name}");
    }
}

#[test]
fn what_is_installed_is_what_was_built_wherever_that_is_and_goes_where_it_was_told() {
    let output = Command::new("make")
        .args([
            "-n",
            "install",
            "CARGO_TARGET_DIR=/else where",
            "PREFIX=here",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("make is what this is about");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).expect("commands are text");
    for built in ["berth\"", "berthd\""] {
        assert!(
            said.contains(&format!("\"/else where/release/{built}")),
            "{said}"
        );
    }
    assert!(!said.contains(" target/"), "{said}");
    // A relative prefix is one from here, so nothing is installed from within another folder.
    let installs = said.lines().filter(|line| line.contains("install -"));
    assert!(installs.clone().count() >= 3, "{said}");
    installs.for_each(|line| assert!(!line.contains("cd "), "{line}"));
}
