//! Live Python RAET 0.6.8: our estate and a real road stack join, allow and exchange messages, each side beginning.
//!
//! Needs Python 3.6, 2.7 or 3.7 (as `pyenv` installs them) and libsodium; installs RAET itself under `target`.

#![cfg(test)]
#![cfg(feature = "daemon")]

use std::path::Path;
use std::time::Duration;

use roadstead::base::Acceptance;
use roadstead::road::{Config, Trust};
use roadstead::transport::{Event, Refusal};
use roadstead::wire::v0::{BodyKind, HeadKind};
use serde_json::{Value, json};

use ours::{Ours, settings};
use python::{Peer, Python, digest, python, say, text};

#[path = "interop/ours.rs"]
mod ours;
#[path = "interop/python.rs"]
mod python;

/// Sizes of the messages, bytes.
const SIZES: [usize; 4] = [1, 1_000, 100_000, 5_000_000];
/// Longer than anything but a large message takes.
const SHORT: Duration = Duration::from_secs(20);
/// For 5 MB, which Python takes 2 to 3 seconds for when the machine is quiet.
const LONG: Duration = Duration::from_secs(60);

/// The harness itself: what fails here is no fault of ours.
#[test]
fn python_talks_to_python() {
    let Some(python) = python() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut main = Peer::start(python, stack(home.path(), "alpha", json!({"main": true, "auto": "always"})));
    let mut other = Peer::start(python, stack(home.path(), "beta", json!({"auto": "always"})));
    other.tell(&json!({"do": "join", "port": main.port}));
    other.wait("join", SHORT, |peer| peer.has("alpha", "joined"));
    other.tell(&json!({"do": "allow"}));
    other.wait("allow", SHORT, |peer| peer.has("alpha", "allowed"));
    main.wait("allow", SHORT, |peer| peer.has("beta", "allowed"));
    // A large message between two Pythons takes its time and proves nothing of ours.
    for size in &SIZES[..3] {
        for tag in ["down", "up"] {
            let before = main.delivered();
            main.tell(&json!({"do": "send", "size": size, "tag": tag}));
            let digest = digest(&text(tag, *size));
            other.wait("message", LONG, |peer| peer.received(&digest));
            main.wait("delivery", SHORT, |peer| peer.delivered() > before);
            // The other way next; after two turns each is where it was.
            std::mem::swap(&mut main, &mut other);
        }
    }
    main.stop();
    other.stop();
}

#[test]
fn we_begin_msgpack() {
    we_begin("msgpack", "raet");
}

#[test]
fn we_begin_json() {
    we_begin("json", "raet");
}

#[test]
fn we_begin_json_heads() {
    we_begin("msgpack", "json");
    we_begin("json", "json");
}

#[test]
fn they_begin_msgpack() {
    they_begin("msgpack", "raet");
}

#[test]
fn they_begin_json() {
    they_begin("json", "raet");
}

#[test]
fn they_begin_json_heads() {
    they_begin("msgpack", "json");
    they_begin("json", "json");
}

/// Our key waits on their side, an operator accepts it there, ours accepts theirs, then messages flow.
#[test]
fn our_key_waits_for_them() {
    let Some(python) = python() else { return };
    let home = tempfile::tempdir().unwrap();
    // As Salt sets it: who waits for an operator is not turned away.
    let more = json!({"main": true, "auto": "never", "patience": 0.0});
    let mut peer = Peer::start(python, stack(home.path(), "theirs", more));
    let mut ours = Ours::start(settings("ours", Some(peer.port)));
    ours.run(&mut peer, "refusal", SHORT, |ours, peer| {
        let pending = |event: &Event| matches!(event, Event::Refused { why: Refusal::Pending, .. });
        ours.events.iter().any(pending) && peer.saw("remote", |said| said["acceptance"] == "pending")
    });
    peer.tell(&json!({"do": "accept", "role": "ours"}));
    // Now theirs waits for our operator.
    knock(&mut ours, &mut peer);
    assert!(!ours.is_joined("theirs"));
    ours.admit("theirs", Some(Acceptance::Accepted));
    together(&mut ours, &mut peer);
    exchange(&mut ours, &mut peer, "after", &[1_000]);
    peer.stop();
}

/// Their key waits on our side, our operator accepts it, then messages flow; forgetting it ends the session.
#[test]
fn their_key_waits_for_us() {
    let Some(python) = python() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut ours = Ours::start(settings("ours", None));
    let mut peer = Peer::start(python, stack(home.path(), "theirs", json!({"auto": "once"})));
    peer.tell(&json!({"do": "join", "port": ours.port(), "timeout": 0}));
    knock(&mut ours, &mut peer);
    assert!(!peer.has("ours", "joined"));
    ours.admit("theirs", Some(Acceptance::Accepted));
    ours.run(&mut peer, "join", SHORT, |_, peer| peer.has("ours", "joined"));
    peer.tell(&json!({"do": "allow"}));
    together(&mut ours, &mut peer);
    exchange(&mut ours, &mut peer, "after", &[1_000]);
    ours.admit("theirs", Some(Acceptance::Rejected));
    ours.run(&mut peer, "end", SHORT, |ours, _| !ours.is_joined("theirs"));
    peer.tell(&json!({"do": "join", "peer": "ours"}));
    ours.run(&mut peer, "rejection", SHORT, |_, peer| peer.saw("gone", |said| said["peer"] == "ours"));
    peer.stop();
}

/// A Python stack we dialled ends and starts again with what it kept: we find our way back without a word from it.
#[test]
fn they_restart_and_we_come_back() {
    let Some(python) = python() else { return };
    let home = tempfile::tempdir().unwrap();
    let peer = Peer::start(python, stack(home.path(), "theirs", json!({"main": true, "auto": "always"})));
    let port = peer.port;
    let mut ours = Ours::start(trusting("ours", Some(port)));
    let mut peer = peer;
    together(&mut ours, &mut peer);
    exchange(&mut ours, &mut peer, "before", &[1_000]);
    peer.stop();
    let again = json!({"main": true, "auto": "always", "port": port});
    let mut peer = Peer::start(python, stack(home.path(), "theirs", again));
    ours.run(&mut peer, "new session", LONG, |ours, peer| ours.is_joined("theirs") && peer.has("ours", "allowed"));
    exchange(&mut ours, &mut peer, "after", &[1_000]);
    peer.stop();
}

/// A Python stack that joined us ends, starts again and joins as the estate it was.
#[test]
fn they_restart_and_come_back() {
    let Some(python) = python() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut ours = Ours::start(trusting("ours", None));
    let mut peer = Peer::start(python, stack(home.path(), "theirs", json!({"auto": "always"})));
    let port = peer.port;
    join(&mut ours, &mut peer, None);
    exchange(&mut ours, &mut peer, "before", &[1_000]);
    peer.stop();
    let mut peer = Peer::start(python, stack(home.path(), "theirs", json!({"auto": "always", "port": port})));
    join(&mut ours, &mut peer, Some("ours"));
    exchange(&mut ours, &mut peer, "after", &[1_000]);
    peer.stop();
}

/// We end and start again with our disk: a stack that joined us is asked for a new session.
#[test]
fn we_restart_and_come_back() {
    let Some(python) = python() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut ours = Ours::start(trusting("ours", None));
    let mut peer = Peer::start(python, stack(home.path(), "theirs", json!({"auto": "always"})));
    join(&mut ours, &mut peer, None);
    exchange(&mut ours, &mut peer, "before", &[1_000]);
    ours.restart();
    ours.run(&mut peer, "new session", LONG, |ours, peer| ours.is_joined("theirs") && peer.has("ours", "allowed"));
    exchange(&mut ours, &mut peer, "after", &[1_000]);
    peer.stop();
}

fn we_begin(body: &str, head: &str) {
    let Some(python) = suitable(head) else { return };
    let home = tempfile::tempdir().unwrap();
    let more = json!({"main": true, "auto": "always", "body": body, "head": head});
    let mut peer = Peer::start(python, stack(home.path(), "theirs", more));
    let mut ours = Ours::start(Config { main: false, ..kinds(trusting("ours", Some(peer.port)), body, head) });
    together(&mut ours, &mut peer);
    exchange(&mut ours, &mut peer, "all", &SIZES);
    peer.stop();
}

fn they_begin(body: &str, head: &str) {
    let Some(python) = suitable(head) else { return };
    let home = tempfile::tempdir().unwrap();
    let mut ours = Ours::start(kinds(trusting("ours", None), body, head));
    let more = json!({"auto": "always", "body": body, "head": head});
    let mut peer = Peer::start(python, stack(home.path(), "theirs", more));
    join(&mut ours, &mut peer, None);
    exchange(&mut ours, &mut peer, "all", &SIZES);
    peer.stop();
}

/// raet under Python 2.7 writes json heads that are not JSON; there they are left out.
fn suitable(head: &str) -> Option<&'static Python> {
    let python = python()?;
    let is_suitable = head == "raet" || python.writes_json_heads();
    if !is_suitable {
        say("\n*** SKIPPED: json heads, which raet under Python 2.7 writes wrongly ***\n");
    }
    is_suitable.then_some(python)
}

fn stack(home: &Path, name: &str, more: Value) -> Value {
    let mut settings = more;
    settings["name"] = json!(name);
    settings["dir"] = json!(home.join(name).display().to_string());
    settings
}

fn trusting(own: &str, dial: Option<u16>) -> Config {
    Config { trust: Trust::Always, ..settings(own, dial) }
}

fn kinds(config: Config, body: &str, head: &str) -> Config {
    let body_kind = if body == "json" { BodyKind::Json } else { BodyKind::Msgpack };
    let head_kind = if head == "json" { HeadKind::Json } else { HeadKind::Raet };
    Config { body_kind, head_kind, ..config }
}

/// They join us, as an estate they know or as a stranger, and allow.
fn join(ours: &mut Ours, peer: &mut Peer, known: Option<&str>) {
    peer.tell(&match known {
        Some(name) => json!({"do": "join", "peer": name}),
        None => json!({"do": "join", "port": ours.port()}),
    });
    ours.run(peer, "join", SHORT, |_, peer| peer.has("ours", "joined"));
    peer.tell(&json!({"do": "allow"}));
    together(ours, peer);
}

fn knock(ours: &mut Ours, peer: &mut Peer) {
    ours.run(peer, "knock", SHORT, |ours, _| {
        ours.events.iter().any(|event| matches!(event, Event::Knock { role, .. } if role.as_str() == "theirs"))
    });
}

fn together(ours: &mut Ours, peer: &mut Peer) {
    ours.run(peer, "session", SHORT, |ours, peer| {
        ours.is_joined("theirs") && peer.has("ours", "joined") && peer.has("ours", "allowed")
    });
}

/// A message of each size, each way; each arrives whole and once, and its sender is told.
fn exchange(ours: &mut Ours, peer: &mut Peer, tag: &str, sizes: &[usize]) {
    for size in sizes {
        let (there, back) = (text(&format!("{tag} there"), *size), text(&format!("{tag} back"), *size));
        let (ticket, digest) = (ours.send("theirs", &there), digest(&there));
        ours.run(peer, "message to them", LONG, |ours, peer| peer.received(&digest) && ours.is_delivered(ticket));
        let before = peer.delivered();
        peer.tell(&json!({"do": "send", "size": size, "tag": format!("{tag} back")}));
        ours.run(peer, "message to us", LONG, |ours, peer| peer.delivered() > before && ours.received("theirs", &back));
    }
}
