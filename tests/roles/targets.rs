//! A job runs on those it is for, and on nobody else.

use crate::world::{World, glob, list, seconds};
use roadstead::master::request::Target;

fn ran(target: Target) -> Vec<String> {
    let mut world = World::with(&["web1", "web2", "db1", "db2"]);
    let yard = world.publish("test.ping", &[], target, 5.0);
    world.run(seconds(0.1));
    let told = world.told(&yard);
    assert!(told.ended && told.missing.is_empty());
    let mut ran: Vec<String> = world.runs.into_iter().map(|(id, _, _)| id).collect();
    ran.sort();
    assert_eq!(ran, told.minions);
    ran
}

#[test]
fn globs_and_lists() {
    assert_eq!(ran(glob("web*")), ["web1", "web2"]);
    assert_eq!(ran(glob("*[!1]")), ["db2", "web2"]);
    assert_eq!(ran(list(&["db2", "web1", "nobody"])), ["db2", "web1"]);
}

#[test]
fn nobody_matches() {
    assert!(ran(glob("mail*")).is_empty());
    assert!(ran(list(&[])).is_empty());
}

#[test]
fn a_list_too_long_to_be_sent_along() {
    let ids: Vec<String> = (0..100).map(|n| format!("x{n}")).chain(["db1".to_owned()]).collect();
    assert_eq!(ran(Target::List(ids)), ["db1"]);
}
