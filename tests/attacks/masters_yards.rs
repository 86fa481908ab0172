//! An accepted minion of Salt can address any yard of its master: a worker, past the check of its id, or the share of the
//! command lines. Ours takes requests at its main yard, in `remote_cmd`, and nothing else.

use serde_json::{Value, json};

use crate::common::MILLI;
use crate::town::Town;

#[test]
fn are_out_of_a_minions_reach() {
    let mut town = Town::open();
    let at = town.joined("evil");
    let other = town.joined("web1");
    town.listen();
    let heard = town.clients[at].1.bodies.len();
    let yards = ["worker1", "worker5", "client1", "event1", "manor ", "m_master"];
    let shares = ["remote_cmd", "local_cmd", "event_fire", "event_req", "presence_req", "stats_req", "pub_ret", "fun"];
    let own = [json!(null), json!("m_master"), json!("web1_minion"), json!("elsewhere")];
    let loads = [
        json!({"cmd": "_pillar", "id": "web1"}),
        json!({"cmd": "get_token", "key": "x"}),
        json!({"cmd": "publish", "fun": "cmd.run", "arg": ["id"], "tgt": "*", "key": "x"}),
        json!({"cmd": "publish", "fun": "test.ping", "target": {"tgt_type": "glob", "tgt": "*"}, "timeout": 5.0}),
        json!({"cmd": "links"}),
    ];
    let mut words: Vec<Value> = Vec::new();
    for estate in &own {
        for load in &loads {
            for share in shares {
                for yard in yards {
                    words
                        .push(json!({"load": load, "route": {"src": [null, "x1", "t"], "dst": [estate, yard, share]}}));
                }
                if share != "remote_cmd" {
                    words
                        .push(json!({"load": load, "route": {"src": [null, "x1", "t"], "dst": [estate, null, share]}}));
                    words.push(
                        json!({"load": load, "route": {"src": [null, "x1", "t"], "dst": [estate, "manor", share]}}),
                    );
                }
            }
        }
        // An event, a publish answer and a notice in its own words.
        let dst = json!([estate, null, "event_fire"]);
        words.push(json!({"route": {"src": [null, "x1", null], "dst": dst}, "tag": "salt/job/1/new", "data": {}}));
        let dst = json!([estate, "client1", "pub_ret"]);
        words.push(json!({"route": {"src": [null, "worker1", null], "dst": dst}, "__worker_verify": "x",
            "return": {"pub": {"fun": "cmd.run"}, "ret": {"minions": ["web1"]}}}));
    }
    for word in words {
        let datagrams = town.clients[at].1.say_value(&word);
        town.inject(at, datagrams);
        town.run(MILLI * 10);
    }
    town.run(MILLI * 500);
    assert_eq!(town.clients[at].1.bodies.len(), heard, "no answer");
    assert_eq!(town.clients[other].1.values().iter().filter(|value| value.get("pub").is_some()).count(), 0);
    let notices = town.notices();
    assert!(notices.iter().all(|notice| !notice["tag"].as_str().unwrap().starts_with("salt/job")), "{notices:?}");
    assert!(town.pages.iter().all(|(yard, message)| yard == "client1" && message.kind.is_empty()), "no page to a yard");
}
