//! A return that takes long on its way is waited for: its minion says that it is returning.

use crate::world::{World, glob, seconds};
use serde_json::json;

#[test]
fn a_job_whose_return_is_on_its_way_still_runs() {
    let mut world = World::with(&["web1"]);
    let yard = world.publish("test.sleep", &[json!(0.2)], glob("*"), 5.0);
    world.run(seconds(0.15));
    world.delay = 20_000_000..=20_000_000;
    world.run(seconds(0.15));
    world.delay = 1000..=1000;
    world.run(seconds(19.0));
    assert!(!world.told(&yard).ended, "{:?}", world.told(&yard));
    world.run(seconds(1.5));
    assert_eq!(world.told(&yard).returned["web1"].value, json!(0.2));
}
