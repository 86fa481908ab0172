//! A minion that trusts nobody unasked waits until its operator accepts the master.

use crate::world::{World, key, name, seconds};
use roadstead::base::Acceptance;
use roadstead::master::Policy;

fn answers(world: &mut World) -> usize {
    let yard = world.ping("*");
    world.run(seconds(0.1));
    world.told(&yard).returned.len()
}

#[test]
fn until_it_is_accepted() {
    let mut world = World::new(Policy { auto_accept: true, ..Policy::default() });
    world.start_with("web1", 0, None, false);
    world.run(seconds(5.0));
    assert_eq!(answers(&mut world), 0);
    assert!(world.switch.decide(&name("web1"), &name("m"), Some(Acceptance::Accepted)), "its key waits there");
    world.run(seconds(5.0));
    assert_eq!(answers(&mut world), 1);
    // Once pinned it is no first contact any more.
    world.start_with("web1", 0, None, false);
    world.run(seconds(5.0));
    assert_eq!((answers(&mut world), world.fatal.len()), (1, 0));
}

#[test]
fn a_demanded_key_needs_no_operator() {
    let mut world = World::new(Policy { auto_accept: true, ..Policy::default() });
    world.start_with("web1", 0, Some(key("m", 0)), false);
    world.run(seconds(5.0));
    assert_eq!(answers(&mut world), 1);
}
