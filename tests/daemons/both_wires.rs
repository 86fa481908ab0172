//! A master of both wires serves minions of either; one that was seen on the fast wire is refused on the classic one until
//! its key is deleted.

use std::thread::sleep;
use std::time::Duration;

use crate::stage::Stage;
use nix::sys::signal::Signal;

#[test]
fn each_on_its_own_and_never_back() {
    on_its_own(Stage::new());
}

#[test]
fn the_same_with_two_roads() {
    on_its_own(Stage::sharded());
}

fn on_its_own(mut stage: Stage) {
    stage.master("auto_accept: True\ntimeout: 2\nwires: [fast, classic]\n");
    stage.minion("old1", "wires: [classic]\n");
    stage.minion("new1", "");
    stage.minion("new2", "wires: [fast, classic]\n");
    stage.until_answers(&["new1", "new2", "old1"]);
    let seen = |stage: &Stage, id: &str| stage.pki("m").join("fast").join(id).exists();
    assert!(!seen(&stage, "old1") && seen(&stage, "new1") && seen(&stage, "new2"));
    // Somebody makes it speak the classic wire only; the master remembers over its own restart.
    stage.stop("new1", Signal::SIGTERM);
    stage.minion("new1", "wires: [classic]\n");
    stage.restart("m");
    stage.until_answers(&["new2", "old1"]);
    sleep(Duration::from_secs(3));
    assert_eq!(stage.run(&["new1", "test.ping"]).code, Some(3));
    std::fs::remove_file(stage.pki("m").join("accepted/new1")).unwrap();
    stage.until_answers(&["new1"]);
    assert!(!seen(&stage, "new1") && seen(&stage, "new2"));
}
