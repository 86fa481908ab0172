//! Salt's keep: the files of a real Salt 2018.3.5 are read, and what we write there it would read.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::keep::adopt::Plan;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A copy of the real files of a daemon, with the modes Salt gives them.
pub(crate) fn salt(of: &str, estate: &str) -> (TempDir, PathBuf, PathBuf) {
    let dir = TempDir::new().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/v0/salt-pki").join(of);
    copy(&from.join("pki"), &dir.path().join("pki"));
    copy(&from.join("raet"), &dir.path().join("raet"));
    let pki = dir.path().join("pki");
    fs::set_permissions(&pki, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(pki.join("local.key"), fs::Permissions::from_mode(0o400)).unwrap();
    let estates = dir.path().join("raet").join(estate);
    (dir, pki, estates)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}

fn roles(reading: &SaltReading) -> String {
    let all: Vec<_> = reading.view.roll.iter().map(|(key, standing)| format!("{} {standing}", key.role)).collect();
    all.join(", ")
}

#[test]
fn a_real_master_is_read() {
    let (_dir, pki, estates) = salt("master", "boss_master");
    let reading = SaltKeep::open(&pki, Some(&estates)).unwrap().read().unwrap();
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    assert_eq!(roles(&reading), "salt1x accepted, salt1y accepted, salt2p pending, salt2r rejected");
    let bound = "127.0.0.1:18006".parse().ok();
    let identity = Identity { name: name("boss_master"), role: name("boss"), bound, puid: reading.view.puid };
    assert_eq!(reading.identity, Some(identity));
    let remote = &reading.view.remotes[0];
    assert_eq!((remote.name.as_str(), remote.nuid, remote.fuid, remote.kind), ("salt1x_minion", 3, 2, 1));
    assert!(reading.view.own.is_some() && remote.joined == Some(true));
}

#[test]
fn a_real_minion_is_read() {
    let (_dir, pki, estates) = salt("minion", "salt1x_minion");
    let reading = SaltKeep::open(&pki, Some(&estates)).unwrap().read().unwrap();
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    assert_eq!(roles(&reading), "boss accepted");
    // What others are told is 127.0.0.1; what it bound is any address.
    assert_eq!(reading.identity.unwrap().bound, "0.0.0.0:18010".parse().ok());
    // The key of a minion is the one its master knows.
    let (_dir, pki, _) = salt("master", "boss_master");
    let of_master = SaltKeep::open(&pki, None).unwrap().read().unwrap();
    let role = name("salt1x");
    let known = of_master.view.roll.find(&role).unwrap().0.clone();
    assert_eq!(reading.view.own.unwrap().public(role), known);
}

#[test]
fn there_and_back_changes_what_changed() {
    let (dir, pki, estates) = salt("master", "boss_master");
    let salt = SaltKeep::open(&pki, Some(&estates)).unwrap();
    let store = Store::open(&dir.path().join("ours/pki"), Some(&dir.path().join("ours/boss_master"))).unwrap();
    let source = salt.read().unwrap().view;
    let plan = Plan::new(&source, &store.view().unwrap().0, false).unwrap();
    store.create_own_keys(plan.own.as_ref().unwrap(), false).unwrap();
    plan.changes().for_each(|change| store.apply(&change).unwrap());
    assert!(Plan::new(&source, &store.view().unwrap().0, false).unwrap().is_empty());

    // Our master has had the minions for a while, and accepted one.
    let (view, errors) = store.view().unwrap();
    assert!(errors.is_empty());
    let mut lived = view.remotes[0].clone();
    lived.sid += 40;
    store.apply(&Change::Remote(lived.clone())).unwrap();
    let waiting = view.roll.find(&name("salt2p")).unwrap().0.clone();
    store.apply(&Change::Role(waiting, Acceptance::Accepted)).unwrap();
    let plan = Plan::new(&store.view().unwrap().0, &source, false).unwrap();
    assert_eq!((plan.roles.len(), plan.remotes.len(), plan.own.is_none()), (1, 1, true));
    plan.changes().for_each(|change| salt.apply(&change).unwrap());

    let after = salt.read().unwrap();
    assert_eq!(roles(&after), "salt1x accepted, salt1y accepted, salt2p accepted, salt2r rejected");
    assert!(!pki.join("pending/salt2p").exists());
    assert_eq!(after.view.remotes[0], lived);
    // What Python alone uses is as it was, and nothing of ours lies about.
    let text = fs::read_to_string(estates.join("remote/estate.salt1x_minion.json")).unwrap();
    assert!(text.contains("\"fqdn\": \"localhost\""), "{text}");
    let mut left: Vec<_> = fs::read_dir(&pki).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["accepted", "local.key", "pending", "rejected"]);
}

#[test]
fn every_bad_file_is_named_and_the_rest_is_read() {
    let (_dir, pki, estates) = salt("master", "boss_master");
    fs::write(estates.join("remote/estate.salt1x_minion.json"), "{\n  \"name\": \"salt1x_mi").unwrap();
    fs::write(estates.join("remote/estate.x_minion.json"), "[1, 2]").unwrap();
    fs::rename(pki.join("accepted/salt1x"), pki.join("accepted/web 1")).unwrap();
    fs::copy(pki.join("accepted/salt1y"), pki.join("accepted/other")).unwrap();
    fs::write(pki.join("pending").join("x".repeat(65)), "").unwrap();
    fs::set_permissions(pki.join("rejected/salt2r"), fs::Permissions::from_mode(0o666)).unwrap();
    let reading = SaltKeep::open(&pki, Some(&estates)).unwrap().read().unwrap();
    assert_eq!(roles(&reading), "salt1y accepted, salt2p pending");
    let told: Vec<_> = reading.errors.iter().map(ToString::to_string).collect();
    let wanted = [
        "others may change it (mode 0666)",
        "no role or estate can have this name",
        "holds the entry of 'salt1y'",
        "no role or estate can have this name",
        "not an estate file",
        "not an estate file",
    ];
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
    for wanted in wanted {
        assert!(told.iter().any(|told| told.contains(wanted)), "{wanted}: {told:#?}");
    }
}

#[test]
fn salts_order_of_standings() {
    let (_dir, pki, _) = salt("master", "boss_master");
    fs::copy(pki.join("accepted/salt1x"), pki.join("pending/salt1x")).unwrap();
    fs::copy(pki.join("accepted/salt1y"), pki.join("rejected/salt1y")).unwrap();
    let reading = SaltKeep::open(&pki, None).unwrap().read().unwrap();
    assert_eq!(roles(&reading), "salt1x accepted, salt1y rejected, salt2p pending, salt2r rejected");
}

#[test]
fn what_is_no_salt_raet_keep_is_refused() {
    let dir = TempDir::new().unwrap();
    let refused = |path: &Path| SaltKeep::open(path, None).unwrap_err().to_string();
    let path = dir.path().join("none");
    assert!(refused(&path).contains("cannot read"));
    fs::write(&path, "").unwrap();
    assert!(refused(&path).contains("cannot use"));
    assert!(refused(dir.path()).contains("no keys of a Salt RAET daemon"));
    fs::write(dir.path().join("master.pem"), "").unwrap();
    assert!(refused(dir.path()).contains("ZeroMQ (master.pem)"));
    fs::remove_file(dir.path().join("master.pem")).unwrap();
    fs::write(dir.path().join("minion_master.pub"), "").unwrap();
    assert!(refused(dir.path()).contains("ZeroMQ (minion_master.pub)"));
    let (_dir, pki, _) = salt("master", "boss_master");
    fs::set_permissions(pki.join("local.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = SaltKeep::open(&pki, None).unwrap().read().unwrap_err().to_string();
    assert!(error.contains("others may read it"), "{error}");
}
