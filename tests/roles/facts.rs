//! Targets that ask for more than an id: by what each minion told the master of itself, and by what it was given.

use roadstead::master::Policy;
use roadstead::master::request::{Reply, Target};
use serde_json::{Value, json};

use crate::world::{World, name, remote_cmd, seconds};

/// A puppet that has joined and asked for its pillar with these grains.
fn tell(world: &mut World, id: &str, grains: Value, more: Value) {
    let mut load = json!({"cmd": "_pillar", "id": "somebody", "grains": grains, "pillarenv": null});
    load.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.say(id, "load", remote_cmd(), &load);
    world.run(seconds(0.1));
}

fn fleet() -> World {
    let mut world = World::with(&[]);
    for (id, os, env) in [("web1", "Debian", "prod"), ("web2", "Ubuntu", "dev"), ("db1", "Debian", "dev")] {
        world.puppet(id);
        let grains = json!({"os": os, "id": "web9", "ipv4": [format!("10.0.0.{}", os.len())], "pillar": {"env": env}});
        tell(&mut world, id, grains, json!({}));
    }
    world.puppet("mute1");
    world.run(seconds(3.0));
    world
}

/// Whom the master selects; every one of them gets the job.
fn selected(world: &mut World, target: Target) -> Vec<String> {
    let yard = world.publish("test.ping", &[], target, 5.0);
    world.run(seconds(0.1));
    let told = world.told(&yard);
    for id in &told.minions {
        let (kind, job) = world.said_to(id).pop().unwrap();
        assert_eq!((kind.as_str(), &job["jid"]), ("pub", &json!(told.jid)));
        // A Salt minion matches this itself, and knows its facts better than we do.
        assert!(job["tgt_type"] == "list" && job["tgt"].as_array().unwrap().contains(&json!(id)), "{job}");
    }
    told.minions
}

fn text(kind: fn(String) -> Target, text: &str) -> Target {
    kind(text.to_owned())
}

#[test]
fn a_target_means_those_whose_facts_fit() {
    let mut world = fleet();
    for (target, minions) in [
        (text(Target::Grain, "os:Deb*"), vec!["db1", "web1"]),
        (text(Target::GrainPcre, "os:(Ubuntu|Fedora)"), vec!["web2"]),
        (text(Target::Pillar, "env:dev"), vec!["db1", "web2"]),
        (text(Target::PillarPcre, "env:p"), vec!["web1"]),
        (text(Target::Ipcidr, "10.0.0.0/29"), vec!["db1", "web1", "web2"]),
        (text(Target::Ipcidr, "10.0.0.7"), vec![]),
        (text(Target::Pcre, "(web|mute)1"), vec!["mute1", "web1"]),
        (text(Target::Compound, "G@os:Debian and web*"), vec!["web1"]),
        (text(Target::Compound, "mute* or I@env:prod"), vec!["mute1", "web1"]),
        (text(Target::Compound, "not G@os:Debian"), vec!["web2"]),
        (text(Target::Compound, "N@front and not S@10.0.0.6"), vec![]),
        (text(Target::Nodegroup, "front"), vec!["web1", "web2"]),
        // What a minion says its id is counts for nothing.
        (text(Target::Grain, "id:web9"), vec![]),
        (text(Target::Grain, "id:web2"), vec!["web2"]),
    ] {
        assert_eq!(selected(&mut world, target.clone()), minions, "{target}");
    }
}

#[test]
fn a_target_that_cannot_be_read_is_refused() {
    let mut world = fleet();
    for (target, why) in [
        (text(Target::Grain, "os"), "names no value"),
        (text(Target::Compound, "web* and"), "missing at its end"),
        (text(Target::Nodegroup, "back"), "not in the master's settings"),
        (text(Target::Pcre, "("), "cannot be used"),
    ] {
        let yard = world.publish("test.ping", &[], target, 5.0);
        let Some(Reply::Refused { why: said }) = world.replies(&yard).pop() else { panic!("not refused") };
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn the_latest_facts_count_and_those_too_large_do_not() {
    let mut world = fleet();
    let debian = || text(Target::Grain, "os:Debian");
    tell(&mut world, "web1", json!({"os": "Ubuntu"}), json!({}));
    assert_eq!(selected(&mut world, debian()), ["db1"]);
    tell(&mut world, "db1", json!({"os": "Debian", "x": "y".repeat(70_000)}), json!({}));
    assert!(selected(&mut world, debian()).is_empty());
    assert!(!world.kept.contains_key(&name("db1")));
}

#[test]
fn nobody_makes_its_own_pillar() {
    let mut world = fleet();
    let prod = || text(Target::Pillar, "env:prod");
    let grains = json!({"os": "Ubuntu", "pillar": {"env": "prod"}});
    tell(&mut world, "web2", grains.clone(), json!({"pillar_override": {"env": "prod"}}));
    tell(&mut world, "web2", grains, json!({"pillarenv": "mine"}));
    assert_eq!(selected(&mut world, prod()), ["web1"]);
}

#[test]
fn a_master_that_starts_again_still_knows() {
    let kept = fleet().kept;
    assert_eq!(kept.len(), 3);
    let mut world = World::with(&[]);
    world.recall(&kept);
    for id in ["web1", "web2"] {
        world.puppet(id);
    }
    world.run(seconds(3.0));
    assert_eq!(selected(&mut world, text(Target::Compound, "G@os:Debian and I@env:prod")), ["web1"]);
    assert!(world.kept.is_empty(), "nothing is news");
}

#[test]
fn facts_go_with_the_key() {
    let mut world = World::new(Policy { auto_accept: true, ..Policy::default() });
    world.puppet("web1");
    tell(&mut world, "web1", json!({"os": "Debian"}), json!({}));
    assert!(world.kept.contains_key(&name("web1")));
    world.switch.decide(&name("m"), &name("web1"), None);
    world.run(seconds(0.1));
    assert!(world.kept.is_empty());
}
