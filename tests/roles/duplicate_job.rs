//! A job that arrives twice runs once.

use crate::world::{World, glob, name, seconds};
use serde_json::json;

#[test]
fn confirmation_lost_job_sent_again() {
    let mut world = World::with(&["web1"]);
    world.delay = 100_000..=100_000;
    let yard = world.publish("test.sleep", &[json!(2.0)], glob("*"), 5.0);
    world.run(seconds(0.15));
    assert_eq!(world.runs.len(), 1, "it is there, and the master does not know yet");
    world.switch.cut(&name("web1"), true);
    world.run(seconds(0.5));
    world.switch.cut(&name("web1"), false);
    world.run(seconds(3.0));
    let told = world.told(&yard);
    assert_eq!((told.ended, told.returned.len(), world.runs.len()), (true, 1, 1));
}

#[test]
fn lost_before_it_arrived() {
    let mut world = World::with(&["web1"]);
    world.delay = 100_000..=100_000;
    let yard = world.ping("*");
    world.run(seconds(0.05));
    world.switch.cut(&name("web1"), true);
    world.run(seconds(0.5));
    assert_eq!(world.runs.len(), 0);
    world.switch.cut(&name("web1"), false);
    world.run(seconds(1.0));
    assert_eq!((world.told(&yard).returned.len(), world.runs.len()), (1, 1));
}
