//! In Salt the deletion or rejection of a key leaves its running session as it is. Ours ends it: what is signed and sealed in
//! it afterwards is nobody's.

use roadstead::base::Acceptance;
use serde_json::json;

use crate::common::{SECOND, departures};
use crate::town::Town;

#[test]
fn ends_the_session_at_once() {
    for acceptance in [Some(Acceptance::Rejected), None] {
        let mut town = Town::open();
        let at = town.joined("web1");
        let route = json!({"src": [null, "channel1", "track"], "dst": [null, null, "remote_cmd"]});
        let request = json!({"route": route, "load": {"cmd": "_pillar"}});
        town.say(at, &request);
        assert_eq!(town.clients[at].1.bodies.len(), 1);
        town.decide("web1", acceptance);
        town.run(SECOND);
        assert_eq!(departures(&mut town.world, 0).len(), 1);
        for _ in 0..5 {
            town.say(at, &request);
        }
        assert_eq!(town.clients[at].1.bodies.len(), 1, "nothing is answered any more");
        town.publish("test.ping", &[], "*");
        town.run(SECOND);
        assert_eq!(town.clients[at].1.bodies.len(), 1, "and nothing is sent to it");
    }
}
