//! `roadstead call` as a shell sees it: what it prints, how it ends, and what it takes with it.

#![cfg(feature = "daemon")]
// Tests say what must be so.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn call(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
    command.arg("call").args(words).arg("--root-dir").arg(root).stdin(Stdio::null());
    command
}

fn printed(root: &Path, words: &[&str]) -> (String, Option<i32>) {
    let Output { status, stdout, stderr } = call(root, words).output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    (if text.is_empty() { String::from_utf8(stderr).unwrap() } else { text }, status.code())
}

#[test]
fn needs_neither_settings_nor_a_master() {
    let root = tempfile::tempdir().unwrap();
    let printed = |words: &[&str]| printed(root.path(), words);
    assert_eq!(printed(&["test.ping"]), ("local:\n    True\n".to_owned(), Some(0)));
    let (text, code) = printed(&["test.echo", "[1, x]", "--json"]);
    assert!(code == Some(0) && text.contains("\"return\":[1,\"x\"]"), "{text}");
    assert_eq!(printed(&["cmd.run", "pwd", "cwd=/usr"]), ("local:\n    /usr\n".to_owned(), Some(0)));
    assert_eq!(printed(&["cmd.retcode", "exit 7"]), ("local:\n    7\n".to_owned(), Some(1)));
    assert_eq!(printed(&["no.such"]), ("local:\n    'no.such' is not available.\n".to_owned(), Some(1)));
    assert_eq!(printed(&[]).1, Some(2));
}

#[test]
fn takes_the_minions_id_and_grains() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc/roadstead")).unwrap();
    fs::write(root.path().join("etc/roadstead/minion"), "id: web1\ngrains: {rack: a1}\n").unwrap();
    let (text, code) = printed(root.path(), &["grains.item", "id", "rack"]);
    assert_eq!((text.as_str(), code), ("local:\n    id: web1\n    rack: a1\n", Some(0)));
    fs::write(root.path().join("etc/roadstead/minion"), "id: [1\n").unwrap();
    assert_eq!(printed(root.path(), &["test.ping"]).1, Some(2));
}

#[test]
fn an_interrupt_ends_the_whole_process_group() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("pid");
    let line = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
    let child = call(root.path(), &["cmd.run", &line]).stdout(Stdio::piped()).spawn().unwrap();
    let pid = (0..1000).find_map(|_| {
        thread::sleep(Duration::from_millis(5));
        fs::read_to_string(&file).ok()
    });
    let stat = format!("/proc/{}/stat", pid.unwrap().trim());
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8(output.stdout).unwrap().contains("was killed"));
    let is_gone =
        || fs::read_to_string(&stat).unwrap_or_default().rsplit_once(") ").is_none_or(|(_, s)| s.starts_with('Z'));
    assert!((0..500).any(|_| {
        thread::sleep(Duration::from_millis(10));
        is_gone()
    }));
}
