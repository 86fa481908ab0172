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

#[test]
fn a_job_that_was_given_up_is_not_sent_any_more() {
    let mut world = World::with(&["web1"]);
    world.full = 100;
    let yard = world.ping("*");
    world.run(seconds(10.0));
    assert_eq!(world.told(&yard).missing["web1"], "the job could not be brought to it in time");
    world.full = 0;
    world.run(seconds(5.0));
    assert!(world.runs.is_empty());
    let next = world.ping("*");
    world.run(seconds(0.1));
    assert_eq!(world.told(&next).returned.len(), 1);
}
