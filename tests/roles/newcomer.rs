//! A minion of Salt takes the first message after it joined for its pillar, so it gets no job before that.

use crate::world::{World, remote_cmd, seconds};
use roadstead::message::Address;
use serde_json::json;

#[test]
fn the_pillar_comes_first() {
    let mut world = World::with(&[]);
    world.puppet("salt1");
    let yard = world.ping("*");
    world.run(seconds(0.5));
    assert_eq!(world.said_to("salt1"), []);
    let load = json!({"cmd": "_pillar", "id": "salt1", "ver": "2", "saltenv": null, "grains": {}});
    world.say("salt1", "load", remote_cmd(), &load);
    world.run(seconds(0.5));
    let said = world.said_to("salt1");
    assert_eq!(said[0], ("return".to_owned(), json!({})));
    assert_eq!((said[1].0.as_str(), &said[1].1["fun"], said.len()), ("pub", &json!("test.ping"), 2));
    let jid = world.told(&yard).jid;
    let job =
        json!({"fun": "test.ping", "arg": [], "tgt": "*", "tgt_type": "glob", "jid": jid, "ret": "", "user": "tester"});
    assert_eq!(said[1].1, job);
}

#[test]
fn one_that_asks_nothing_gets_its_job_soon() {
    let mut world = World::with(&[]);
    world.puppet("raet1");
    world.ping("*");
    world.run(seconds(2.1));
    assert_eq!(world.said_to("raet1").len(), 1);
}

/// However long its pillar takes, and whatever else it asks meanwhile.
#[test]
fn a_slow_pillar_comes_first() {
    let mut world = World::with(&[]);
    world.serving = seconds(20.0);
    world.puppet("salt1");
    let main = Address::default();
    world.say_from("salt1", &main, "load", remote_cmd(), &json!({"cmd": "_pillar"}));
    world.run(seconds(10.0));
    world.say("salt1", "load", remote_cmd(), &json!({"cmd": "_minion_event", "tag": "x", "data": {}}));
    world.run(seconds(5.0));
    world.ping("*");
    world.run(seconds(4.0));
    assert_eq!(world.said_to("salt1"), []);
    world.run(seconds(2.0));
    let said = world.said_to("salt1");
    assert_eq!(said[0], ("return".to_owned(), json!({})));
    assert_eq!(said[1], ("return".to_owned(), json!(true)));
    assert_eq!((said[2].0.as_str(), &said[2].1["fun"]), ("pub", &json!("test.ping")));
}

/// A minion that asks for its pillar anew takes the next message for it as well.
#[test]
fn no_job_comes_between_a_pillar_and_its_answer() {
    let mut world = World::with(&[]);
    world.puppet("salt1");
    world.say_from("salt1", &Address::default(), "load", remote_cmd(), &json!({"cmd": "_pillar"}));
    world.run(seconds(3.0));
    world.heard.clear();
    world.serving = seconds(1.0);
    world.say_from("salt1", &Address::default(), "load", remote_cmd(), &json!({"cmd": "_pillar"}));
    world.run(seconds(0.1));
    world.ping("*");
    world.run(seconds(0.5));
    assert_eq!(world.said_to("salt1"), []);
    world.run(seconds(1.0));
    let kinds: Vec<_> = world.said_to("salt1").into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["return", "pub"]);
}

/// After some functions a Salt minion asks for its pillar anew, two rounds of its loop later.
#[test]
fn no_job_comes_right_after_a_refresh() {
    let mut world = World::with(&[]);
    world.puppet("salt1");
    world.run(seconds(3.0));
    let ret = |fun: &str| json!({"cmd": "_return", "jid": "20260101000000000000", "fun": fun, "return": true});
    for (fun, wait) in
        [("saltutil.sync_all", 0.9), ("grains.setval", 0.9), ("test.ping", 0.0), ("saltutil.find_job", 0.0)]
    {
        world.heard.clear();
        world.say("salt1", "load", remote_cmd(), &ret(fun));
        world.run(seconds(0.1));
        world.ping("*");
        world.run(seconds(0.8));
        let jobs = |world: &World| world.said_to("salt1").iter().filter(|(kind, _)| kind == "pub").count();
        assert_eq!(jobs(&world), usize::from(wait == 0.0), "{fun}");
        world.run(seconds(1.0));
        assert_eq!(jobs(&world), 1, "{fun}");
        world.run(seconds(30.0));
    }
}
