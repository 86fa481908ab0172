//! A minion whose connection breaks while a job runs comes back with the return.

use crate::world::{World, glob, name, seconds};
use serde_json::json;

#[test]
fn back_before_the_deadline() {
    let mut world = World::with(&["web1"]);
    let yard = world.publish("test.sleep", &[json!(1.0)], glob("*"), 5.0);
    world.run(seconds(0.5));
    world.switch.cut(&name("web1"), true);
    world.run(seconds(2.0));
    assert!(world.told(&yard).missing.is_empty(), "it may come back");
    world.switch.cut(&name("web1"), false);
    world.run(seconds(1.0));
    let told = world.told(&yard);
    assert_eq!((told.ended, told.returned.len()), (true, 1));
    assert_eq!(world.runs.len(), 1);
}

#[test]
fn return_on_its_way_when_it_breaks_counts_once() {
    let mut world = World::with(&["web1"]);
    world.delay = 100_000..=100_000;
    let yard = world.ping("*");
    // 0.1 s out, 0.1 s back; the confirmation would take another 0.1 s.
    world.run(seconds(0.25));
    assert_eq!(world.told(&yard).returned.len(), 1);
    world.switch.cut(&name("web1"), true);
    world.run(seconds(1.0));
    world.switch.cut(&name("web1"), false);
    world.run(seconds(30.0));
    assert_eq!(world.told(&yard).returned.len(), 1);
    assert_eq!(world.runs.len(), 1);
}

#[test]
fn never_back() {
    let mut world = World::with(&["web1"]);
    let yard = world.publish("test.sleep", &[json!(60.0)], glob("*"), 5.0);
    world.run(seconds(0.5));
    world.switch.cut(&name("web1"), true);
    world.run(seconds(4.0));
    assert!(!world.told(&yard).ended);
    world.run(seconds(1.0));
    assert_eq!(world.told(&yard).missing["web1"], "lost the connection to it while the job ran");
}

#[test]
fn started_anew_without_its_job() {
    let mut world = World::with(&["web1"]);
    let yard = world.publish("test.sleep", &[json!(60.0)], glob("*"), 5.0);
    world.run(seconds(0.5));
    world.add("web1");
    world.run(seconds(9.5));
    assert!(world.told(&yard).missing["web1"].contains("did not return"));
    assert_eq!(world.runs.len(), 1, "a job that was delivered is not run again by a restart");
}
