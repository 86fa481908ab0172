//! What the master remembers of jobs.

use crate::world::{World, glob, seconds};
use roadstead::master::request::{Reply, Request};
use serde_json::json;

#[test]
fn list_and_lookup() {
    let mut world = World::with(&["web1", "web2"]);
    let yard = world.ping("web1");
    world.run(seconds(0.1));
    let slow = world.publish("test.sleep", &[json!(9)], glob("*"), 5.0);
    let list = world.ask(&Request::Jobs);
    let replies = world.replies(&list);
    let [Reply::Jobs { jobs }] = replies.as_slice() else { panic!("no list") };
    let brief: Vec<_> = jobs.iter().map(|j| (j.fun.as_str(), j.minions, j.returned, j.ended)).collect();
    assert_eq!(brief, [("test.ping", 1, 1, true), ("test.sleep", 2, 0, false)]);
    assert_eq!(jobs[0].user, "tester");
    let lookup = world.ask(&Request::Lookup { jid: jobs[0].jid.clone() });
    assert_eq!(world.told(&lookup), world.told(&yard));
    let running = world.ask(&Request::Lookup { jid: world.told(&slow).jid });
    assert_eq!(world.told(&running).missing["web2"], "it has not answered yet");
    let unknown = world.ask(&Request::Lookup { jid: "20200101000000000000".to_owned() });
    assert!(matches!(world.replies(&unknown).as_slice(), [Reply::Refused { .. }]));
}
