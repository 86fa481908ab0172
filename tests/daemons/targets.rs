//! Targets by what minions told and were given, and pillars, through real processes; a master that restarts still knows.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::stage::Stage;

on_both_wires!(by_grains_and_pillars);

fn by_grains_and_pillars(mut stage: Stage) {
    let pillar = stage.root("m").join("srv/pillar");
    fs::create_dir_all(&pillar).unwrap();
    fs::write(pillar.join("top.sls"), "base:\n  'G@role:front and web*': [front]\n  '*': [all]\n").unwrap();
    fs::write(pillar.join("front.sls"), "env: prod\nname: {{ id }}\n").unwrap();
    fs::write(pillar.join("all.sls"), "all: yes\n").unwrap();
    stage.master("auto_accept: True\ntimeout: 2\nnodegroups: {fronts: 'G@role:front'}\n");
    stage.minion("web1", "grains: {role: front}\n");
    stage.minion("web2", "grains: {role: back}\n");
    stage.minion("db1", "grains: {role: front}\n");
    stage.until_answers(&["db1", "web1", "web2"]);
    let who = |stage: &Stage, words: &[&str]| {
        let told = stage.run(&[words, &["test.ping", "--json"]].concat());
        let answers = told.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut ids: Vec<String> = answers.map(|answer| answer["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    stage.until("the pillars are remembered", || who(&stage, &["-I", "all:true"]).len() == 3);
    let check = |stage: &Stage| {
        assert_eq!(who(stage, &["-G", "role:front"]), ["db1", "web1"]);
        assert_eq!(who(stage, &["-C", "G@role:front and not I@env:prod"]), ["db1"]);
        assert_eq!(who(stage, &["-I", "name:web*"]), ["web1"]);
        assert_eq!(who(stage, &["-N", "fronts"]), ["db1", "web1"]);
        assert_eq!(who(stage, &["-S", "127.0.0.0/8"]), ["db1", "web1", "web2"]);
        assert!(who(stage, &["-G", "id:nobody"]).is_empty());
    };
    check(&stage);
    let told = stage.run(&["web1", "pillar.items", "--json"]);
    let answer: Value = serde_json::from_str(told.out.trim()).unwrap();
    assert_eq!(answer["return"], json!({"env": "prod", "name": "web1", "all": true}));
    stage.stop("m", Signal::SIGTERM);
    assert_eq!(fs::read_dir(stage.root("m").join("var/cache/roadstead/master/minions")).unwrap().count(), 3);
    stage.start("m");
    stage.until_answers(&["db1", "web1", "web2"]);
    check(&stage);
}
