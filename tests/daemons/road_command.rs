//! `roadstead road` shows whom a daemon is connected with.

use crate::stage::{Stage, Told};
use serde_json::Value;

fn road(stage: &Stage, name: &str, more: &[&str]) -> Told {
    let root = stage.root(name);
    let words = [&["road", "--root-dir", root.to_str().unwrap()], more].concat();
    stage.command(&words).output().unwrap().into()
}

#[test]
fn sessions_of_master_and_minion() {
    sessions(Stage::new());
}

#[test]
fn sessions_of_two_roads() {
    sessions(Stage::sharded());
}

fn sessions(mut stage: Stage) {
    stage.staff(&["web1", "db1"]);
    let told = road(&stage, "m", &["--json"]);
    let links: Vec<Value> = told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = links.iter().map(|link| link["id"].as_str().unwrap()).collect();
    assert_eq!((told.code, ids), (Some(0), vec!["db1", "web1"]));
    for link in &links {
        assert!(link["messages_in"].as_u64() >= Some(2) && link["rtt"].as_f64() > Some(0.0), "{link}");
        assert!(link["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{link}");
    }
    let told = road(&stage, "m", &[]);
    let lines: Vec<_> = told.out.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!((told.code, lines), (Some(0), vec!["id", "db1", "web1"]));
    let told = road(&stage, "web1", &["--minion", "--json"]);
    let link: Value = serde_json::from_str(told.out.trim()).unwrap();
    assert_eq!((told.code, link["id"].as_str(), link["wire"].as_str()), (Some(0), Some("m"), Some("fast")));
}

#[test]
fn nobody_is_there() {
    let mut stage = Stage::new();
    stage.write("m", "");
    let told = road(&stage, "m", &[]);
    assert!(told.code == Some(4) && told.errors.contains("start it with `roadstead master"), "{told:?}");
    stage.master("");
    stage.until("it answers", || road(&stage, "m", &[]).code == Some(0));
    assert_eq!(road(&stage, "m", &[]).out, "no sessions on the fast wire\n");
    assert_eq!(road(&stage, "m", &["--watch", "soon"]).code, Some(2));
}
