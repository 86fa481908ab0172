//! An unknown key waits for the operator; until then nothing is for it.

use crate::world::{World, glob, name, seconds};
use roadstead::master::Policy;

#[test]
fn accepted_later() {
    let mut world = World::new(Policy::default());
    world.add("web1");
    world.run(seconds(3.0));
    let before = world.publish("test.ping", &[], glob("*"), 5.0);
    assert!(world.told(&before).minions.is_empty() && world.told(&before).ended);
    world.accept("web1");
    world.run(seconds(1.5));
    let after = world.ping("*");
    world.run(seconds(0.1));
    assert_eq!(world.told(&after).returned.len(), 1);
}

#[test]
fn forgotten_and_knocking_again() {
    let mut world = World::with(&["web1"]);
    world.master.set_policy(Policy::default());
    world.switch.decide(&name("m"), &name("web1"), None);
    world.run(seconds(2.0));
    let yard = world.ping("*");
    assert!(world.told(&yard).minions.is_empty());
    world.accept("web1");
    world.run(seconds(0.1));
    let yard = world.ping("*");
    world.run(seconds(0.1));
    assert_eq!(world.told(&yard).returned.len(), 1);
}
