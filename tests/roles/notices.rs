//! A yard that listens hears what happens, with Salt's tags.

use crate::world::{World, name, seconds};
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
