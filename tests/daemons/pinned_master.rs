//! A master set up anew has another key: the minion that pinned the old one refuses it, says so once, and goes on.

use crate::stage::Stage;
use nix::sys::signal::Signal;

on_both_wires!(reinstalled);

fn reinstalled(mut stage: Stage) {
    stage.staff(&["web1"]);
    stage.stop("m", Signal::SIGTERM);
    let key = stage.pki("m").join("local.key");
    let old = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    stage.start("m");
    stage.restart("web1");
    stage.until_logged("web1", "is pinned", 1);
    assert!(stage.is_alive("web1"));
    assert_eq!(stage.ping().code, Some(3));
    assert_eq!(stage.log("web1").matches("ERROR").count(), 1, "{}", stage.log("web1"));
    // The right one comes back.
    stage.stop("m", Signal::SIGTERM);
    std::fs::write(&key, old).unwrap();
    stage.start("m");
    // It would ask again by itself, in about a minute.
    stage.restart("web1");
    stage.until_answers(&["web1"]);
}
