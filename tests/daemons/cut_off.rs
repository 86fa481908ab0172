//! A key that is rejected or deleted ends the live session at once, and accepted again it is as before.

use std::time::Duration;

use crate::stage::Stage;

on_both_wires!(rejected_by_file, deleted_by_file);

/// Less than any question for presence would take.
const AT_ONCE: Duration = Duration::from_secs(5);

fn accept(stage: &mut Stage) {
    stage.master("timeout: 2\n");
    stage.minion("web1", "");
    stage.until_pending("web1");
    stage.decide("web1", "pending", "accepted");
    stage.until_answers(&["web1"]);
}

fn rejected_by_file(mut stage: Stage) {
    accept(&mut stage);
    stage.decide("web1", "accepted", "rejected");
    stage.within(AT_ONCE, "nobody is targeted", || stage.ping().errors.contains("no minion matches"));
    stage.until_logged("web1", "rejects our key", 1);
    stage.decide("web1", "rejected", "accepted");
    stage.until_logged("m", "the key is accepted", 2);
    // It would ask again by itself, in about a minute.
    stage.restart("web1");
    stage.until_answers(&["web1"]);
}

fn deleted_by_file(mut stage: Stage) {
    accept(&mut stage);
    std::fs::remove_file(stage.pki("m").join("accepted/web1")).unwrap();
    stage.within(AT_ONCE, "nobody is targeted", || stage.ping().errors.contains("no minion matches"));
    stage.until_pending("web1");
    stage.until_logged("web1", "for acceptance", 2);
    stage.decide("web1", "pending", "accepted");
    stage.until_answers(&["web1"]);
}
