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
    let [(id, why)] = world.fatal.as_slice() else { panic!("{:?}", world.fatal) };
    assert_eq!(id, "web2");
    assert!(why.contains(&key("m", 0).to_string()) && why.contains(&key("m", 7).to_string()), "{why}");
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
    let [(id, why)] = world.fatal.as_slice() else { panic!("{:?}", world.fatal) };
    assert_eq!(id, "web1");
    assert!(why.contains(&key("m", 0).to_string()) && why.contains(&key("m", 1).to_string()), "{why}");
    assert!(why.contains("estate-keys -c /etc/roadstead/minion delete m"), "{why}");
}
