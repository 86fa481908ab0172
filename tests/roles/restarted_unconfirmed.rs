//! A job whose arrival was not confirmed when the minion started anew is not sent again: it may have run, and the new
//! process would not know.

use crate::world::{World, glob, seconds};
use roadstead::base::Name;
use roadstead::duty::Duty;
use roadstead::transport::{Departure, Event};
use serde_json::json;

const WHY: &str = "it may have run: the minion started anew before it confirmed";

#[test]
fn missing_rather_than_twice() {
    let mut world = World::with(&["web1", "web2"]);
    world.delay = 100_000..=100_000;
    let yard = world.publish("test.sleep", &[json!(2.0)], glob("*"), 5.0);
    // Both have the job, and the master does not know it yet.
    world.run(seconds(0.15));
    assert_eq!(world.runs.len(), 2);
    world.add("web1");
    world.run(seconds(10.0));
    let told = world.told(&yard);
    assert_eq!((told.ended, told.missing["web1"].as_str()), (true, WHY));
    assert!(told.returned.contains_key("web2"));
    assert_eq!(world.runs.len(), 2, "no job ran twice");
    let yard = world.ping("web1");
    world.run(seconds(1.0));
    assert_eq!(world.told(&yard).returned.len(), 1);
}

#[test]
fn what_was_lost_earlier_counts_too() {
    let mut world = World::with(&["web1"]);
    world.delay = 100_000..=100_000;
    let id = Name::new("web1").unwrap();
    let yard = world.publish("test.sleep", &[json!(2.0)], glob("*"), 5.0);
    world.run(seconds(0.15));
    world.switch.cut(&id, true);
    world.run(seconds(0.1));
    assert!(world.told(&yard).missing.is_empty(), "it may come back and know the job");
    let now = world.now;
    world.master.handle_event(now, Event::Left { peer: id, why: Departure::Renewed });
    world.run(seconds(0.1));
    assert_eq!(world.told(&yard).missing["web1"], WHY);
}

#[test]
fn what_never_left_is_sent_to_the_new_life() {
    let mut world = World::with(&["web1"]);
    // The transport hands every command back for a while.
    world.full = 100;
    let yard = world.ping("*");
    world.run(seconds(0.1));
    world.add("web1");
    world.run(seconds(0.1));
    world.full = 0;
    world.run(seconds(3.0));
    assert_eq!((world.told(&yard).returned.len(), world.runs.len()), (1, 1));
}
