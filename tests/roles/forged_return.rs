//! A minion answers for itself only, once, and only for jobs it was given.

use crate::world::{World, glob, name, remote_cmd, seconds};
use roadstead::bus::Notice;
use roadstead::message::Address;
use serde_json::json;

#[test]
fn not_for_others_not_twice() {
    let mut world = World::with(&["web1"]);
    world.puppet("evil");
    world.puppet("good");
    world.run(seconds(3.0));
    let event_req = Address { estate: None, yard: None, share: Some(name("event_req")) };
    let listener = world.page(event_req, "", &json!({}));
    let yard = world.publish("test.sleep", &[json!(3)], crate::world::list(&["web1", "good"]), 5.0);
    world.run(seconds(0.1));
    let jid = world.told(&yard).jid;
    let load = |id: &str, value: i64| json!({"cmd": "_return", "id": id, "jid": jid, "fun": "f", "return": value});
    world.say("evil", "load", remote_cmd(), &load("web1", 66));
    world.say("evil", "load", remote_cmd(), &load("evil", 66));
    world.say("good", "load", remote_cmd(), &load("web1", 1));
    world.say("good", "load", remote_cmd(), &load("good", 2));
    world.run(seconds(5.0));
    let told = world.told(&yard);
    assert!(told.ended);
    let values: Vec<_> = told.returned.iter().map(|(id, one)| (id.as_str(), one.value.clone())).collect();
    assert_eq!(values, [("good", json!(1)), ("web1", json!(3.0))]);
    let notices = world.pages(&listener).iter().map(|message| message.read::<Notice>().unwrap());
    let rets: Vec<_> = notices.filter(|n| n.tag.contains("/ret/")).map(|n| (n.tag, n.data["id"].clone())).collect();
    let ret = |id: &str| (format!("salt/job/{jid}/ret/{id}"), json!(id));
    assert_eq!(rets, [ret("good"), ret("web1")]);
}

#[test]
fn a_return_without_success_or_retcode() {
    let mut world = World::with(&[]);
    world.puppet("salt1");
    world.run(seconds(3.0));
    let yard = world.publish("x.y", &[], glob("*"), 5.0);
    world.run(seconds(0.1));
    let jid = world.told(&yard).jid;
    // Salt over RAET §5: an unknown function.
    let load =
        json!({"cmd": "_return", "jid": jid, "fun": "x.y", "return": "'x.y' is not available.", "success": false});
    world.say("salt1", "load", remote_cmd(), &load);
    world.run(seconds(0.1));
    let told = world.told(&yard);
    assert_eq!((told.returned["salt1"].retcode, told.returned["salt1"].success), (1, false));
}
