//! A minion that dies in the middle of a job is missing; started again it answers.

use std::process::Stdio;

use crate::stage::Stage;
use nix::sys::signal::Signal;

on_both_wires!(missing_then_back);

fn missing_then_back(mut stage: Stage) {
    stage.staff(&["web1"]);
    let file = stage.root("web1").join("pid");
    let line = format!("echo $$ > {0}.new && mv {0}.new {0} && exec sleep 600", file.display());
    let job = stage.job(&["web1", "cmd.run", &line]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    stage.until("the job runs", || file.exists());
    stage.stop("web1", Signal::SIGKILL);
    // Nobody was left to do it: the job's process outlives a minion killed by force.
    let pid = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
    let told: crate::stage::Told = job.wait_with_output().unwrap().into();
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.errors.contains("1 of 1 minions did not return: web1"), "{told:?}");
    stage.start("web1");
    stage.until_answers(&["web1"]);
}
