//! What goes wrong before a key is touched: usage, settings, directories.

mod desk;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use desk::Desk;

#[test]
fn usage() {
    let desk = Desk::staffed();
    for args in ["", "frob", "accept", "reject", "delete", "accept --all web1", "list --frob", "gen --force --force"] {
        let (out, err, code) = desk.run(args);
        assert_eq!((out.as_str(), code), ("", 2), "{args}");
        assert!(err.contains("Usage: estate-keys"), "{args}: {err}");
    }
    for args in ["--help", "accept --help", "--version"] {
        let (out, err, code) = desk.run(args);
        assert_eq!((err.as_str(), code), ("", 0), "{args}");
        assert!(out.contains("estate-keys"), "{args}: {out}");
    }
}

#[test]
fn settings() {
    let desk = Desk::staffed();
    let file = desk.dir.path().join("settings");
    let config = format!("-c {} list", file.display());
    let (_, err, code) = desk.run(&config);
    assert!(err.starts_with("estate-keys: cannot read the settings ROOT/settings: "), "{err}");
    assert_eq!(code, 2);
    fs::write(&file, "id: m\npki_dri: x\n").unwrap();
    let sentence = "estate-keys: ROOT/settings:2: unknown setting 'pki_dri'; did you mean 'pki_dir'?\n";
    desk.expect(&config, "", sentence, 2);
    fs::write(&file, "id: m\npki_dir: elsewhere\nfile_roots: {}\n").unwrap();
    let sentence = "estate-keys: no keys at ROOT/elsewhere: start the master once, or name its settings with -c FILE\n";
    desk.expect(&config, "", sentence, 2);
    fs::rename(desk.pki(), desk.dir.path().join("elsewhere")).unwrap();
    let (out, err, code) = desk.run(&config);
    assert_eq!((out.lines().count(), err.as_str(), code), (9, "", 0));
}

#[test]
fn listing_creates_nothing() {
    let desk = Desk::empty();
    let sentence = "estate-keys: no keys at ROOT/etc/roadstead/pki/master: start the master once, or name its settings with -c FILE\n";
    desk.expect("list", "", sentence, 2);
    assert!(!desk.pki().exists());
}

#[test]
fn directories_others_may_write() {
    let desk = Desk::staffed();
    fs::set_permissions(desk.pki().join("accepted"), fs::Permissions::from_mode(0o777)).unwrap();
    let path = "ROOT/etc/roadstead/pki/master/accepted";
    let sentence = format!("estate-keys: {path}: others may change it (mode 0777); run `chmod 700 {path}`\n");
    desk.expect("list", "", &sentence, 2);
}

#[test]
fn a_reader_that_leaves_is_fine() {
    let desk = Desk::staffed();
    let command = format!("{} --root-dir {} list", env!("CARGO_BIN_EXE_estate-keys"), desk.dir.path().display());
    let script = format!("set -o pipefail; {{ sleep 0.2; {command}; }} | true");
    let status = std::process::Command::new("bash").args(["-c", &script]).status().unwrap();
    assert_eq!(status.code(), Some(0));
}
