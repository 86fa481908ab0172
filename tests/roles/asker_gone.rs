//! The command line that asked may end; its job does not.

use crate::world::{World, glob, name, seconds};
use roadstead::duty::Duty;
use roadstead::master::request::Request;
use serde_json::json;

#[test]
fn results_go_on_record() {
    let mut world = World::with(&["web1"]);
    let yard = world.publish("test.sleep", &[json!(2)], glob("*"), 5.0);
    let jid = world.told(&yard).jid;
    world.master.handle_gone(world.now, &name(&yard));
    world.run(seconds(3.0));
    assert_eq!(world.pages(&yard).len(), 1, "nothing is sent to a yard that is gone");
    let lookup = world.ask(&Request::Lookup { jid });
    assert_eq!(world.told(&lookup).returned.len(), 1);
}
