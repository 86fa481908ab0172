//! `estate-keys token`: a token is shown once, listed without its secret, for whom and how long, and deleted by id or text.

#![allow(clippy::unwrap_used)]

mod desk;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use desk::Desk;
use roadstead::keep::Token;

fn new(desk: &Desk, args: &str) -> (String, Token) {
    let (out, errors, code) = desk.run(&format!("token new {args}"));
    assert_eq!((errors.as_str(), code), ("", 0));
    let token = out.parse().unwrap();
    (out.trim().to_owned(), token)
}

#[test]
fn made_listed_deleted() {
    let desk = Desk::empty();
    let (text, token) = new(&desk, "");
    let (_, other) = new(&desk, "web1 --ttl 90d");
    let file = desk.pki().join("tokens").join(token.name());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (out, errors, code) = desk.run("token list");
    let mut lines: Vec<_> = out.lines().collect();
    lines.sort_by_key(|line| !line.contains("anybody"));
    let wanted = [format!("{}  anybody  23 h left", token.name()), format!("{}  web1  89 days left", other.name())];
    let full = wanted.clone().map(|line| line.replace("23 h", "24 h").replace("89 days", "90 days"));
    assert!(lines == wanted || lines == full, "{lines:?}");
    assert_eq!((errors.as_str(), code), ("", 0));
    let secret = text.rsplit('-').next().unwrap();
    assert!(!out.contains(secret) && !desk.run("token list --json").0.contains(secret), "a secret is listed");
    desk.expect(&format!("token delete {text}"), &format!("Token {} deleted.\n", token.name()), "", 0);
    let none = "estate-keys: no such token; `estate-keys token list` shows them\n";
    desk.expect(&format!("token delete {text}"), "", none, 1);
    desk.expect("token delete ../local.key", "", none, 1);
    desk.expect(&format!("token delete {}", other.name()), &format!("Token {} deleted.\n", other.name()), "", 0);
    desk.expect("token list", "", "", 0);
}

#[test]
fn as_json() {
    let desk = Desk::empty();
    let (_, token) = new(&desk, "db1 --ttl 1h");
    let (out, ..) = desk.run("token list --json");
    let entry: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(entry["token"], token.name());
    assert_eq!((&entry["for"], &entry["expired"]), (&"db1".into(), &false.into()));
}

#[test]
fn refusals() {
    let desk = Desk::staffed();
    let (_, errors, code) = desk.run("token new --ttl soon");
    assert!(code == 2 && errors.contains("not a time such as 30m, 24h or 7d"), "{errors}");
    let (_, errors, code) = desk.run("token new a/b");
    assert!(code == 2 && errors.contains("a/b"), "{errors}");
    fs::write(desk.dir.path().join("etc/roadstead/minion"), "id: web1\nmaster: m\n").unwrap();
    let (_, errors, code) = desk.run("--minion token new");
    assert!(code == 2 && errors.contains("run this there, without --minion"), "{errors}");
    fs::write(desk.pki().join("tokens/00"), "nonsense").unwrap();
    let (out, errors, code) = desk.run("token list");
    assert_eq!((out.as_str(), code), ("", 0));
    assert!(errors.contains("warning: ROOT/etc/roadstead/pki/master/tokens/00"), "{errors}");
}
