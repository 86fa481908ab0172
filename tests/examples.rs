//! The examples run to their end by themselves, and say what they promise.

// Tests say what must be so.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::process::Command;

/// Runs an example, which `cargo test` has built beside this test, and gives what it printed.
fn run(name: &str) -> String {
    let test = std::env::current_exe().unwrap();
    let debug = test.ancestors().nth(2).unwrap();
    let program: PathBuf = debug.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let output = Command::new(&program).output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(feature = "daemon")]
#[test]
fn two_estates_exchange_a_message() {
    let said = run("two_estates");
    assert!(said.contains("harbour: ship says 'five days out, all well'"), "{said}");
    assert!(said.ends_with("ship: delivered\n"), "{said}");
}

#[test]
fn a_plain_socket_is_enough() {
    let said = run("plain_socket");
    for number in 1..=3 {
        assert!(said.contains(&format!("ship: harbour says 'heard, number {number}'")), "{said}");
    }
    assert!(said.ends_with("3 reports answered\n"), "{said}");
}
