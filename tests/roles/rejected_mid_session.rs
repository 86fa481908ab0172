//! Rejecting a key ends its part in running jobs at once, and its answers count no more.

use crate::world::{World, glob, name, seconds};
use roadstead::base::Acceptance;
use serde_json::json;

#[test]
fn its_job_ends() {
    let mut world = World::with(&["web1", "web2"]);
    let yard = world.publish("test.sleep", &[json!(1.0)], glob("*"), 5.0);
    world.run(seconds(0.5));
    world.switch.decide(&name("m"), &name("web1"), Some(Acceptance::Rejected));
    world.run(seconds(0.01));
    assert_eq!(world.told(&yard).missing["web1"], "its key was rejected");
    world.run(seconds(10.0));
    let told = world.told(&yard);
    assert!(told.ended && told.returned.contains_key("web2"));
    let next = world.ping("*");
    world.run(seconds(0.1));
    assert_eq!(world.told(&next).minions, ["web2"]);
}
