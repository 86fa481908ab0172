//! Who is let in without the operator.

use crate::world::{World, key, seconds};
use roadstead::master::Policy;

fn present(policy: &Policy) -> Vec<String> {
    let mut world = World::new(policy.clone());
    ["web1", "web2", "db1"].iter().for_each(|id| world.add(id));
    world.run(seconds(1.0));
    let yard = world.ping("*");
    world.run(seconds(1.0));
    world.told(&yard).returned.into_keys().collect()
}

#[test]
fn by_policy() {
    let none = Policy::default();
    assert!(present(&none).is_empty());
    let lists = Policy { autosign: vec!["web*".to_owned()], autoreject: vec!["web2".to_owned()], ..none };
    assert_eq!(present(&lists), ["web1"]);
    let all = Policy { auto_accept: true, ..lists };
    assert_eq!(present(&all), ["db1", "web1"]);
    assert_eq!(present(&Policy { open_mode: true, ..all }), ["db1", "web1", "web2"]);
}

#[test]
fn autosign_read_again_lets_in_those_who_wait() {
    let mut world = World::new(Policy::default());
    world.add("web1");
    world.run(seconds(1.0));
    world.master.set_policy(Policy { autosign: vec!["web1".to_owned()], ..Policy::default() });
    world.run(seconds(1.0));
    let yard = world.ping("*");
    world.run(seconds(1.0));
    assert_eq!(world.told(&yard).returned.len(), 1);
}

#[test]
fn another_key_gets_in_only_in_open_mode() {
    for open_mode in [false, true] {
        let mut world = World::new(Policy { auto_accept: true, open_mode, ..Policy::default() });
        world.add("web1");
        world.run(seconds(1.0));
        world.kill("web1");
        world.start("web1", 1, None);
        assert_ne!(key("web1", 0), key("web1", 1));
        world.run(seconds(3.0));
        let yard = world.ping("*");
        world.run(seconds(10.0));
        assert_eq!(world.told(&yard).returned.len(), usize::from(open_mode));
    }
}
