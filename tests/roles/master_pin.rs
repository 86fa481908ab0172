//! A minion serves the one master it knows.

use crate::world::{World, key, name, seconds};
use roadstead::master::Policy;

fn all() -> Policy {
    Policy { auto_accept: true, ..Policy::default() }
}

#[test]
fn demanded_key() {
    let mut world = World::new(all());
    world.start("web1", 0, Some(key("m", 0)));
    world.start("web2", 0, Some(key("m", 7)));
    world.run(seconds(1.0));
    // What a stranger's datagram says ends nobody: the minion stays, and stays out.
    assert_eq!(world.fatal, []);
    let yard = world.ping("*");
    world.run(seconds(0.1));
    assert_eq!(world.told(&yard).returned.keys().collect::<Vec<_>>(), ["web1"]);
    // The setting corrected, it gets in: nothing was kept against the master.
    world.start("web2", 0, Some(key("m", 0)));
    world.run(seconds(2.0));
    let yard = world.ping("web2");
    world.run(seconds(0.1));
    assert_eq!(world.told(&yard).returned.len(), 1);
}

#[test]
fn another_key_under_the_masters_name() {
    let mut world = World::new(all());
    world.add("web1");
    world.run(seconds(1.0));
    world.switch.attach(&name("m"), key("m", 1), None);
    world.run(seconds(2.0));
    assert_eq!(world.fatal, []);
    let yard = world.ping("*");
    world.run(seconds(30.0));
    assert!(world.told(&yard).returned.is_empty(), "another key is another master");
    // The right one comes back and is served as before.
    world.switch.attach(&name("m"), key("m", 0), None);
    world.run(seconds(2.0));
    let yard = world.ping("web1");
    world.run(seconds(1.0));
    assert_eq!(world.told(&yard).returned.len(), 1);
}
