//! A master that restarts under running minions has them all again.

use crate::stage::Stage;
use nix::sys::signal::Signal;

on_both_wires!(all_answer_again);

fn all_answer_again(mut stage: Stage) {
    stage.staff(&["web1", "web2", "db1"]);
    stage.stop("m", Signal::SIGKILL);
    stage.start("m");
    stage.until_answers(&["db1", "web1", "web2"]);
}
