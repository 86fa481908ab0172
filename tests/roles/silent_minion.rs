//! Minions that are silent at the deadline are asked whether the job runs.

use crate::world::{World, glob, seconds};
use serde_json::json;

#[test]
fn a_long_job_is_waited_for() {
    let mut world = World::with(&["web1", "web2"]);
    let yard = world.publish("test.sleep", &[json!(61.5)], glob("*"), 5.0);
    world.run(seconds(61.0));
    assert!(!world.told(&yard).ended);
    world.run(seconds(1.0));
    let told = world.told(&yard);
    assert_eq!((told.ended, told.returned.len()), (true, 2));
    assert_eq!(world.pages(&yard).len(), 4, "the questions are nobody else's business");
}

#[test]
fn one_that_says_nothing_is_missing() {
    let mut world = World::with(&["web1"]);
    world.puppet("web2");
    world.run(seconds(3.0));
    let yard = world.ping("*");
    world.run(seconds(8.9));
    assert!(!world.told(&yard).ended);
    world.run(seconds(0.2));
    let told = world.told(&yard);
    assert!(told.ended && told.returned.contains_key("web1"));
    assert!(told.missing["web2"].contains("did not return"));
    let asked = |fun: &str| world.said_to("web2").iter().filter(|(_, body)| body["fun"] == fun).count();
    assert_eq!((asked("test.ping"), asked("saltutil.find_job")), (1, 2));
}
