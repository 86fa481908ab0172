//! What `run` says when there is nobody to ask.

use crate::stage::Stage;
use nix::sys::signal::Signal;

#[test]
fn no_minion_and_no_master() {
    let mut stage = Stage::with(&["web1"]);
    let told = stage.run(&["db*", "test.ping"]);
    assert_eq!(told.code, Some(3));
    assert!(told.errors.contains("no minion matches"), "{told:?}");
    stage.stop("m", Signal::SIGTERM);
    let told = stage.ping();
    assert_eq!(told.code, Some(4));
    assert!(told.errors.contains("start it with `roadstead master"), "{told:?}");
    assert!(stage.is_alive("web1"));
}
