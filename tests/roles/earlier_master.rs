//! What minions return of jobs that an earlier process of the master published is kept on record.

use crate::world::{World, remote_cmd, seconds};
use roadstead::master::request::Request;
use serde_json::json;

#[test]
fn found_by_its_id() {
    let mut world = World::with(&[]);
    world.puppet("web1");
    world.puppet("web2");
    world.run(seconds(3.0));
    for id in ["web1", "web2"] {
        let load = json!({"cmd": "_return", "jid": "20200102030405060708", "id": "somebody", "fun": "cmd.run",
            "fun_args": ["uptime"], "return": format!("up, {id}"), "retcode": 0, "success": true});
        world.say(id, "load", remote_cmd(), &load);
    }
    world.run(seconds(1.0));
    let lookup = world.ask(&Request::Lookup { jid: "20200102030405060708".to_owned() });
    let told = world.told(&lookup);
    assert!(told.ended);
    let values: Vec<_> = told.returned.iter().map(|(id, answer)| (id.as_str(), answer.value.clone())).collect();
    assert_eq!(values, [("web1", json!("up, web1")), ("web2", json!("up, web2"))], "under the proven names");
}
