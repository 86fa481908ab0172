//! `estate-keys list`: three sections, sorted, as text and JSON.

mod desk;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use desk::{Desk, finger};
use roadstead::base::Name;
use roadstead::keep::{Change, RemoteRecord, Store};
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
    let empty = "{\n  \"accepted\": [],\n  \"unaccepted\": [],\n  \"rejected\": []\n}\n";
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
        "Accepted Keys:\ndb1   {}  unknown\nUnaccepted Keys:\ndb2   {}\nRejected Keys:\nold1  {}\n",
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
    let met = |role, wire| json!({"name": role, "fingerprint": finger(role), "wire": wire});
    let wanted = json!({
        "accepted": [met("db1", "unknown"), met("web1", "unknown")],
        "unaccepted": [entry("db2"), entry("web2"), entry("web3")],
        "rejected": [entry("old1")],
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
        "Accepted Keys:\ndb1   {}  classic\nweb1  {}  fast\nweb2  {}  unknown\nUnaccepted Keys:\nRejected Keys:\n",
        finger("db1"),
        finger("web1"),
        finger("web2")
    );
    desk.expect("list -l db1 web1 web2", &out, "", 0);
    desk.expect("delete -y web1", "Key of web1 deleted.\n", "", 0);
    assert!(store.fast().unwrap().0.is_empty());
}
