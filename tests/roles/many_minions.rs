//! A fleet of ten thousand: one publish, one answer each.

use crate::world::{World, seconds};

#[test]
fn ten_thousand() {
    let ids: Vec<String> = (0..10_000).map(|n| format!("web{n}")).collect();
    let mut world = World::with(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let yard = world.ping("*");
    world.run(seconds(1.0));
    let told = world.told(&yard);
    assert_eq!((told.ended, told.returned.len()), (true, 10_000));
}
