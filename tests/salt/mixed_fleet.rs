//! One master of ours with every kind of minion at once.

use crate::STAGE;
use crate::fleet::{Fleet, HUB};
use crate::kit::salt;
use crate::steps::record;

#[test]
fn all_kinds_of_minions_at_one_master() {
    let _stage = STAGE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(salt) = salt() else { return };
    let mut fleet = Fleet::new(salt, "our minions on either wire and Salt minions at one master");
    fleet.our_master("");
    let ids = ["classic1", "fast1", "fast2", "salt1x", "salt2x"];
    fleet.our_minion("classic1", "classic", "");
    fleet.our_minion("fast1", "fast", "");
    fleet.our_minion("fast2", "fast, classic", "");
    fleet.salt_minion("salt1x", "raet", "");
    fleet.salt_minion("salt2x", "raet", "");
    let pending = fleet.path(HUB).join("etc/roadstead/pki/master/pending");
    record(
        "five minions started, until all keys are pending",
        fleet.until("five keys wait", || ids.iter().all(|id| pending.join(id).exists())),
    );
    fleet.keys_do(&["accept", "-y", "--all"], 0, &[]);
    let all = || {
        let told = fleet.run(&["*", "test.ping", "--timeout", "1"]);
        told.code == Some(0) && ids.iter().all(|id| told.out.contains(&format!("{id}:\n    True")))
    };
    record("from acceptance until all five answer", fleet.until("all answer", all));
    let told = fleet.job(&["*", "test.ping"], 0, &["classic1:\n    True", "salt2x:\n    True"]);
    assert_eq!(told.out.matches("True").count(), 5, "{}", told.out);
    fleet.job(&["-G", "kernel:Linux", "grains.item", "id"], 0, &ids);
    fleet.job(&["-C", "salt* or fast*", "cmd.run", "echo hello"], 0, &["fast1:", "fast2:", "salt1x:", "salt2x:"]);
    let told = fleet.keys_do(&["list", "--long"], 0, &ids);
    let wire =
        |id: &str| told.out.lines().find(|line| line.trim_start().starts_with(id)).unwrap_or_default().to_owned();
    for id in ["fast1", "fast2"] {
        assert!(wire(id).contains("fast") && !wire(id).replace(id, "").contains("classic"), "{}", told.out);
    }
    for id in ["salt1x", "salt2x", "classic1"] {
        assert!(wire(id).replace(id, "").contains("classic"), "{}", told.out);
    }
}
