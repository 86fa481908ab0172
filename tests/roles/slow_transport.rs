//! A transport that hands commands back delays jobs and loses none.

use crate::world::{World, glob, seconds};
use serde_json::json;

#[test]
fn everything_arrives_in_the_end() {
    let ids: Vec<String> = (0..20).map(|n| format!("web{n}")).collect();
    let mut world = World::with(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    world.full = 70;
    let yards: Vec<String> = (0..5).map(|_| world.publish("test.ping", &[json!(1)], glob("*"), 20.0)).collect();
    world.run(seconds(15.0));
    assert!(world.handed_back > 200);
    for yard in yards {
        let told = world.told(&yard);
        assert_eq!((told.ended, told.returned.len()), (true, 20));
    }
    assert_eq!(world.runs.len(), 100);
}
