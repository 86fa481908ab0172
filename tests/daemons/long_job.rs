//! A long job is seen by `saltutil.running`, and `saltutil.kill_job` ends it with its whole process group.

use std::process::Stdio;

use crate::stage::{Stage, Told};
use serde_json::Value;

fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
}

#[test]
fn seen_and_killed() {
    let stage = Stage::with(&["web1"]);
    let file = stage.root("web1").join("pid");
    let line = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
    let job = stage.job(&["web1", "cmd.run", &line]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    stage.until("the job runs", || file.exists());
    let pid = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(!is_gone(&pid));
    let told = stage.run(&["web1", "saltutil.running", "--json"]);
    let answer: Value = serde_json::from_str(told.out.trim()).unwrap();
    let text = answer.to_string();
    assert!(text.contains("cmd.run"), "{text}");
    let root = stage.root("m");
    let list: Told =
        stage.command(&["jobs", "list", "--json", "--root-dir", root.to_str().unwrap()]).output().unwrap().into();
    let jobs = list.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let jid = jobs.filter(|job| job["fun"] == "cmd.run").map(|job| job["jid"].as_str().unwrap().to_owned()).next();
    let jid = jid.unwrap();
    assert!(text.contains(&jid), "{text}");
    let killed = stage.run(&["web1", "saltutil.kill_job", &jid]);
    assert_eq!(killed.code, Some(0), "{killed:?}");
    let told: Told = job.wait_with_output().unwrap().into();
    assert!(told.code == Some(1) && told.errors.contains("failed: web1"), "{told:?}");
    stage.until("its child is gone", || is_gone(&pid));
}
