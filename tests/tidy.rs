//! The house rules as a test: floors, caps, banned words. Small and dumb on purpose: it reads text, not Rust.
//!
//! The rules themselves are tried on made-up text at the bottom, so that a rule which never fires is found out.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use text::{code_only, functions, has_word, module_of, paths, test_siblings, without_tests};

#[path = "tidy/text.rs"]
mod text;

/// The peers' bench: a program of its own, on no floor.
const PEERS: &str = "benches/peers/src/";
/// Most lines of one file, without the tests at its bottom.
const FILE_CAP: usize = 400;
/// Most lines of one function.
const FUNCTION_CAP: usize = 70;

/// A room, and the rooms it may name with `crate::`. The road and the duties know keys, never where they lie: `keep` is
/// not `keep::store`.
const ROOMS: &[(&str, &str)] = &[
    ("base", ""),
    ("nacl", "base"),
    ("message", "base"),
    ("transport", "base message"),
    ("duty", "base message transport"),
    ("wire", "base nacl"),
    ("keep", "base nacl"),
    ("road", "base nacl wire keep message transport"),
    ("lane", "base nacl wire keep message transport"),
    ("bus", "base keep message transport duty"),
    ("master", "base keep message transport duty bus"),
    ("minion", "base keep message transport duty bus"),
    ("plan", "base message master bus"),
    ("sim", "base nacl message transport duty wire keep road lane master minion bus plan"),
    ("clock", "base"),
    ("drive", "base nacl message transport keep keep::store road lane clock"),
    ("drivers", "base nacl message transport keep keep::store road clock drive"),
    ("functions", "base message transport duty keep keep::store clock"),
    ("host", HOUSE),
    ("main", HOUSE),
    ("manual", ""),
];
/// Everything except `sim`.
const HOUSE: &str = "base nacl message transport duty wire keep keep::store road lane bus master minion plan clock drive \
                     drivers functions host main";

/// Rooms that may touch the world.
const WORLDLY: &[&str] = &["clock", "drive", "drivers", "functions", "host", "main", "estate-keys", "keep::store"];
/// What touches the world. Addresses (`SocketAddr`, `IpAddr`) are plain values and fine anywhere.
const WORLD: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "getrandom",
    "quinn_udp",
    "nix",
    "tokio",
];
/// Reads of a clock: `src/clock.rs` alone, whoever else may touch the world.
const CLOCK: &[&str] = &["Instant::now", "SystemTime::now"];
/// Banned in all code, tests included.
const NEVER: &[&str] = &["unsafe", "todo!", "unimplemented!", "#[ignore"];
/// Banned in comments too; spelled in halves so that this file passes.
const NOTES: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X")];

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for top in ["src", "estate-keys/src", "tests", "estate-keys/tests", "benches", "examples", "fuzz/fuzz_targets"] {
        find(&root.join(top), &mut files);
    }
    let sources: Vec<(String, String)> = files
        .iter()
        .map(|path| {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(sources.iter().any(|(name, _)| name == "src/lib.rs"), "no sources under {}", root.display());
    let tests: BTreeSet<String> = sources.iter().flat_map(|(name, text)| test_siblings(name, text)).collect();
    let faults: Vec<String> = sources.iter().flat_map(|(name, text)| check(name, text, tests.contains(name))).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn find(dir: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            find(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// All faults of one file, as `path:line: what`. `test` marks a file that is the test module of a neighbour.
fn check(name: &str, text: &str, test: bool) -> Vec<String> {
    let code = code_only(text);
    let mut faults = words(text, &code);
    let module = module_of(name);
    if module.is_some() || name.starts_with(PEERS) {
        let first = text.lines().find(|line| !line.starts_with("#!["));
        if !first.is_some_and(|line| line.starts_with("//!")) {
            faults.push((1, "no `//!` paragraph at the top".into()));
        }
        if !test {
            let code = without_tests(&code);
            faults.extend(caps(code));
            faults.extend(module.iter().flat_map(|module| floors(module, code)));
            faults.extend(module.iter().flat_map(|module| world(module, code)));
        }
    }
    faults.into_iter().map(|(line, what)| format!("{name}:{line}: {what}")).collect()
}

type Fault = (usize, String);

fn words(text: &str, code: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (i, (raw, line)) in text.lines().zip(code.lines()).enumerate() {
        if raw.trim_end() != raw {
            faults.push((i + 1, "space at the end of the line".into()));
        }
        for word in NOTES.iter().filter(|word| has_word(raw, word)) {
            faults.push((i + 1, format!("{word}: do it or drop it")));
        }
        for word in NEVER.iter().filter(|word| has_word(line, word)) {
            faults.push((i + 1, format!("`{word}` is banned")));
        }
    }
    faults
}

fn caps(code: &str) -> Vec<Fault> {
    let lines = code.lines().count();
    let file = (lines > FILE_CAP).then(|| (1, format!("{lines} lines without tests, the cap is {FILE_CAP}")));
    let long = functions(code).into_iter().filter(|(.., lines)| *lines > FUNCTION_CAP);
    let long = long.map(|(at, name, lines)| (at, format!("`{name}` has {lines} lines, the cap is {FUNCTION_CAP}")));
    file.into_iter().chain(long).collect()
}

fn floors(module: &[String], code: &str) -> Vec<Fault> {
    let own = module[0].as_str();
    if matches!(own, "lib" | "estate-keys") {
        return Vec::new();
    }
    let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == own) else {
        return vec![(1, format!("room `{own}` has no row in tests/tidy.rs"))];
    };
    let mut faults = Vec::new();
    for (line, path) in paths(module, code) {
        if sideways(module, &path) {
            faults.push((line, format!("`{}` names `{}`: v0 and v1 never meet", module.join("::"), path.join("::"))));
        }
        let Some(("crate", path)) = path.split_first().map(|(first, rest)| (first.as_str(), rest)) else { continue };
        let target = room(path);
        let is_own = path.first().is_some_and(|first| first == own);
        let is_room = ROOMS.iter().any(|(room, _)| path.first().is_some_and(|first| first == room));
        if is_room && !is_own && !allowed.split_whitespace().any(|room| room == target) {
            faults.push((line, format!("`{own}` must not name `{target}`")));
        }
    }
    faults
}

fn sideways(module: &[String], path: &[String]) -> bool {
    let names = |path: &[String], version: &str| path.iter().any(|segment| segment == version);
    (names(module, "v0") && names(path, "v1")) || (names(module, "v1") && names(path, "v0"))
}

/// The room of a path inside the crate; the store is one of its own, by its file or by its type.
fn room(path: &[String]) -> &str {
    match path {
        [keep, store, ..] if keep == "keep" && matches!(store.as_str(), "store" | "Store") => "keep::store",
        [room, ..] => room,
        [] => "",
    }
}

fn world(module: &[String], code: &str) -> Vec<Fault> {
    let own = room(module);
    let mut faults = Vec::new();
    for (line, path) in paths(module, code).into_iter().filter(|_| !WORLDLY.contains(&own)) {
        let path = path.join("::");
        if WORLD
            .iter()
            .any(|word| path.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
        {
            faults.push((line, format!("`{path}` in `{own}`, which must not touch the world")));
        }
    }
    for (i, line) in code.lines().enumerate().filter(|_| own != "clock") {
        for word in CLOCK.iter().filter(|word| line.contains(**word)) {
            faults.push((i + 1, format!("`{word}`: only src/clock.rs reads a clock")));
        }
    }
    faults
}

fn faults(name: &str, text: &str) -> Vec<String> {
    check(name, &format!("//! About.\n{text}\n"), false)
}

#[test]
fn floors_hold() {
    for (name, text) in [
        ("src/base/a.rs", "use crate::nacl::Key;"),
        ("src/base/mod.rs", "use super::nacl::Key;"),
        ("src/road/v0/a.rs", "use super::super::super::master::Job;"),
        ("src/master/door.rs", "use crate::{base::Name, road::Road};"),
        ("src/master/door.rs", "use crate::keep::{roll::Roll, store::Store};"),
        ("src/master/door.rs", "use crate::keep::Store;"),
        ("src/minion/door.rs", "use crate::{base::Name, master::{job::Job}};"),
        ("src/lane/yard.rs", "fn f() -> crate::host::Settings { g() }"),
        ("src/host/serve.rs", "use crate::sim::World;"),
        ("src/duty.rs", "use crate::duty::{Work, Outcome};\nuse crate::master::Job;"),
        ("src/wire/v0/head.rs", "use crate::wire::v1::Head;"),
        ("src/road/v1/mod.rs", "use super::v0::Joiner;"),
        ("src/attic/mod.rs", "fn f() {}"),
    ] {
        assert_eq!(faults(name, text).len(), 1, "{name}: {text}: {:?}", faults(name, text));
    }
    for (name, text) in [
        ("src/base/a.rs", "use super::limits::NAME_MAX;\nuse crate::base::{name, Name};\npub(crate) struct A;"),
        ("src/master/door.rs", "use crate::{base::Name, bus::{self, Notice}, keep::roll::Roll};"),
        ("src/keep/mod.rs", "pub mod store;\npub use store::Store;"),
        ("src/keep/store.rs", "use super::roll::Roll;\nuse crate::base::Name;\nuse std::fs;"),
        ("src/drive/road.rs", "use crate::keep::store::Store;\nuse tokio::net::UdpSocket;"),
        ("src/road/session.rs", "use super::{v0, v1};"),
        ("src/base/a.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::host::Settings;\n}"),
        ("src/base/a.rs", "// use crate::host::Settings;\nconst A: &str = \"crate::host::b\";"),
        ("src/main.rs", "use roadstead::host;"),
    ] {
        assert_eq!(faults(name, text), Vec::<String>::new(), "{name}: {text}");
    }
}

#[test]
fn the_world_stays_outside() {
    for text in [
        "use std::fs;",
        "use std::{fmt, fs::File};",
        "use std::net::{SocketAddr, UdpSocket};",
        "use std::time::{Duration, Instant};",
        "fn f() { std::thread::sleep(g()) }",
        "use tokio::sync::mpsc;",
    ] {
        assert_eq!(faults("src/road/gate.rs", text).len(), 1, "{text}");
        assert_eq!(faults("src/drive/udp.rs", text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(faults("src/road/gate.rs", "use std::net::{IpAddr, SocketAddr};\nuse std::time::Duration;").len(), 0);
    assert_eq!(faults("src/drive/udp.rs", "fn f() { Instant::now(); }").len(), 1);
    assert_eq!(faults("src/clock.rs", "fn f() { Instant::now(); }").len(), 0);
}

#[test]
fn banned_words_are_found() {
    for text in ["unsafe fn f() {}", "fn f() { todo!() }", "#[ignore]", "// XX\u{58}", "// FIX\u{4d}E: x", "fn f() {} "]
    {
        assert_eq!(check("tests/a.rs", text, false).len(), 1, "{text}");
    }
    for text in
        ["// how unsafe, todo!", "const A: &str = r#\"unsafe \"# ;", "#![forbid(unsafe_code)]", "let c = '\"'; // x"]
    {
        assert_eq!(check("tests/a.rs", text, false).len(), 0, "{text}");
    }
    assert_eq!(check("src/base/a.rs", "fn f() {}\n", false).len(), 1, "no paragraph at the top");
    assert_eq!(check("tests/a.rs", "fn f() {}\n", false).len(), 0);
}

#[test]
fn caps_hold() {
    let function =
        |lines: usize| format!("fn long(a: [u8; 4]) {{\n{}}}", "    f('{', '\\'', \"}\");\n".repeat(lines - 2));
    assert_eq!(faults("src/base/a.rs", &function(FUNCTION_CAP)).len(), 0);
    assert_eq!(faults("src/base/a.rs", &function(FUNCTION_CAP + 1)).len(), 1);
    assert_eq!(faults("benches/peers/src/a.rs", &function(FUNCTION_CAP + 1)).len(), 1);
    assert_eq!(faults("benches/peers/src/a.rs", "use std::fs;\nuse crate::host::b;").len(), 0);
    let file = "const A: u8 = 1;\n".repeat(FILE_CAP - 1);
    assert_eq!(faults("src/base/a.rs", file.trim_end()).len(), 0);
    assert_eq!(faults("src/base/a.rs", &file).len(), 1);
    let tests = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{file}{}\n}}", function(FUNCTION_CAP + 1));
    assert_eq!(faults("src/base/a.rs", &tests).len(), 0);
    let trait_only =
        format!("trait A {{\n    fn declared(&self);\n{}}}", "    const A: u8 = 1;\n".repeat(FUNCTION_CAP));
    assert_eq!(faults("src/base/a.rs", &trait_only).len(), 0);
}

#[test]
fn test_modules_may_be_siblings() {
    let text = "fn f() {}\n\n#[cfg(test)]\nmod tests;\n";
    assert!(test_siblings("src/road/gate.rs", text).contains(&"src/road/gate/tests.rs".to_owned()));
    assert!(test_siblings("src/road/mod.rs", text).contains(&"src/road/tests.rs".to_owned()));
    let text = "#[cfg(test)]\n#[path = \"gate_tests.rs\"]\nmod tests;\n";
    assert_eq!(test_siblings("src/road/gate.rs", text), ["src/road/gate_tests.rs"]);
    assert_eq!(test_siblings("src/road/gate.rs", "mod parts;\n"), Vec::<String>::new());
    assert_eq!(check("src/road/gate/tests.rs", "//! Tests.\nuse std::fs;\n", true).len(), 0);
}
