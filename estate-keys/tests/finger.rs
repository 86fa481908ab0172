//! `estate-keys finger`: what an operator compares before accepting.

#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, finger};
use roadstead::base::{Name, Random};
use roadstead::keep::OwnKeys;
use serde_json::{Value, json};

/// Staffed, with our own key; its fingerprint.
fn with_own() -> (Desk, String) {
    let desk = Desk::staffed();
    let own = OwnKeys::generate(&mut Random::from_number(7));
    desk.store().create_own_keys(&own, false).unwrap();
    let print = own.public(Name::new("m").unwrap()).fingerprint().to_string();
    (desk, print)
}

#[test]
fn everything_and_our_own() {
    let (desk, own) = with_own();
    let out = format!(
        "Local Keys:\nm:  {own}\nAccepted Keys:\ndb1:  {}\nweb1:  {}\nUnaccepted Keys:\ndb2:  {}\nweb2:  {}\nweb3:  {}\n\
         Rejected Keys:\nold1:  {}\n",
        finger("db1"),
        finger("web1"),
        finger("db2"),
        finger("web2"),
        finger("web3"),
        finger("old1")
    );
    desk.expect("finger", &out, "", 0);
}

#[test]
fn some() {
    let (desk, own) = with_own();
    let web2 = format!("Unaccepted Keys:\nweb2:  {}\n", finger("web2"));
    desk.expect("finger web2", &web2, "", 0);
    desk.expect("finger --own", &format!("Local Keys:\nm:  {own}\n"), "", 0);
    desk.expect("finger --own web2", &format!("Local Keys:\nm:  {own}\n{web2}"), "", 0);
    desk.expect("finger x?", "", "estate-keys: no key matches 'x?'\n", 1);
}

#[test]
fn json() {
    let (desk, own) = with_own();
    let (out, err, code) = desk.run("finger --json --own web2");
    assert_eq!((err.as_str(), code), ("", 0));
    let wanted = json!({
        "local": {"name": "m", "fingerprint": own},
        "accepted": [],
        "unaccepted": [{"name": "web2", "fingerprint": finger("web2")}],
        "rejected": [],
    });
    assert_eq!(out.parse::<Value>().unwrap(), wanted);
    let (out, _, code) = Desk::staffed().run("finger --json web2");
    assert_eq!((out.parse::<Value>().unwrap().get("local"), code), (Some(&Value::Null), 0));
}

#[test]
fn no_key_yet() {
    let desk = Desk::staffed();
    let sentence = "estate-keys: no own key yet: start the master once, or run `estate-keys gen`\n";
    desk.expect("finger --own", "", sentence, 1);
    let (out, err, code) = desk.run("finger");
    assert!(out.starts_with("Accepted Keys:\ndb1:  "), "{out}");
    assert_eq!((err.as_str(), code), ("", 0));
}
