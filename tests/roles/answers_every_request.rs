//! Whatever a minion asks, it gets an answer at the yard that asked: a Salt minion blocks until then.

use crate::world::{World, name, remote_cmd, seconds};
use roadstead::base::limits;
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
        (json!({"cmd": "_echo", "say": "x", "id": "other"}), ("return", json!("x"))),
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

/// The host is asked under the name of the session, and no more than it can do at once.
#[test]
fn the_host_is_asked_in_turns() {
    let mut world = World::with(&[]);
    world.serving = seconds(0.5);
    let minions = ["salt1", "salt2", "salt3", "salt4", "salt5"];
    minions.iter().for_each(|id| world.puppet(id));
    for n in 0..200 {
        world.say("salt1", "load", remote_cmd(), &json!({"cmd": "_echo", "say": n, "id": "salt2"}));
    }
    world.run(seconds(0.1));
    minions[1..].iter().for_each(|id| {
        world.say(id, "load", remote_cmd(), &json!({"cmd": "_echo", "say": id}));
    });
    world.run(seconds(1.0));
    for id in &minions[1..] {
        assert_eq!(world.said_to(id), [("return".to_owned(), json!(id))], "{id} waits for nobody");
    }
    world.run(seconds(30.0));
    let said: Vec<_> = world.said_to("salt1").into_iter().map(|(_, n)| n).collect();
    assert_eq!(said, (0..200).map(|n| json!(n)).collect::<Vec<_>>());
    assert!(world.asked.iter().all(|(from, load)| load["id"] == json!(from)), "a request's own words are not believed");
}

#[test]
fn what_has_no_room_is_answered_at_once() {
    let mut world = World::with(&[]);
    world.serving = seconds(600.0);
    world.puppet("salt1");
    for n in 0..300 {
        world.say("salt1", "load", remote_cmd(), &json!({"cmd": "_echo", "say": n}));
    }
    world.run(seconds(1.0));
    let refused = world.said_to("salt1");
    let most = 300 - limits::ASKED_OF_ONE;
    assert!((most - limits::SERVED_OF_ONE..=most).contains(&refused.len()), "{}", refused.len());
    assert!(refused.iter().all(|said| *said == (String::new(), json!({}))));
}

#[test]
fn one_that_takes_no_answers_leaves_room_for_others() {
    let mut world = World::with(&[]);
    ["salt1", "salt2"].iter().for_each(|id| world.puppet(id));
    // Longer than what may be on its way.
    let length = limits::ANSWERS_OF_ONE_BYTES / 4;
    for _ in 0..20 {
        world.say("salt1", "load", remote_cmd(), &json!({"cmd": "_long", "length": length}));
    }
    world.delay = 10_000_000..=10_000_000;
    world.run(seconds(9.0));
    assert_eq!(world.asked.len(), 0);
    world.run(seconds(5.0));
    let first = world.asked.len();
    assert!((4..=8).contains(&first), "{first} were answered before any arrived");
    world.say("salt2", "load", remote_cmd(), &json!({"cmd": "_echo", "say": 2}));
    world.run(seconds(25.0));
    assert_eq!(world.said_to("salt2").len(), 1);
    world.run(seconds(200.0));
    assert_eq!(world.said_to("salt1").len(), 20);
}

/// A process that starts anew would take the answers for those to its own questions.
#[test]
fn answers_are_for_those_who_asked() {
    let mut world = World::with(&[]);
    world.serving = seconds(1.0);
    world.puppet("salt1");
    for n in 0..20 {
        world.say("salt1", "load", remote_cmd(), &json!({"cmd": "_echo", "say": n}));
    }
    world.run(seconds(0.5));
    world.heard.clear();
    world.puppet("salt1");
    world.say("salt1", "load", remote_cmd(), &json!({"cmd": "_pillar"}));
    world.run(seconds(30.0));
    assert_eq!(world.said_to("salt1"), [("return".to_owned(), json!({}))]);
}

#[test]
fn an_answer_that_no_wire_carries_is_made_up_for() {
    let mut world = World::with(&[]);
    world.puppet("salt1");
    world.say("salt1", "load", remote_cmd(), &json!({"cmd": "_long", "length": limits::MESSAGE_MAX}));
    world.run(seconds(1.0));
    assert_eq!(world.said_to("salt1"), [(String::new(), json!({}))]);
}
