//! `roadstead demo` as a newcomer meets it: it succeeds, and whatever happens it leaves neither processes nor files.

#![cfg(feature = "daemon")]
// Tests say what must be so.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The demo, at home in `temp`.
fn demo(temp: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
    command.arg("demo").env("TMPDIR", temp).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The command lines of living processes that have to do with `temp`.
fn processes(temp: &Path) -> Vec<String> {
    let lines = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines.filter(|line| line.contains(temp.to_str().unwrap())).collect()
}

fn assert_nothing_is_left(temp: &Path) {
    assert_eq!(fs::read_dir(temp).unwrap().count(), 0);
    assert_eq!(processes(temp), Vec::<String>::new());
}

#[test]
fn from_strangers_to_answers() {
    let temp = tempfile::tempdir().unwrap();
    let output = demo(temp.path()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{errors}");
    for line in ["    db1:\n        True", "    web2:\n        Linux ", "'*' grains.items\n", "estate-keys --root-dir"]
    {
        assert!(told.contains(line), "{line:?} is not in\n{told}");
    }
    assert_eq!(told.matches("3 answers in").count(), 3, "{told}");
    assert_nothing_is_left(temp.path());
}

#[test]
fn interrupted_it_cleans_up_all_the_same() {
    for (signal, at) in
        [(Signal::SIGINT, "1. Four daemons"), (Signal::SIGTERM, "test.ping"), (Signal::SIGHUP, "3. You")]
    {
        let temp = tempfile::tempdir().unwrap();
        let mut child = demo(temp.path()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(at)), "{at}");
        // What is told next still has somebody to tell it to.
        let rest = thread::spawn(move || lines.count());
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let status = child.wait().unwrap();
        rest.join().unwrap();
        assert_eq!(status.code(), Some(130), "{signal}");
        assert_nothing_is_left(temp.path());
    }
}

#[test]
fn with_nobody_to_tell_it_ends() {
    let temp = tempfile::tempdir().unwrap();
    let mut child = demo(temp.path()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = (0..600).find_map(|_| {
        thread::sleep(Duration::from_millis(50));
        child.try_wait().unwrap()
    });
    assert_eq!(ended.and_then(|status| status.code()), Some(1));
    assert_nothing_is_left(temp.path());
}
