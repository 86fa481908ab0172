//! A Salt master's fleet moves to us and back, and its minions are not touched.

use nix::sys::signal::Signal;

use crate::STAGE;
use crate::fleet::{BOSS, Fleet, HUB};
use crate::kit::salt;
use crate::steps::record;

const IDS: [&str; 2] = ["salt1x", "salt2x"];

#[test]
fn a_fleet_moves_there_and_back() {
    let _stage = STAGE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(salt) = salt() else { return };
    let mut fleet = Fleet::new(salt, "a fleet moves from a Salt master to ours, and back");
    fleet.salt_master("raet", "");
    IDS.iter().for_each(|id| fleet.salt_minion(id, "raet", ""));
    fleet.salt_minion("salt3x", "raet", "");
    let pki = fleet.path(BOSS).join("etc/salt/pki/master");
    let waits = |id: &str| pki.join("pending").join(id).exists();
    fleet.until("three keys wait", || ["salt1x", "salt2x", "salt3x"].into_iter().all(waits));
    for id in IDS {
        fleet.theirs_does("salt-key", &["-y", "-a", id], 0, &[]);
    }
    let theirs = |fleet: &Fleet| {
        let told = fleet.salt_within("12", "salt", &["*", "test.ping", "-t", "3"]);
        IDS.iter().all(|id| told.out.contains(&format!("{id}:\n    True")))
    };
    record("both accepted minions answer their master", fleet.until("both answer", || theirs(&fleet)));

    fleet.stop(BOSS, Signal::SIGTERM);
    // Only the settings: the daemon starts once it has the keys. Minions know their master by its name.
    fleet.write_our_master(BOSS, "");
    fleet.keys_do(&["import-salt", pki.to_str().unwrap()], 0, &[]);
    fleet.keys_do(&["list"], 0, &["salt1x", "salt2x", "salt3x"]);
    fleet.start_ours(HUB, "master");
    let ours = |fleet: &Fleet| {
        let told = fleet.run(&["*", "test.ping", "--timeout", "1"]);
        told.code == Some(0) && IDS.iter().all(|id| told.out.contains(&format!("{id}:\n    True")))
    };
    record("our master started, until both answer it, untouched", fleet.until("both answer ours", || ours(&fleet)));
    let told = fleet.job(&["*", "test.ping"], 0, &["salt1x", "salt2x"]);
    assert!(!told.out.contains("salt3x"), "its key is pending");
    fleet.keys_do(&["accept", "-y", "salt3x"], 0, &[]);
    let third = || fleet.run(&["salt3x", "test.ping", "--timeout", "1"]).out.contains("True");
    record("the third accepted by us, until it answers", fleet.until("the third answers", third));
    assert!(IDS.iter().all(|id| fleet.is_alive(id)), "nobody was restarted");

    fleet.stop(HUB, Signal::SIGTERM);
    fleet.keys_do(&["export-salt", pki.to_str().unwrap()], 0, &[]);
    fleet.start_salt(BOSS, "salt-master");
    record(
        "their master started again, until both answer it",
        fleet.until("both answer theirs again", || theirs(&fleet)),
    );
    let told = fleet.salt("salt", &["salt3x", "test.ping", "-t", "5"]);
    assert!(told.out.contains("salt3x:\n    True"), "accepted by us, so accepted there: {told:?}");
}
