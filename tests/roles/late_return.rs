//! A return after the job's end is kept on record.

use crate::world::{World, glob, name, seconds};
use roadstead::master::request::Request;
use serde_json::json;

#[test]
fn looked_up() {
    let mut world = World::with(&["web1"]);
    let yard = world.publish("test.sleep", &[json!(8.0)], glob("*"), 5.0);
    world.run(seconds(1.0));
    world.switch.cut(&name("web1"), true);
    world.run(seconds(5.0));
    let jid = world.told(&yard).jid;
    assert!(world.told(&yard).missing.contains_key("web1"));
    world.run(seconds(5.0));
    world.switch.cut(&name("web1"), false);
    world.run(seconds(1.0));
    assert!(world.told(&yard).returned.is_empty(), "the end is the end");
    let lookup = world.ask(&Request::Lookup { jid });
    let told = world.told(&lookup);
    assert_eq!((told.ended, &told.returned["web1"].value), (true, &json!(8.0)));
}
