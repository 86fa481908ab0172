//! Everybody who is there answers.

use crate::world::{World, seconds};
use serde_json::json;

#[test]
fn fifty_minions_answer() {
    let ids: Vec<String> = (0..50).map(|n| format!("web{n}")).collect();
    let mut world = World::with(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let yard = world.ping("*");
    world.run(seconds(0.1));
    let told = world.told(&yard);
    assert!(told.ended);
    assert_eq!(told.returned.len(), 50);
    assert!(
        told.returned.values().all(|r| r.value == json!(true) && r.success && r.retcode == 0 && r.fun == "test.ping")
    );
    assert_eq!(told.jid, "20261120082120500000");
    assert_eq!(world.runs.len(), 50);
}

#[test]
fn a_function_that_fails_says_so() {
    let mut world = World::with(&["web1"]);
    let yard = world.publish("no.such", &[], crate::world::glob("*"), 5.0);
    world.run(seconds(0.1));
    let told = world.told(&yard);
    let one = &told.returned["web1"];
    assert_eq!((one.success, one.retcode, &one.value), (false, 1, &json!("'no.such' is not available.")));
}
