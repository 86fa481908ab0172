//! What a minion writes of itself into a route or a load is a claim. In Salt it is believed where a worker reads it: other
//! minions' pillar, returns and events in their name.

use roadstead::duty::request::Reply;
use serde_json::{Value, json};

use crate::common::{MILLI, SECOND};
use crate::town::Town;

/// What an accepted minion says under another one's name, in every place where a name can stand.
fn as_web1(load: &Value, yard: &Value) -> Vec<Value> {
    let src = [json!(null), json!("web1_minion"), json!("web1"), json!("m_master")];
    let of = |src: &Value| {
        let route = json!({"src": [src, "jobber1", "jid_ret"], "dst": ["m_master", yard, "remote_cmd"]});
        json!({"load": load, "route": route, "id": "web1", "sender": "web1_minion"})
    };
    src.iter()
        .map(of)
        .chain(src.iter().map(|src| {
            let mut word = of(src);
            for extra in ["id", "sender"] {
                word.as_object_mut().unwrap().shift_remove(extra);
            }
            word
        }))
        .collect()
}

#[test]
fn are_not_taken_for_its_own() {
    let mut town = Town::open();
    let good = town.joined("web1");
    let evil = town.joined("evil");
    town.listen();
    town.publish("test.sleep", &[json!(3)], "web1");
    town.run(SECOND);
    let values = town.clients[good].1.values();
    let job = values.iter().find_map(|value| value.get("pub")).expect("the job");
    let jid = job["jid"].as_str().unwrap().to_owned();

    let loads = [
        json!({"cmd": "_return", "id": "web1", "jid": jid, "fun": "test.sleep", "return": "forged", "retcode": 0, "success": true}),
        json!({"cmd": "_minion_event", "id": "web1", "tag": "forged", "data": {"id": "web1"}}),
        json!({"cmd": "_minion_event", "id": "web1", "tag": format!("salt/job/{jid}/ret/web1"), "data": {"return": "forged"}}),
        json!({"cmd": "_minion_event", "id": "web1", "tag": "salt/minion/web1/start", "data": {}}),
        json!({"cmd": "_syndic_return", "id": "web1", "load": [{"id": "web1", "jid": jid, "return": {"web1": {"return": "forged"}}}]}),
        json!({"cmd": "_pillar", "id": "web1", "grains": {"id": "web1"}}),
    ];
    let answers = town.clients[good].1.bodies.len();
    for load in &loads {
        for word in as_web1(load, &json!(null)) {
            let datagrams = town.clients[evil].1.say_value(&word);
            town.inject(evil, datagrams);
            town.run(MILLI * 20);
        }
    }
    town.run(SECOND);
    assert_eq!(town.clients[good].1.bodies.len(), answers, "no answer went to who did not ask");
    let values = town.clients[evil].1.values();
    let pillars: Vec<&Value> = values.iter().filter_map(|value| value["return"].get("pillar of")).collect();
    assert!(pillars.len() >= 4 && pillars.iter().all(|whose| **whose == "evil"), "its own pillar: {pillars:?}");
    let returned = |town: &Town| {
        let of = |reply| if let Reply::Returned(one) = reply { Some((one.id.to_string(), one.value)) } else { None };
        town.replies().into_iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(returned(&town), [], "the job is web1's to answer");
    for notice in town.notices() {
        let (tag, data) = (notice["tag"].as_str().unwrap(), &notice["data"]);
        assert!(!tag.contains("ret/web1") && !tag.ends_with("web1/start"), "{notice}");
        assert!(tag != "forged" || data["id"] == "evil", "under the proven name: {notice}");
    }
    let route = json!({"src": ["web1_minion", "jobber1", "jid_ret"], "dst": ["m_master", null, "remote_cmd"]});
    let load = json!({"cmd": "_return", "id": "evil", "jid": jid, "fun": "test.sleep", "return": 3, "retcode": 0, "success": true});
    town.say(good, &json!({"route": route, "load": load}));
    assert_eq!(returned(&town), [("web1".to_owned(), json!(3))], "and its own answer counts, whatever id it wrote");
}
