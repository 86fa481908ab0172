//! `estate-keys gen`: our own key, once.

mod desk;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use desk::Desk;

#[test]
fn made_once() {
    let desk = Desk::empty();
    let (out, err, code) = desk.run("gen");
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.starts_with("Local Keys:\nm:  ") && out.len() == 16 + 95 + 1, "{out}");
    desk.expect("finger --own", &out, "", 0);

    let path = desk.pki().join("local.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let sentence =
        "estate-keys: ROOT/etc/roadstead/pki/master/local.key: there is a key already; replace it with --force\n";
    desk.expect("gen", "", sentence, 2);
    desk.expect("finger --own", &out, "", 0);

    let (other, err, code) = desk.run("gen --force");
    assert_eq!((err.as_str(), code), ("", 0));
    assert_ne!(other, out);
    desk.expect("finger --own", &other, "", 0);
}

#[test]
fn a_key_others_may_read_is_not_used() {
    let desk = Desk::empty();
    desk.run("gen");
    fs::set_permissions(desk.pki().join("local.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let path = "ROOT/etc/roadstead/pki/master/local.key";
    let sentence = format!("estate-keys: {path}: others may read it (mode 0644); run `chmod 600 {path}`\n");
    desk.expect("finger", "", &sentence, 2);
}

#[test]
fn a_minion_has_its_own() {
    let desk = Desk::empty();
    fs::write(desk.dir.path().join("etc/roadstead/minion"), "id: web1\nmaster: m\n").unwrap();
    let (out, _, code) = desk.run("--minion gen");
    assert!(out.starts_with("Local Keys:\nweb1:  "), "{out}");
    assert_eq!(code, 0);
    desk.expect("finger --own --minion", &out, "", 0);
    assert!(desk.dir.path().join("etc/roadstead/pki/minion/local.key").exists());
}
