//! `estate-keys import-salt` and `export-salt`, on the files of a real Salt 2018.3.5 fleet: what they print, what they write,
//! and what they refuse.

// In tests an unwrap is a demand.
#![allow(clippy::unwrap_used)]

mod desk;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use desk::{Desk, key};
use roadstead::base::{Acceptance, Name};
use roadstead::keep::{Change, RemoteRecord, Store};

const MASTER: &str = "44:07:7e:93:92:12:9e:2f:52:a4:09:cc:df:70:96:a2:d2:48:61:10:98:de:ba:65:d5:b0:81:73:57:b8:25:b7";
const MINION: &str = "cd:72:8a:29:e7:8a:bc:96:17:2a:df:55:6f:06:3f:6b:77:e0:ac:09:b3:48:e6:ab:1d:6f:77:22:79:4b:47:ac";
const IN: &str = "import-salt ROOT/salt/etc/salt/pki/master";
const OUT: &str = "export-salt ROOT/salt/etc/salt/pki/master";

/// A host where Salt's daemons have stopped, and ours has never run.
fn salted() -> Desk {
    let desk = Desk::empty();
    fs::remove_file(desk.dir.path().join("etc/roadstead/master")).unwrap();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/v0/salt-pki");
    for duty in ["master", "minion"] {
        let pki = desk.dir.path().join("salt/etc/salt/pki").join(duty);
        copy(&vectors.join(duty).join("pki"), &pki);
        copy(&vectors.join(duty).join("raet"), &desk.dir.path().join("salt/var/cache/salt").join(duty).join("raet"));
        chmod(&pki, 0o700);
        chmod(&pki.join("local.key"), 0o400);
    }
    desk
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    chmod(to, 0o755);
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
            chmod(&to, 0o644);
        }
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn pki(desk: &Desk) -> PathBuf {
    desk.dir.path().join("salt/etc/salt/pki/master")
}

/// Our own store, its estates included.
fn ours(desk: &Desk) -> Store {
    let estates = desk.dir.path().join("var/cache/roadstead/master/raet/boss_master");
    Store::open(&desk.pki(), Some(&estates)).unwrap()
}

#[track_caller]
fn expect(desk: &Desk, args: &str, stdout: &str, stderr: &str, code: i32) {
    let root = desk.dir.path().to_str().unwrap();
    let (out, err, found) = desk.run(&args.replace("ROOT", root));
    assert_eq!((out.as_str(), err.as_str(), found), (stdout, stderr, code), "estate-keys {args}");
}

fn imported(done: &str, settings: &str) -> String {
    format!(
        "Settings ROOT/etc/roadstead/master {settings}:\n    # Written by `estate-keys import-salt` from \
         ROOT/salt/etc/salt/pki/master\n    id: boss\n    interface: 127.0.0.1\n    raet_port: 18006\n    wires: [fast, classic]\n\
         Own key of boss {done}: {MASTER}\nKey of salt1x {done}: accepted\nKey of salt1y {done}: accepted\n\
         Key of salt2p {done}: pending\nKey of salt2r {done}: rejected\n4 keys and 2 estates {done}, 0 keys there already.\n"
    )
}

#[test]
fn a_master_moves_in_and_out_again() {
    let desk = salted();
    let would = imported("would be imported", "would be written") + "Nothing was changed.\n";
    expect(&desk, &format!("{IN} --dry-run"), &would, "", 0);
    assert!(!desk.dir.path().join("etc/roadstead/master").exists() && !desk.pki().exists());

    expect(&desk, IN, &imported("imported", "written"), "", 0);
    expect(&desk, IN, "0 keys and 0 estates imported, 4 keys there already.\n", "", 0);
    assert_eq!(desk.standings(), "salt1x accepted, salt1y accepted, salt2p pending, salt2r rejected");
    assert_eq!(fs::metadata(desk.pki().join("local.key")).unwrap().permissions().mode() & 0o777, 0o600);
    let (remotes, errors) = ours(&desk).remotes().unwrap();
    assert!(errors.is_empty());
    let numbers: Vec<_> = remotes.iter().map(|r| (r.name.as_str(), r.nuid, r.fuid, r.sid)).collect();
    assert_eq!(numbers, [("salt1x_minion", 3, 2, 2), ("salt1y_minion", 2, 2, 2)]);
    assert_eq!(ours(&desk).local().unwrap().unwrap().puid, 5);

    // Life goes on here: one is accepted, one comes new, one is met on the fast wire.
    desk.expect("accept salt2p", "Key of salt2p accepted.\n", "", 0);
    ours(&desk).apply(&Change::Role(key("web1"), Acceptance::Accepted)).unwrap();
    ours(&desk).apply(&Change::Fast(Name::new("salt1y").unwrap())).unwrap();
    ours(&desk).apply(&Change::DropRemote(Name::new("salt1y_minion").unwrap())).unwrap();
    ours(&desk).apply(&Change::Remote(RemoteRecord { sid: 44, ..remotes[0].clone() })).unwrap();
    let note = "estate-keys: note: salt1y was met on the fast wire, which Salt does not speak: set `wires: [classic]` there and restart it\n";
    let out = "Key of salt2p exported: accepted\nKey of web1 exported: accepted\n\
               2 keys and 1 estate exported, 3 keys there already.\n";
    expect(&desk, OUT, out, note, 0);
    expect(&desk, OUT, "0 keys and 0 estates exported, 5 keys there already.\n", note, 0);
    let text = fs::read_to_string(
        desk.dir.path().join("salt/var/cache/salt/master/raet/boss_master/remote/estate.salt1x_minion.json"),
    );
    assert!(text.unwrap().contains("\"sid\": 44"));
    // What it was before it came to us would have Salt refuse it.
    assert!(
        !desk.dir.path().join("salt/var/cache/salt/master/raet/boss_master/remote/estate.salt1y_minion.json").exists()
    );
}

#[test]
fn a_minion_keeps_its_key_and_its_master() {
    let desk = salted();
    let out = format!(
        "Settings ROOT/etc/roadstead/minion written:\n    # Written by `estate-keys import-salt` from \
         ROOT/salt/etc/salt/pki/minion\n    id: salt1x\n    raet_port: 18010\n    master: 127.0.0.1\n    master_port: 18006\n    \
         wires: [fast, classic]\nOwn key of salt1x imported: {MINION}\nKey of boss imported: accepted\n\
         1 key and 0 estates imported, 0 keys there already.\n"
    );
    expect(&desk, "--minion import-salt ROOT/salt/etc/salt/pki/minion", &out, "", 0);
    desk.expect("--minion finger --own", &format!("Local Keys:\nsalt1x:  {MINION}\n"), "", 0);
    expect(
        &desk,
        "--minion export-salt ROOT/salt/etc/salt/pki/minion",
        "0 keys and 0 estates exported, 1 key there already.\n",
        "",
        0,
    );
}

#[test]
fn nothing_is_replaced_without_force() {
    let desk = salted();
    desk.run("gen");
    fs::write(desk.dir.path().join("etc/roadstead/master"), "id: boss\nraet_port: 18006\nwires: [classic]\n").unwrap();
    let (shown, ..) = desk.run("finger --own");
    let own = shown.rsplit_once("  ").unwrap().1.trim();
    let sentence = format!(
        "estate-keys: the own key there is another one ({own}, not {MASTER}); with --force Salt's replaces it, and whoever \
         knows it must forget it\n"
    );
    expect(&desk, IN, "", &sentence, 2);
    assert_eq!(desk.standings(), "");

    ours(&desk).apply(&Change::Role(key("salt1x"), Acceptance::Pending)).unwrap();
    let (out, err, code) = desk.run(&format!("{IN} --force").replace("ROOT", desk.dir.path().to_str().unwrap()));
    assert!(
        out.starts_with(&format!("Own key of boss imported: {MASTER}\nKey of salt1x imported: accepted\n")),
        "{out}"
    );
    assert_eq!((err.as_str(), code), ("", 0));

    desk.expect("reject salt1x", "Key of salt1x rejected.\n", "", 0);
    let out = "0 keys and 0 estates imported, 3 keys there already.\n";
    let err = "estate-keys: left as it is: salt1x: accepted here and rejected there; --force changes it\n";
    expect(&desk, IN, out, err, 1);
}

#[test]
fn bad_files_are_named_and_the_rest_moves() {
    let desk = salted();
    fs::rename(pki(&desk).join("accepted/salt1x"), pki(&desk).join("accepted/web\u{1b}[31m1")).unwrap();
    let estates = desk.dir.path().join("salt/var/cache/salt/master/raet/boss_master/remote");
    fs::write(estates.join("estate.salt1y_minion.json"), "{\"name\": \"sal").unwrap();
    let (out, err, code) = desk.run(&IN.replace("ROOT", desk.dir.path().to_str().unwrap()));
    assert!(out.ends_with("3 keys and 0 estates imported, 0 keys there already.\n"), "{out}");
    assert_eq!(code, 1);
    let wanted = "estate-keys: left out: ROOT/salt/etc/salt/pki/master/accepted/web\\u{1b}[31m1: no role or estate can have this \
                  name; move it away\nestate-keys: left out: ROOT/salt/var/cache/salt/master/raet/boss_master/remote/\
                  estate.salt1y_minion.json: not an estate file (a JSON map); move it away or restore it from a backup\n";
    assert_eq!(err, wanted);
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let desk = salted();
    let zeromq = desk.dir.path().join("zeromq");
    fs::create_dir(&zeromq).unwrap();
    fs::write(zeromq.join("master.pem"), "").unwrap();
    let refusals = [
        ("import-salt ROOT/none", "cannot read ROOT/none: No such file or directory (os error 2)"),
        (
            "import-salt ROOT/zeromq",
            "ROOT/zeromq: keys of a Salt daemon on ZeroMQ (master.pem), which RAET cannot use; give the pki_dir of one with \
             `transport: raet`, or start `roadstead` with new keys",
        ),
        (
            "import-salt ROOT/salt/etc",
            "ROOT/salt/etc: no keys of a Salt RAET daemon (there is no local.key); give its pki_dir",
        ),
        (
            "import-salt ROOT/salt/etc/salt/pki/master --cachedir ROOT/zeromq",
            "ROOT/zeromq: no estates there (no directory 'raet'); give Salt's cachedir",
        ),
        (
            "import-salt ROOT/salt/etc/salt/pki/master --cachedir ROOT/salt/var/cache/salt/minion",
            "ROOT/salt/var/cache/salt/minion/raet: estates of a minion, not of a master: add --minion, or give another cachedir",
        ),
        (
            "export-salt ROOT/none",
            "ROOT/none: no such directory; give the pki_dir of Salt's master, and make it if it is new",
        ),
    ];
    copy(&pki(&desk), &desk.dir.path().join("backup"));
    chmod(&desk.dir.path().join("backup/local.key"), 0o400);
    let alone = "Salt's id cannot be told without its estates: give its cachedir with --cachedir, or write `id: NAME` into \
                 ROOT/etc/roadstead/master";
    expect(&desk, "import-salt ROOT/backup", "", &format!("estate-keys: {alone}\n"), 2);
    for (args, sentence) in refusals {
        if args.starts_with("export") {
            desk.run(&IN.replace("ROOT", desk.dir.path().to_str().unwrap()));
        }
        expect(&desk, args, "", &format!("estate-keys: {sentence}\n"), 2);
    }
    chmod(&pki(&desk).join("local.key"), 0o644);
    let path = "ROOT/salt/etc/salt/pki/master/local.key";
    let sentence = format!("estate-keys: {path}: others may read it (mode 0644); run `chmod 600 {path}`\n");
    expect(&desk, IN, "", &sentence, 2);
}

#[test]
fn settings_have_to_agree() {
    let desk = salted();
    let path = desk.dir.path().join("etc/roadstead/master");
    fs::write(&path, "id: hub\n").unwrap();
    let sentence = "estate-keys: Salt's master is called 'boss', and ours 'hub': minions know it by its name, so set `id: boss` \
                    in ROOT/etc/roadstead/master\n";
    expect(&desk, IN, "", sentence, 2);
    fs::write(&path, "id: boss\n").unwrap();
    let (_, err, code) = desk.run(&IN.replace("ROOT", desk.dir.path().to_str().unwrap()));
    let notes = "estate-keys: note: `wires` leaves out classic, the only wire Salt speaks: set `wires: [fast, classic]`\n\
                 estate-keys: note: Salt's port was 18006, and ours is 4506: set `raet_port: 18006`, or nobody finds it\n";
    assert_eq!((err.as_str(), code), (notes, 0));
}

#[test]
fn not_while_a_daemon_runs() {
    let desk = salted();
    let dir = desk.dir.path().join("salt/var/run/salt/master");
    fs::create_dir_all(&dir).unwrap();
    let socket = UnixDatagram::bind(dir.join("master.manor.uxd")).unwrap();
    let sentence = "estate-keys: salt-master is running, and its estates would change meanwhile: stop it first \
                    (ROOT/salt/var/run/salt/master/master.manor.uxd)\n";
    expect(&desk, IN, "", sentence, 2);
    // Its file stays when it is killed.
    drop(socket);
    expect(&desk, IN, &imported("imported", "written"), "", 0);
}
