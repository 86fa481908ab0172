//! `estate-keys list`: three sections, sorted, as text and JSON.

// In tests an unwrap is a demand.
#![allow(clippy::unwrap_used)]

mod desk;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use desk::{Desk, finger, key};
use roadstead::base::Name;
use roadstead::keep::journal::Kind;
use roadstead::keep::{Change, Journal, Note, RemoteRecord, Store, Trouble, Wire};
use serde_json::{Value, json};

const ALL: &str = "\
Accepted Keys:
db1
web1
Unaccepted Keys:
db2
web2
web3
Rejected Keys:
old1
";

#[test]
fn everything() {
    Desk::staffed().expect("list", ALL, "", 0);
}

#[test]
fn nothing() {
    let desk = Desk::empty();
    desk.store();
    desk.expect("list", "Accepted Keys:\nUnaccepted Keys:\nRejected Keys:\n", "", 0);
    let empty = "{\n  \"accepted\": [],\n  \"unaccepted\": [],\n  \"rejected\": [],\n  \"trouble\": []\n}\n";
    desk.expect("list --json", empty, "", 0);
}

#[test]
fn some() {
    let desk = Desk::staffed();
    let out = "Accepted Keys:\nweb1\nUnaccepted Keys:\nweb2\nweb3\nRejected Keys:\nold1\n";
    desk.expect("list web* old1", out, "", 0);
    desk.expect("list nosuch", "", "estate-keys: no key of 'nosuch'\n", 1);
    desk.expect("list x*", "", "estate-keys: no key matches 'x*'\n", 1);
    let out = "Accepted Keys:\ndb1\nUnaccepted Keys:\nRejected Keys:\n";
    desk.expect("list db1 x*", out, "estate-keys: no key matches 'x*'\n", 1);
}

#[test]
fn fingerprints() {
    let desk = Desk::staffed();
    let out = format!(
        "Accepted Keys:\ndb1   {}  never met\nUnaccepted Keys:\ndb2   {}\nRejected Keys:\nold1  {}\n",
        finger("db1"),
        finger("db2"),
        finger("old1")
    );
    desk.expect("list --long db* old*", &out, "", 0);
}

#[test]
fn json() {
    let (out, err, code) = Desk::staffed().run("list --json");
    assert_eq!((err.as_str(), code), ("", 0));
    let entry = |role| json!({"name": role, "fingerprint": finger(role)});
    let met = |role| json!({"name": role, "fingerprint": finger(role), "wire": null, "here": false, "seen": null});
    let wanted = json!({
        "accepted": [met("db1"), met("web1")],
        "unaccepted": [entry("db2"), entry("web2"), entry("web3")],
        "rejected": [entry("old1")],
        "trouble": [],
    });
    assert_eq!(out.parse::<Value>().unwrap(), wanted);
    assert!(out.starts_with("{\n  \"accepted\": [\n"), "{out}");
}

#[test]
fn broken_files_are_told_of() {
    let desk = Desk::staffed();
    let torn = desk.pki().join("pending/torn");
    fs::write(&torn, "x").unwrap();
    fs::set_permissions(&torn, fs::Permissions::from_mode(0o600)).unwrap();
    let warning = "estate-keys: warning: ROOT/etc/roadstead/pki/master/pending/torn: not a key file (a msgpack map of texts); \
                   move it away or restore it from a backup\n";
    desk.expect("list", ALL, warning, 0);
}

#[test]
fn wires() {
    let desk = Desk::staffed();
    let estates = desk.dir.path().join("var/cache/roadstead/master/raet/m_master");
    let store = Store::open(&desk.pki(), Some(&estates)).unwrap();
    store.apply(&Change::Fast(Name::new("web1").unwrap())).unwrap();
    let (name, role) = (Name::new("db1_minion").unwrap(), Name::new("db1").unwrap());
    let ha = "127.0.0.1:4510".parse().unwrap();
    let record = RemoteRecord { name, role, nuid: 2, fuid: 2, ha, sid: 1, main: false, kind: 1, joined: Some(true) };
    store.apply(&Change::Remote(record)).unwrap();
    desk.expect("accept web2", "Key of web2 accepted.\n", "", 0);
    let out = format!(
        "Accepted Keys:\ndb1   {}  classic\nweb1  {}  fast\nweb2  {}  never met\nUnaccepted Keys:\nRejected Keys:\n",
        finger("db1"),
        finger("web1"),
        finger("web2")
    );
    desk.expect("list -l db1 web1 web2", &out, "", 0);
    desk.expect("delete -y web1", "Key of web1 deleted.\n", "", 0);
    assert!(store.fast().unwrap().0.is_empty());
}

/// A journal as a daemon left it some minutes ago, with one minion there and one gone.
fn noted(desk: &Desk, minutes: u64) -> Journal {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() - 60 * minutes;
    let name = |text| Name::new(text).unwrap();
    let from = |port| ([10, 0, 0, 9], port).into();
    let mut journal = Journal { as_of: now, ..Journal::default() };
    journal.note(now, Note::Met { role: name("web1"), wire: Wire::Classic, from: from(1) });
    journal.note(now - 7200, Note::Met { role: name("db1"), wire: Wire::Fast, from: from(2) });
    journal.left(now - 7200, &name("db1"));
    let clash = Trouble::clash(name("web1"), key("web1").fingerprint(), key("web2").fingerprint());
    journal.note(now - 3600, Note::Trouble(clash.clone()));
    journal.note(now, Note::Trouble(clash));
    let kind = Kind::Id { shown: "web\u{1b} 1".to_owned() };
    journal.note(now, Note::Trouble(Trouble { kind, role: None, from: Some(from(4510)) }));
    let estates = desk.dir.path().join("var/cache/roadstead/master/raet/m_master");
    Store::open(&desk.pki(), Some(&estates)).unwrap().write_journal(&journal).unwrap();
    journal
}

#[test]
fn who_was_seen_and_who_is_kept_out() {
    let desk = Desk::staffed();
    noted(&desk, 0);
    let clash = format!(
        "another key than the known one was presented as web1 (known {}, presented {}): if the machine was set up anew, run \
         `estate-keys delete web1` and accept its new key; if not, two machines have this id, and one needs another [2 times, last \
         just now]\n",
        finger("web1"),
        finger("web2")
    );
    let id = "10.0.0.9:4510 calls itself 'web\\u{1b} 1', which is no id: set one there of letters, digits, '.', '_' and '-', at \
              most 64, without leading dot or '..' [just now]\n";
    desk.expect("list", &format!("{ALL}Trouble:\n{clash}{id}"), "", 0);
    let out = format!(
        "Accepted Keys:\ndb1   {}  fast     seen 2 h ago\nweb1  {}  classic  here\n    {clash}Unaccepted Keys:\nRejected Keys:\n",
        finger("db1"),
        finger("web1")
    );
    desk.expect("list --long db1 web1", &out, "", 0);
    let (out, ..) = desk.run("list --long");
    assert!(out.ends_with(&format!("Trouble:\n{id}")), "{out}");
    // A daemon that has not written for so long does not run.
    noted(&desk, 5);
    let out =
        format!("Accepted Keys:\ndb1  {}  fast     seen 2 h ago\nUnaccepted Keys:\nRejected Keys:\n", finger("db1"));
    desk.expect("list --long db1", &out, "", 0);
    let (out, ..) = desk.run("list --long web1");
    assert!(out.contains("  classic  seen 5 min ago\n"), "{out}");
}

#[test]
fn the_journal_as_json() {
    let desk = Desk::staffed();
    let journal = noted(&desk, 0);
    let (out, err, code) = desk.run("list --json web1");
    assert_eq!((err.as_str(), code), ("", 0));
    let found = out.parse::<Value>().unwrap();
    let web1 = &found["accepted"][0];
    assert_eq!((&web1["wire"], &web1["here"], &web1["seen"]), (&json!("classic"), &json!(true), &json!(journal.as_of)));
    let trouble = &found["trouble"][0];
    assert_eq!((&trouble["name"], &trouble["count"], &trouble["from"]), (&json!("web1"), &json!(2), &json!(null)));
    assert_eq!(found["trouble"].as_array().unwrap().len(), 1);
}

#[test]
fn a_torn_journal_is_told_of() {
    let desk = Desk::staffed();
    noted(&desk, 0);
    let path = "var/cache/roadstead/master/raet/m_master/journal.json";
    fs::write(desk.dir.path().join(path), "{").unwrap();
    let warning = format!(
        "estate-keys: warning: ROOT/{path}: not a journal (a JSON map); move it away or restore it from a backup\n"
    );
    desk.expect("list", ALL, &warning, 0);
}
