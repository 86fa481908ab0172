//! A minion that is not there when a job is published has until the deadline.

use crate::world::{World, seconds};

#[test]
fn joins_in_time_or_is_missing() {
    let mut world = World::with(&["web1", "web2", "web3"]);
    world.kill("web2");
    world.kill("web3");
    world.run(seconds(1.0));
    let yard = world.ping("*");
    world.run(seconds(3.0));
    assert_eq!(world.told(&yard).returned.len(), 1);
    world.add("web2");
    world.run(seconds(0.1));
    assert_eq!(world.told(&yard).returned.len(), 2);
    world.run(seconds(2.0));
    let told = world.told(&yard);
    assert_eq!((told.ended, told.missing["web3"].as_str()), (true, "it is not connected"));
    world.add("web3");
    world.run(seconds(5.0));
    assert_eq!(world.runs.len(), 2, "too late");
}
