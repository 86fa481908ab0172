//! A route of the master's can reach any yard of a Salt minion. Ours takes jobs at its main yard from the one master it serves;
//! everything else is for nobody there, whatever its shape.

use serde_json::json;

use crate::client::Client;
use crate::common::{MILLI, SECOND, is_present};
use crate::town::Town;

#[test]
fn are_out_of_the_roads_reach() {
    let mut town = Town::without_master();
    let at = town.client(Client::main("boss_master", "boss", 5));
    let address = town.clients[at].0;
    let host = town.minion("web1", address);
    assert!(town.until(SECOND * 10, |town| town.clients[at].1.is_allowed()));
    town.run(SECOND);
    let to = town.world.host(host).address;
    town.give_pillar(at, to);
    let job =
        json!({"fun": "test.ping", "arg": [], "tgt": "*", "tgt_type": "glob", "jid": "1", "ret": "", "user": "root"});
    let said = town.clients[at].1.bodies.len();
    let shares =
        [json!("fun"), json!("local_cmd"), json!("remote_cmd"), json!("event_fire"), json!("event_req"), json!(null)];
    for yard in [json!(null), json!("manor"), json!("jobber1"), json!("client1"), json!("worker1"), json!("caller2")] {
        for share in &shares {
            let is_job = share == "fun" && (yard.is_null() || yard == "manor");
            if is_job {
                continue;
            }
            let route = json!({"src": ["boss_master", null, null], "dst": ["web1_minion", yard, share]});
            for word in [
                json!({"route": route, "pub": job}),
                json!({"route": route, "load": {"cmd": "ping"}}),
                json!({"route": route, "tag": "module_refresh", "data": {}}),
            ] {
                let datagrams = town.clients[at].1.say_value(&word);
                town.inject_to(at, to, datagrams);
                town.run(MILLI * 10);
            }
        }
    }
    // Jobs that are none, and jobs for others.
    let route = json!({"src": ["boss_master", null, null], "dst": ["web1_minion", null, "fun"]});
    for bad in [
        json!(null),
        json!(7),
        json!([]),
        json!({}),
        json!({"jid": "../../x", "fun": "test.ping", "tgt": "*"}),
        json!({"jid": "2", "fun": "test.ping", "tgt": "db*", "tgt_type": "glob"}),
        json!({"jid": "3", "fun": "test.ping", "tgt": "*", "tgt_type": "no_such"}),
        json!({"jid": "4", "fun": "test.ping", "tgt": {}, "tgt_type": "list"}),
        json!({"jid": "5", "fun": "test.ping", "tgt": "(", "tgt_type": "pcre"}),
    ] {
        let datagrams = town.clients[at].1.say_value(&json!({"route": route, "pub": bad}));
        town.inject_to(at, to, datagrams);
        town.run(MILLI * 10);
    }
    town.run(SECOND);
    assert_eq!(town.runs, [], "nothing ran");
    assert!(town.pages.is_empty(), "no yard was told anything");
    assert_eq!(town.clients[at].1.bodies.len(), said, "and nothing was answered");
    // It is there, and does what it is for.
    let datagrams = town.clients[at].1.say_value(&json!({"route": route, "pub": job}));
    town.inject_to(at, to, datagrams);
    town.run(SECOND);
    assert_eq!(town.runs.len(), 1);
    assert!(is_present(&mut town.world, host, "boss_master") && town.fatal.is_empty());
}
