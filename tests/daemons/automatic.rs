//! Keys that a master accepts by itself.

use crate::stage::Stage;
use nix::sys::signal::Signal;

on_both_wires!(autosign_file_written_while_it_runs, open_mode_takes_a_changed_key);

fn autosign_file_written_while_it_runs(mut stage: Stage) {
    stage.master("autosign_file: sign\n");
    stage.minion("db1", "");
    stage.until_pending("db1");
    std::fs::write(stage.root("m").join("sign"), "web*\n").unwrap();
    stage.minion("web1", "");
    stage.until_answers(&["web1"]);
    assert!(stage.pki("m").join("pending/db1").exists());
}

fn open_mode_takes_a_changed_key(mut stage: Stage) {
    stage.master("open_mode: True\ntimeout: 2\n");
    stage.minion("web1", "");
    stage.until_answers(&["web1"]);
    let file = stage.pki("m").join("accepted/web1");
    let before = std::fs::read(&file).unwrap();
    stage.stop("web1", Signal::SIGTERM);
    std::fs::remove_file(stage.pki("web1").join("local.key")).unwrap();
    stage.start("web1");
    stage.until("the old key makes room", || !std::fs::read(&file).is_ok_and(|now| now == before));
    // Refused once, it would ask again by itself in about a minute.
    stage.restart("web1");
    stage.until_answers(&["web1"]);
}
