//! Whatever a minion asks, it gets an answer at the yard that asked: a Salt minion blocks until then.

use crate::world::{World, name, remote_cmd, seconds};
use roadstead::message::Address;
use roadstead::transport::Event;
use serde_json::{Value, json};

#[test]
fn known_unknown_and_broken() {
    let mut world = World::with(&[]);
    world.puppet("salt1");
    let requests = [
        (json!({"cmd": "_pillar"}), ("return", json!({}))),
        (json!({"cmd": "_return", "jid": "nonsense", "return": 1}), ("return", Value::Null)),
        (json!({"cmd": "_minion_event", "tag": "x", "data": {}}), ("return", json!(true))),
        (json!({"cmd": "_ext_nodes", "opts": {}}), ("", json!({}))),
        (json!({"cmd": "__init__"}), ("", json!({}))),
        (json!({}), ("", json!({}))),
        (json!([1, 2]), ("", json!({}))),
    ];
    for (load, answer) in requests {
        world.heard.clear();
        world.say("salt1", "load", remote_cmd(), &load);
        world.run(seconds(0.1));
        assert_eq!(world.said_to("salt1"), [(answer.0.to_owned(), answer.1)], "{load}");
        let received = world.heard["salt1"].iter().find_map(|event| match event {
            Event::Received { message, .. } => Some(message.route.dst.clone()),
            _ => None,
        });
        let asked = Address { estate: Some(name("salt1")), yard: Some(name("jobber1")), share: Some(name("track1")) };
        assert_eq!(received, Some(asked));
    }
}

#[test]
fn other_yards_and_shares_are_not_for_minions() {
    let mut world = World::with(&[]);
    world.puppet("salt1");
    for (yard, share) in [(Some("worker1"), "remote_cmd"), (None, "local_cmd"), (None, "event_fire")] {
        let dst = Address { estate: None, yard: yard.map(name), share: Some(name(share)) };
        world.say("salt1", "load", dst, &json!({"cmd": "ping"}));
    }
    world.run(seconds(1.0));
    assert_eq!(world.said_to("salt1"), []);
}
