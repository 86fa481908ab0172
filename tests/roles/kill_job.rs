//! A running job can be ended, and returns as ended.

use crate::world::{World, glob, seconds};
use serde_json::json;

#[test]
fn killed() {
    let mut world = World::with(&["web1"]);
    let yard = world.publish("test.sleep", &[json!(1000)], glob("*"), 5.0);
    world.run(seconds(1.0));
    let jid = world.told(&yard).jid;
    let running = world.publish("saltutil.running", &[], glob("*"), 5.0);
    let kill = world.publish("saltutil.kill_job", &[json!(jid)], glob("*"), 5.0);
    world.run(seconds(1.0));
    assert_eq!(world.told(&running).returned["web1"].value[0]["jid"], json!(jid));
    assert!(world.told(&kill).returned["web1"].success);
    assert_eq!(world.told(&yard).returned["web1"].retcode, -9);
    let again = world.publish("saltutil.kill_job", &[json!(jid)], glob("*"), 5.0);
    world.run(seconds(1.0));
    assert_eq!(world.told(&again).returned["web1"].value, json!(""), "as Salt says that nothing runs");
}
