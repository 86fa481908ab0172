//! A minion of Salt takes the first message after it joined for its pillar, so it gets no job before that.

use crate::world::{World, remote_cmd, seconds};
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
