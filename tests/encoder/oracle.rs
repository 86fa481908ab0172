//! The model's judge: what our roads send, parsed by the Python itself, and handed through Salt's own routers where
//! Python 2.7 takes a Salt 2018.3. Skips loudly without a Python.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use roadstead::wire::v0::{BodyKind, HeadKind};
use serde_json::{Value, json};

use crate::feed::any_message;
use crate::kit::salt;
use crate::python::{Python, python, say};
use crate::seat::{Seat, Side};

/// Every Python there is to ask: the one of the interop tests, and a Salt's.
fn judges() -> Vec<(String, Command)> {
    let name = |what: &str, python: &Python| format!("{what}, Python {}", python.version);
    let judge = |what, python: &Python| (name(what, python), python.script("tests/interop/oracle.py"));
    [("RAET 0.6.8", python()), ("Salt", salt())]
        .into_iter()
        .filter_map(|(what, found)| Some(judge(what, found?)))
        .collect()
}

fn ask(command: &mut Command, lines: &[Value]) -> Value {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn reader(side: Side) -> &'static str {
    match side {
        Side::Minion => "minion",
        Side::Master => "master",
        Side::Raet => "raet",
    }
}

/// What a few thousand messages of every kind became on the wire.
fn sent() -> (Vec<Value>, usize) {
    let mut runner = TestRunner::deterministic();
    let (mut lines, mut bodies) = (Vec::new(), 0);
    for round in 0..8 {
        let kinds = if round % 4 == 3 { BodyKind::Json } else { BodyKind::Msgpack };
        let heads = if round % 2 == 1 { HeadKind::Json } else { HeadKind::Raet };
        for side in [Side::Minion, Side::Master, Side::Raet] {
            let mut seat = Seat::new(side, kinds, heads);
            for ticket in 0..120 {
                seat.send(ticket, any_message().new_tree(&mut runner).unwrap().current());
            }
            seat.run();
            bodies += seat.client.bodies.len();
            lines.push(json!({
                "reader": reader(side),
                "verify": hex::encode(seat.client.peer.as_ref().unwrap().verify.as_bytes()),
                "secret": hex::encode(seat.client.short.bytes()),
                "short": hex::encode(seat.client.their_short.unwrap().as_bytes()),
            }));
            lines.extend(seat.datagrams.iter().map(|datagram| json!({"packet": hex::encode(datagram)})));
        }
    }
    (lines, bodies)
}

#[test]
fn python_takes_all_that_leaves() {
    let judges = judges();
    if judges.is_empty() {
        return;
    }
    let (lines, bodies) = sent();
    for (name, mut command) in judges {
        let verdict = ask(&mut command, &lines);
        let faults = verdict["faults"].as_array().unwrap();
        for fault in faults.iter().take(3) {
            say(&format!("{}\n{}", fault["said"], fault["error"].as_str().unwrap()));
        }
        assert!(faults.is_empty(), "{name}: {} faults", faults.len());
        assert_eq!(verdict["bodies"], json!(bodies), "{name}");
        say(&format!("{name}: {} packets, {bodies} messages, salt: {}", verdict["packets"], verdict["salt"]));
    }
}

/// It is a judge: what is known to end a process is found out.
#[test]
fn python_raises_on_what_must_not_leave() {
    let bad = |reader: &str, bodies: &[Vec<u8>]| {
        let mut lines = vec![json!({"reader": reader})];
        lines.extend(bodies.iter().map(|body| json!({"body": hex::encode(body), "bk": 3})));
        lines
    };
    let pack = |value: Value| rmp_serde::to_vec_named(&value).unwrap();
    let raw = [
        b"\x91\x01".to_vec(),
        b"\x81\xa1a\xa1\xff".to_vec(),
        b"\x80\x80".to_vec(),
        b"\x81\x90\x01".to_vec(),
        b"\x81\x80\x01".to_vec(),
        b"\x81\xa1a\xd4\xff\x00".to_vec(),
        b"\x81\xa1a".to_vec(),
    ];
    let route = json!({"src": ["m_master", null, null], "dst": ["web1_minion", "channel1", null]});
    let mut binary = pack(json!({"route": route, "return": 0}));
    binary.pop();
    binary.extend_from_slice(b"\xc4\x01\xff");
    let any_salt = [pack(json!({"load": {}})), pack(json!({"route": {"src": ["a", null, null]}})), binary];
    let fun = json!({"src": ["m_master", null, null], "dst": ["web1_minion", null, "fun"]});
    let job =
        |tgt: Value, kind: &str| json!({"fun": "f.f", "jid": "1", "arg": [], "ret": "", "tgt": tgt, "tgt_type": kind});
    let minion = [
        pack(json!({"route": fun})),
        pack(json!({"route": fun, "pub": {"fun": "test.ping"}})),
        pack(json!({"route": fun, "pub": job(json!("[z-a]*"), "glob")})),
        pack(json!({"route": fun, "pub": job(json!("("), "pcre")})),
        pack(json!({"route": fun, "pub": job(json!("*"), "no_such")})),
    ];
    let remote = json!({"src": ["web1_minion", null, null], "dst": ["m_master", null, "remote_cmd"]});
    let master = [
        pack(json!({"route": remote, "load": 7})),
        pack(json!({"route": remote, "load": {"cmd": 7}})),
        pack(json!({"route": remote, "load": {"cmd": "été"}})),
        pack(json!({"route": remote, "load": {"cmd": "opts"}})),
    ];
    for (name, mut command) in judges() {
        let has_salt = name.starts_with("Salt");
        let mut lines = bad("raet", &raw);
        lines.extend(bad("minion", &any_salt));
        let mut count = raw.len() + any_salt.len();
        if has_salt {
            lines.extend(bad("minion", &minion));
            lines.extend(bad("master", &master));
            count += minion.len() + master.len();
        }
        let verdict = ask(&mut command, &lines);
        assert_eq!(verdict["faults"].as_array().unwrap().len(), count, "{name}: {verdict:#}");
        assert_eq!(verdict["salt"], json!(has_salt));
    }
}
