//! A return that no message can carry becomes a failed one that says so.

use crate::world::{World, glob, seconds};
use roadstead::base::limits::MESSAGE_MAX;
use serde_json::json;

#[test]
fn told_with_size_and_limit() {
    let mut world = World::with(&["web1"]);
    let yard = world.publish("test.big", &[json!(MESSAGE_MAX + 1)], glob("*"), 5.0);
    world.run(seconds(1.0));
    let told = world.told(&yard);
    let one = &told.returned["web1"];
    let text = one.value.as_str().unwrap();
    assert!(!one.success && one.retcode != 0);
    assert!(text.contains(&MESSAGE_MAX.to_string()) && text.contains(&(MESSAGE_MAX + 6).to_string()), "{text}");
}
