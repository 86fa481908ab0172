//! A yard that listens hears what happens, with Salt's tags.

use crate::world::{World, name, remote_cmd, seconds};
use roadstead::bus::Notice;
use roadstead::duty::Duty;
use roadstead::master::Policy;
use roadstead::message::Address;
use serde_json::json;

#[test]
fn heard_until_gone() {
    let mut world = World::new(Policy::default());
    let share = |text: &str| Address { estate: None, yard: None, share: Some(name(text)) };
    let yard = world.page(share("event_req"), "", &json!({}));
    world.add("web1");
    world.run(seconds(0.5));
    world.accept("web1");
    world.run(seconds(0.5));
    let job = world.ping("*");
    world.run(seconds(0.5));
    let jid = world.told(&job).jid;
    world.kill("web1");
    world.run(seconds(0.5));
    let notices: Vec<Notice> = world.pages(&yard).iter().map(|message| message.read().unwrap()).collect();
    let mut tags: Vec<&str> = notices.iter().map(|notice| notice.tag.as_str()).collect();
    tags.dedup();
    let (new, ret) = (format!("salt/job/{jid}/new"), format!("salt/job/{jid}/ret/web1"));
    let change = "salt/presence/change";
    assert_eq!(tags, ["salt/auth", change, "salt/minion/web1/start", &new, &ret, change]);
    let of = |tag: &str| notices.iter().find(|notice| notice.tag == tag).map(|notice| &notice.data).unwrap();
    assert_eq!((&of(&new)["fun"], &of(&new)["minions"]), (&json!("test.ping"), &json!(["web1"])));
    assert_eq!((&of(&ret)["id"], &of(&ret)["return"]), (&json!("web1"), &json!(true)));
    let (heard, present) = (world.pages(&yard).len(), world.page(share("presence_req"), "", &json!({})));
    assert_eq!(world.pages(&present)[0].read::<Notice>().unwrap().data, json!({"present": {}}));
    world.master.handle_gone(world.now, &name(&yard));
    world.add("web1");
    world.run(seconds(2.0));
    assert_eq!(world.pages(&yard).len(), heard);
}

/// A Salt minion sends one notice, or a list of them with a tag before theirs.
#[test]
fn a_minions_notices_are_its_own() {
    let mut world = World::with(&[]);
    world.puppet("salt1");
    let share = |text: &str| Address { estate: None, yard: None, share: Some(name(text)) };
    let yard = world.page(share("event_req"), "", &json!({}));
    for load in [
        json!({"cmd": "_minion_event", "tag": "one", "data": {"n": 1}}),
        json!({"cmd": "_minion_event", "tag": "salt/job/1/ret/salt1", "data": {}}),
        json!({"cmd": "_minion_event", "pretag": "pre", "events": [
            {"tag": "two", "data": {"n": 2}}, {"tag": "three", "n": 3}, {"n": 4}, 5, {"tag": "salt/beacon/other/load", "data": {}},
        ]}),
        json!({"cmd": "_minion_event", "pretag": "salt/auth", "events": [{"tag": "salt/beacon/salt1/load", "data": {"n": 6}}]}),
        json!({"cmd": "_minion_event", "events": {}}),
    ] {
        world.say("salt1", "load", remote_cmd(), &load);
    }
    world.run(seconds(1.0));
    assert_eq!(world.said_to("salt1").len(), 5, "each is answered");
    let heard: Vec<Notice> = world.pages(&yard).iter().map(|message| message.read().unwrap()).collect();
    let heard: Vec<_> = heard.into_iter().map(|notice| (notice.tag, notice.data["data"].clone())).collect();
    let expected = [
        ("one", json!({"n": 1})),
        ("pre/two", json!({"n": 2})),
        ("two", json!({"n": 2})),
        ("pre/three", json!({"tag": "three", "n": 3})),
        ("three", json!({"tag": "three", "n": 3})),
        ("pre/salt/beacon/other/load", json!({})),
        ("salt/beacon/salt1/load", json!({"n": 6})),
    ];
    assert_eq!(heard, expected.map(|(tag, data)| (tag.to_owned(), data)));
}
