//! A request that cannot be done is refused with a sentence, and nothing else happens.

use crate::world::{World, glob, name, seconds};
use roadstead::base::limits;
use roadstead::duty::{Duty, Output};
use roadstead::master::request::{Reply, Request};
use roadstead::message::Address;
use serde_json::{Value, json};

fn why(world: &World, yard: &str) -> String {
    match world.replies(yard).as_slice() {
        [Reply::Refused { why }] => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_publishes() {
    let mut world = World::with(&["web1"]);
    let deep = (0..limits::BODY_DEPTH).fold(Value::Null, |inner, _| json!([inner]));
    let big = Value::from("x".repeat(limits::MESSAGE_MAX));
    for (fun, arg, timeout, word) in [
        ("ping", vec![], 5.0, "module.function"),
        ("test.ping; rm", vec![], 5.0, "module.function"),
        ("test.ping", vec![], 0.0, "timeout"),
        ("test.ping", vec![], -1.0, "timeout"),
        ("test.ping", vec![], 1e12, "timeout"),
        ("test.ping", vec![deep], 5.0, "nested"),
        ("test.ping", vec![big], 5.0, "bytes"),
    ] {
        let yard = world.publish(fun, &arg, glob("*"), timeout);
        assert!(why(&world, &yard).contains(word), "{}", why(&world, &yard));
    }
    world.run(seconds(1.0));
    assert!(world.runs.is_empty());
}

#[test]
fn pages_that_are_no_requests() {
    let mut world = World::with(&[]);
    let local = || Address { estate: None, yard: None, share: Some(name("local_cmd")) };
    for (dst, kind, body) in [
        (local(), "load", json!({"cmd": "conquer"})),
        (local(), "load", json!("publish")),
        (local(), "pub", json!({"cmd": "ping"})),
        (Address::default(), "load", json!({"cmd": "ping"})),
    ] {
        let yard = world.page(dst, kind, &body);
        assert!(!why(&world, &yard).is_empty());
    }
}

#[test]
fn too_many_jobs() {
    let mut world = World::with(&["web1"]);
    world.kill("web1");
    let yards: Vec<String> = (0..=limits::JOBS).map(|_| world.ping("*")).collect();
    assert!(why(&world, &yards[limits::JOBS]).contains("jobs run already"));
    world.run(seconds(10.0));
    assert!(yards[..limits::JOBS].iter().all(|yard| world.told(yard).ended));
    let yard = world.ping("*");
    assert_eq!(world.told(&yard).minions, ["web1"]);
}

#[test]
fn ping_is_answered_by_both() {
    let mut world = World::with(&[]);
    let yard = world.ask(&Request::Ping);
    let here = |id: &str| Reply::Here { id: name(id), version: "1".to_owned() };
    assert_eq!(world.replies(&yard), [here("m")]);
    let config = crate::world::minion_config("web1", crate::world::key("web1", 0), None, true);
    let mut minion = roadstead::minion::Minion::new(config, world.now);
    let page = roadstead::message::Message::new(Default::default(), "load", &Request::Ping).unwrap();
    minion.handle_page(world.now, Default::default(), name("client1"), 0, page);
    let Some(Output::Page { yard, message }) = minion.poll_output() else { panic!("no page") };
    assert_eq!((yard, message.read::<Reply>()), (name("client1"), Ok(here("web1"))));
}
