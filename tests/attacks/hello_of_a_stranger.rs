//! In 0.6.8 one unsigned hello wipes the keys of a session, and with the master's public key, which every join response
//! tells, a stranger keeps a pair down for as long as it likes.

use roadstead::nacl::SecretKey;
use roadstead::wire::v0::{FootKind, Head, Hello, Initiate, InitiateKeys, PacketKind, TransactKind};
use serde_json::json;

use crate::client::Client;
use crate::common::MILLI;
use crate::town::Town;

#[test]
fn wipes_no_session() {
    let mut town = Town::open();
    let at = town.joined("web1");
    let evil = town.client(Client::new("evil_minion", "evil", 9));
    let master = town.clients[at].1.peer.as_ref().unwrap().public;
    let (good, forger) = (&town.clients[at].1, &town.clients[evil].1);
    let short = SecretKey::from_bytes([3; 32]);
    // Boxes that open, and boxes that do not: the master's public key is no secret.
    let hellos = [Hello::write(&short, &master, [1; 24]), [b'0'; 200], [0; 200]];
    let keys = InitiateKeys { long: &forger.keys.secret, short: &short, their_long: &master, their_short: &master };
    let initiate = Initiate::write(keys, [7; 24], "", [[1; 24], [2; 24]]);
    let mut datagrams = Vec::new();
    for ti in [good.ti, good.ti + 1, good.ti + 2, 1, 77] {
        for si in [good.si - 1, good.si, good.si + 1] {
            for hello in &hellos {
                let head = Head { si, ..good.head(TransactKind::Allow, PacketKind::Hello, ti) };
                datagrams.push(good.packet(&Head { foot: FootKind::Nada, ..head }, hello));
                datagrams.push(forger.packet(&head, hello));
            }
            let head = Head { si, ..good.head(TransactKind::Allow, PacketKind::Initiate, ti) };
            datagrams.push(good.packet(&Head { foot: FootKind::Nada, ..head }, &initiate));
            datagrams.push(forger.packet(&head, &initiate));
        }
    }
    let route = json!({"src": [null, "channel1", "track"], "dst": [null, null, "remote_cmd"]});
    let request = json!({"route": route, "load": {"cmd": "_pillar"}});
    let answered = town.clients[at].1.bodies.len();
    for round in 1..20 {
        // Under its own address, and under the minion's.
        for from in [at, evil] {
            town.inject(from, datagrams.clone());
            town.run(MILLI * 20);
        }
        let words = town.clients[at].1.say_value(&request);
        town.inject(at, words);
        town.run(MILLI * 60);
        assert_eq!(town.clients[at].1.bodies.len(), answered + round, "served under the same keys");
    }
    assert!(town.clients[evil].1.heads.is_empty(), "no answer to who cannot sign");
    assert_eq!(crate::common::departures(&mut town.world, 0), []);
}
