//! The keep on a real file system: what is written is read again, what others may touch is refused, and nothing is lost.

use std::os::unix::fs::{PermissionsExt, symlink};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::base::Random;

fn store() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap();
    let store = Store::open(&dir.path().join("pki/master"), Some(&dir.path().join("raet/m_master"))).unwrap();
    (dir, store)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn key(seed: u64, role: &str) -> RoleKey {
    OwnKeys::generate(&mut Random::from_number(seed)).public(name(role))
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The roll as `role standing` lines, and the errors.
fn listed(store: &Store) -> (Vec<String>, Vec<String>) {
    let Reading { roll, errors, .. } = store.roll().unwrap();
    let lines = roll.iter().map(|(key, standing)| format!("{} {standing}", key.role)).collect();
    (lines, errors.iter().map(ToString::to_string).collect())
}

fn remote(of: &str, nuid: u32) -> RemoteRecord {
    let ha = "127.0.0.1:4510".parse().unwrap();
    let (name, role) = (name(of), name(of));
    RemoteRecord { name, role, nuid, fuid: 2, ha, sid: 1, main: false, kind: 1, joined: Some(true) }
}

#[test]
fn directories_are_private() {
    let (dir, _store) = store();
    for path in
        ["pki/master", "pki/master/accepted", "pki/master/pending", "pki/master/rejected", "raet/m_master/remote"]
    {
        assert_eq!(mode(&dir.path().join(path)), 0o700, "{path}");
    }
}

#[test]
fn directories_others_may_write_are_refused() {
    let (dir, store) = store();
    let path = dir.path().join("pki/master");
    drop(store);
    for open in [path.clone(), path.join("accepted")] {
        chmod(&open, 0o770);
        let error = Store::open(&path, None).unwrap_err().to_string();
        let wanted = format!("{0}: others may change it (mode 0770); run `chmod 700 {0}`", open.display());
        assert_eq!(error, wanted);
        chmod(&open, 0o700);
    }
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Store::open(&file, None).unwrap_err().to_string();
    assert!(error.starts_with("cannot use "), "{error}");
}

#[test]
fn own_keys_are_kept_and_never_overwritten() {
    let (_dir, store) = store();
    assert!(store.own_keys().unwrap().is_none());
    let (first, second) =
        (OwnKeys::generate(&mut Random::from_number(1)), OwnKeys::generate(&mut Random::from_number(2)));
    store.create_own_keys(&first, false).unwrap();
    assert_eq!(mode(&store.own_path()), 0o600);
    let error = store.create_own_keys(&second, false).unwrap_err();
    assert!(matches!(error, KeepError::Exists { .. }), "{error}");
    assert_eq!(store.own_keys().unwrap().unwrap().sign.seed(), first.sign.seed());
    store.create_own_keys(&second, true).unwrap();
    assert_eq!(store.own_keys().unwrap().unwrap().sign.seed(), second.sign.seed());
    let left: Vec<_> = fs::read_dir(&store.pki_dir).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 6, "{left:?}");
}

#[test]
fn own_keys_others_may_read_are_refused() {
    let (_dir, store) = store();
    store.create_own_keys(&OwnKeys::generate(&mut Random::from_number(1)), false).unwrap();
    let path = store.own_path();
    for (bad, can) in [(0o644, "read"), (0o640, "read"), (0o620, "change")] {
        chmod(&path, bad);
        let error = store.own_keys().unwrap_err().to_string();
        let wanted = format!("{0}: others may {can} it (mode {bad:04o}); run `chmod 600 {0}`", path.display());
        assert_eq!(error, wanted);
    }
    chmod(&path, 0o400);
    assert!(store.own_keys().unwrap().is_some());
}

#[test]
fn a_mounted_secret_may_be_a_link() {
    let (dir, store) = store();
    store.create_own_keys(&OwnKeys::generate(&mut Random::from_number(1)), false).unwrap();
    let secret = dir.path().join("secret");
    fs::rename(store.own_path(), &secret).unwrap();
    symlink(&secret, store.own_path()).unwrap();
    assert!(store.own_keys().unwrap().is_some());
    chmod(&secret, 0o644);
    assert!(store.own_keys().is_err());
}

#[test]
fn malformed_own_keys_are_an_error_and_stay() {
    let (_dir, store) = store();
    let path = store.own_path();
    fs::write(&path, "torn").unwrap();
    chmod(&path, 0o600);
    let error = store.own_keys().unwrap_err().to_string();
    assert!(error.contains("local.key: not a key file (a msgpack map of texts); move it away"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"torn");
    fs::write(&path, vec![0; 70_000]).unwrap();
    assert!(store.own_keys().is_err());
}

#[test]
fn a_role_is_in_one_directory() {
    let (_dir, store) = store();
    let web = key(1, "web1");
    for standing in [Acceptance::Pending, Acceptance::Accepted, Acceptance::Rejected, Acceptance::Accepted] {
        store.apply(&Change::Role(web.clone(), standing)).unwrap();
        assert_eq!(listed(&store), (vec![format!("web1 {standing}")], vec![]));
        let files = STANDINGS.iter().filter(|s| store.role_dir(**s).join("web1").exists()).count();
        assert_eq!(files, 1);
    }
    assert_eq!(mode(&store.role_dir(Acceptance::Accepted).join("web1")), 0o600);
    assert_eq!(store.roll().unwrap().roll.find(&web.role), Some((&web, Acceptance::Accepted)));
    store.apply(&Change::DropRole(web.role.clone())).unwrap();
    store.apply(&Change::DropRole(web.role)).unwrap();
    assert_eq!(listed(&store), (vec![], vec![]));
}

#[test]
fn of_two_standings_the_stricter_counts() {
    let (_dir, store) = store();
    let web = key(1, "web1");
    let put = |standing| {
        fs::write(store.role_dir(standing).join("web1"), format::write_role(&web)).unwrap();
        chmod(&store.role_dir(standing).join("web1"), 0o600);
    };
    put(Acceptance::Accepted);
    put(Acceptance::Pending);
    assert_eq!(listed(&store).0, ["web1 pending"]);
    put(Acceptance::Rejected);
    assert_eq!(listed(&store).0, ["web1 rejected"]);
    fs::write(store.role_dir(Acceptance::Rejected).join("web1"), "torn").unwrap();
    let (lines, errors) = listed(&store);
    assert_eq!((&lines[..], errors.len()), (&["web1 rejected".to_owned()][..], 1));
}

#[test]
fn bad_role_files_are_reported_and_left() {
    let (dir, store) = store();
    store.apply(&Change::Role(key(1, "good"), Acceptance::Accepted)).unwrap();
    let pending = store.role_dir(Acceptance::Pending);
    let good = format::write_role(&key(2, "other"));
    fs::write(pending.join("a-torn"), &good[..50]).unwrap();
    fs::write(pending.join("b-misfiled"), &good).unwrap();
    fs::write(pending.join("c open"), &good).unwrap();
    fs::create_dir(pending.join("d-dir")).unwrap();
    symlink(dir.path().join("e"), pending.join("e-link")).unwrap();
    fs::write(pending.join("other"), &good).unwrap();
    chmod(&pending.join("other"), 0o666);
    fs::write(pending.join(".new-1-1"), &good).unwrap();
    for file in ["a-torn", "b-misfiled", "c open"] {
        chmod(&pending.join(file), 0o644);
    }
    let (lines, errors) = listed(&store);
    assert_eq!(lines, ["good accepted"]);
    let wanted = [
        "a-torn: not a key file (a msgpack map of texts); move it away or restore it from a backup",
        "b-misfiled: holds the entry of 'other'; name the file after it or remove it",
        "c open: no role or estate can have this name; move it away",
        "d-dir: not a plain file",
        "e-link: not a plain file",
        "other: others may change it (mode 0666); run `chmod 600 ",
    ];
    assert_eq!(errors.len(), wanted.len(), "{errors:?}");
    for (error, wanted) in errors.iter().zip(wanted) {
        assert!(error.contains(wanted), "{error}");
    }
    assert_eq!(fs::read_dir(&pending).unwrap().count(), 7);
}

#[test]
fn a_second_look_sees_what_changed() {
    let (_dir, store) = store();
    let accepted = store.role_dir(Acceptance::Accepted);
    for seed in 1..4 {
        store.apply(&Change::Role(key(seed, &format!("web{seed}")), Acceptance::Accepted)).unwrap();
    }
    assert_eq!(listed(&store).0.len(), 3);
    store.apply(&Change::Role(key(9, "web1"), Acceptance::Accepted)).unwrap();
    fs::rename(accepted.join("web2"), store.role_dir(Acceptance::Rejected).join("web2")).unwrap();
    chmod(&accepted.join("web3"), 0o666);
    let (lines, errors) = listed(&store);
    assert_eq!(lines, ["web1 accepted", "web2 rejected"]);
    assert!(errors.len() == 1 && errors[0].contains("web3: others may change it"), "{errors:?}");
    assert_eq!(store.roll().unwrap().roll.find(&name("web1")).unwrap().0, &key(9, "web1"));
    chmod(&accepted.join("web3"), 0o600);
    fs::remove_file(accepted.join("web1")).unwrap();
    assert_eq!(listed(&store), (vec!["web2 rejected".to_owned(), "web3 accepted".to_owned()], vec![]));
}

#[test]
fn the_stamp_sees_every_change() {
    let (_dir, store) = store();
    let accepted = store.role_dir(Acceptance::Accepted);
    let mut last = store.stamp();
    let mut changed = |what: &str, act: &dyn Fn()| {
        assert_eq!(store.stamp(), last, "before {what}");
        act();
        let now = store.stamp();
        assert_ne!(now, last, "{what}");
        last = now;
    };
    changed("new", &|| store.apply(&Change::Role(key(1, "web1"), Acceptance::Accepted)).unwrap());
    changed("rewritten", &|| store.apply(&Change::Role(key(2, "web1"), Acceptance::Accepted)).unwrap());
    changed("moved", &|| store.apply(&Change::Role(key(2, "web1"), Acceptance::Rejected)).unwrap());
    changed("moved by hand", &|| {
        fs::rename(store.role_dir(Acceptance::Rejected).join("web1"), accepted.join("web1")).unwrap();
    });
    changed("rewritten in place", &|| fs::write(accepted.join("web1"), "longer or shorter").unwrap());
    changed("other mode", &|| chmod(&accepted.join("web1"), 0o644));
    changed("dropped", &|| store.apply(&Change::DropRole(name("web1"))).unwrap());
}

#[test]
fn estates_are_kept() {
    let (_dir, store) = store();
    assert_eq!(store.local().unwrap(), None);
    store.apply(&Change::Local(LocalRecord { puid: 7 })).unwrap();
    assert_eq!(store.local().unwrap(), Some(LocalRecord { puid: 7 }));
    for record in [remote("web2_minion", 3), remote("web1_minion", 2), remote("web1_minion", 4)] {
        store.apply(&Change::Remote(record)).unwrap();
    }
    let (records, errors) = store.remotes().unwrap();
    assert_eq!(records, [remote("web1_minion", 4), remote("web2_minion", 3)]);
    assert!(errors.is_empty());
    fs::write(store.remote_path(&name("x")).unwrap(), "{}").unwrap();
    fs::write(store.remote_path(&name("y")).unwrap(), format::write_remote_estate(&remote("z", 1))).unwrap();
    store.apply(&Change::DropRemote(name("web1_minion"))).unwrap();
    let (records, errors) = store.remotes().unwrap();
    assert_eq!((records.len(), errors.len()), (1, 2), "{errors:?}");
}

#[test]
fn a_keep_without_estates_says_so() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path(), None).unwrap();
    assert!(matches!(store.local(), Err(KeepError::NoEstates)));
    assert!(matches!(store.apply(&Change::Local(LocalRecord::default())), Err(KeepError::NoEstates)));
}

#[test]
fn several_writers_leave_one_whole_file() {
    let (_dir, store) = store();
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for _ in 0..5 {
                    store.apply(&Change::Role(key(seed, "web1"), Acceptance::Pending)).unwrap();
                }
            });
        }
    });
    assert_eq!(listed(&store), (vec!["web1 pending".to_owned()], vec![]));
}

#[test]
fn a_role_nobody_can_read_is_blocked() {
    let (_dir, store) = store();
    for standing in STANDINGS {
        let path = store.role_dir(standing).join("web1");
        // Of one that waits nothing at all is what a crash leaves.
        let broken: &[u8] = if standing == Acceptance::Pending { b"x" } else { b"" };
        fs::write(&path, broken).unwrap();
        chmod(&path, 0o600);
        let Reading { roll, blocked, errors } = store.roll().unwrap();
        assert_eq!((roll.iter().count(), errors.len()), (0, 1));
        assert!(blocked.iter().eq([&name("web1")]), "{blocked:?}");
        for new in [Acceptance::Pending, Acceptance::Accepted] {
            let error = store.apply(&Change::Role(key(1, "web1"), new)).unwrap_err();
            assert!(matches!(error, KeepError::Blocked { .. }), "{error}");
            let (error, advice) = (error.to_string(), "; move it away or restore it from a backup");
            assert!(error.contains(&format!("{}: ", path.display())) && error.ends_with(advice), "{error}");
        }
        assert_eq!(fs::read(&path).unwrap(), broken, "left as it was");
        store.apply(&Change::Role(key(1, "web1"), Acceptance::Rejected)).unwrap();
        assert_eq!(listed(&store), (vec!["web1 rejected".to_owned()], vec![]));
        store.apply(&Change::DropRole(name("web1"))).unwrap();
    }
}

#[test]
fn several_movers_leave_a_role_in_one_directory() {
    let (_dir, store) = store();
    std::thread::scope(|scope| {
        for standing in STANDINGS {
            let store = &store;
            scope.spawn(move || (0..8).for_each(|_| store.apply(&Change::Role(key(1, "web1"), standing)).unwrap()));
        }
    });
    let places: Vec<_> = STANDINGS.iter().filter(|s| store.role_dir(**s).join("web1").exists()).collect();
    assert_eq!(places.len(), 1, "{places:?}");
}

#[test]
fn a_role_waits_for_the_lock_and_an_estate_does_not() {
    let (_dir, store) = store();
    store.apply(&Change::Role(key(1, "web1"), Acceptance::Pending)).unwrap();
    let path = store.pki_dir.join(".lock");
    assert_eq!(mode(&path), 0o600);
    let held = fs::File::open(&path).unwrap();
    held.lock().unwrap();
    store.apply(&Change::Remote(remote("web1_minion", 2))).unwrap();
    std::thread::scope(|scope| {
        let mover = scope.spawn(|| store.apply(&Change::Role(key(1, "web1"), Acceptance::Accepted)).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert_eq!(listed(&store).0, ["web1 pending"], "reading needs no lock");
        held.unlock().unwrap();
        mover.join().unwrap();
    });
    assert_eq!(listed(&store).0, ["web1 accepted"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn the_disk_holds_what_the_roll_held(changes in prop::collection::vec((0u64..4, 0usize..4, 0u64..2), 1..12)) {
        let (_dir, store) = store();
        let mut roll = Roll::default();
        for (role, standing, seed) in changes {
            let key = key(seed, &format!("role{role}"));
            match STANDINGS.get(standing) {
                Some(standing) => {
                    roll.set(key.clone(), *standing);
                    store.apply(&Change::Role(key, *standing)).unwrap();
                }
                None => {
                    roll.remove(&key.role);
                    store.apply(&Change::DropRole(key.role)).unwrap();
                }
            }
        }
        let Reading { roll: loaded, errors, .. } = store.roll().unwrap();
        prop_assert!(errors.is_empty());
        prop_assert!(loaded.iter().eq(roll.iter()));
    }
}

#[test]
fn the_glance_sees_what_the_key_tool_does() {
    let (_dir, store) = store();
    let mut last = store.glance();
    let mut changed = |what: &str, change: &Change| {
        assert_eq!(store.glance(), last, "before {what}");
        store.apply(change).unwrap();
        let now = store.glance();
        assert_ne!(now, last, "{what}");
        last = now;
    };
    changed("knocked", &Change::Role(key(1, "web1"), Acceptance::Pending));
    changed("accepted", &Change::Role(key(1, "web1"), Acceptance::Accepted));
    changed("rejected", &Change::Role(key(1, "web1"), Acceptance::Rejected));
    changed("deleted", &Change::DropRole(name("web1")));
}

/// The roles seen on the fast wire, and the errors.
fn fast(store: &Store) -> (Vec<String>, Vec<String>) {
    let (roles, errors) = store.fast().unwrap();
    (roles.iter().map(ToString::to_string).collect(), errors.iter().map(ToString::to_string).collect())
}

#[test]
fn who_was_seen_on_the_fast_wire_is_remembered_as_long_as_its_key() {
    let (dir, store) = store();
    for (seed, role) in ["web1", "web2", "web3"].into_iter().enumerate() {
        store.apply(&Change::Role(key(seed as u64, role), Acceptance::Accepted)).unwrap();
        store.apply(&Change::Fast(name(role))).unwrap();
        store.apply(&Change::Fast(name(role))).unwrap();
    }
    // Nobody knows this one: it was deleted meanwhile.
    store.apply(&Change::Fast(name("web9"))).unwrap();
    assert_eq!(fast(&store), (vec!["web1".into(), "web2".into(), "web3".into()], vec![]));
    assert_eq!(mode(&dir.path().join("pki/master/fast/web1")), 0o600);
    store.apply(&Change::Role(key(0, "web1"), Acceptance::Rejected)).unwrap();
    store.apply(&Change::DropRole(name("web2"))).unwrap();
    fs::remove_file(dir.path().join("pki/master/accepted/web3")).unwrap();
    for role in ["web1", "web3"] {
        store.forget_fast(&name(role)).unwrap();
    }
    // As `estate-keys` opens it.
    let again = Store::open(&dir.path().join("pki/master"), None).unwrap();
    assert_eq!(fast(&again).0, ["web1"]);
    again.apply(&Change::DropRole(name("web1"))).unwrap();
    assert_eq!(fast(&again).0, [""; 0]);
}

#[test]
fn damaged_notes_of_the_fast_wire_are_told_of_and_count() {
    let (dir, store) = store();
    let path = dir.path().join("pki/master/fast");
    fs::write(path.join("no name"), "").unwrap();
    fs::create_dir(path.join("web1")).unwrap();
    fs::write(path.join("web2"), "").unwrap();
    chmod(&path.join("web2"), 0o666);
    fs::write(path.join(".new-1-1"), "").unwrap();
    let (roles, errors) = fast(&store);
    assert_eq!(roles, ["web1", "web2"]);
    let words = ["no role or estate can have this name", "not a plain file", "others may change it"];
    assert_eq!(errors.len(), words.len());
    assert!(errors.iter().zip(words).all(|(error, word)| error.contains(word)), "{errors:?}");
}

#[test]
fn an_empty_pending_file_is_none() {
    let (_dir, store) = store();
    let key = key(1, "web1");
    store.apply(&Change::Role(key.clone(), Acceptance::Pending)).unwrap();
    let path = store.role_dir(Acceptance::Pending).join("web1");
    fs::write(&path, b"").unwrap();
    let reading = store.roll().unwrap();
    assert!(reading.roll.find(&key.role).is_none() && reading.blocked.is_empty() && reading.errors.is_empty());
    // It comes again, and takes the place.
    store.apply(&Change::Role(key.clone(), Acceptance::Pending)).unwrap();
    assert!(store.roll().unwrap().roll.find(&key.role).is_some());
    // A decision is another matter: an empty one blocks its role.
    let path = store.role_dir(Acceptance::Rejected).join("web1");
    fs::write(&path, b"").unwrap();
    chmod(&path, 0o600);
    let reading = store.roll().unwrap();
    assert!(
        reading.blocked.contains(&key.role)
            || reading.roll.find(&key.role).is_none_or(|(_, s)| s == Acceptance::Rejected)
    );
    assert_eq!(reading.errors.len(), 1);
}
