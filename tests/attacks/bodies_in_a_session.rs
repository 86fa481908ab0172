//! Bodies that end a 0.6.8 process, or Salt behind it, sent by an accepted minion under its keys: the master serves on, the
//! session too.

use roadstead::wire::v0::{BodyKind, CoatKind, Head, PacketKind, TransactKind, coat};
use serde_json::json;

use crate::common::{MILLI, SECOND};
use crate::town::Town;

fn is_served(town: &mut Town, at: usize) -> bool {
    let before = town.clients[at].1.bodies.len();
    let route = json!({"src": [null, "channel1", "track"], "dst": [null, null, "remote_cmd"]});
    town.say(at, &json!({"route": route, "load": {"cmd": "_pillar"}}));
    town.clients[at].1.bodies.len() == before + 1
}

#[test]
fn none_of_them_ends_anything() {
    let mut town = Town::open();
    let at = town.joined("evil");
    assert!(is_served(&mut town, at));
    let route = |src: &str, dst: &str| {
        format!("{{\"route\":{{\"src\":{src},\"dst\":{dst}}},\"load\":{{\"cmd\":\"_pillar\"}}}}")
    };
    let mut bodies: Vec<Vec<u8>> = [
        "[1]",
        "7",
        "null",
        "\"text\"",
        "{}",
        "{\"load\":1}",
        "{\"route\":7}",
        "{\"route\":{}}",
        "{\"route\":null,\"load\":{}}",
        &route("[]", "[]"),
        &route("[null,null]", "[null,null,\"remote_cmd\"]"),
        &route("\"abc\"", "\"abc\""),
        &route("[{},[],7]", "[null,null,\"remote_cmd\"]"),
        &route("[null,null,null,null]", "[null,null,\"remote_cmd\"]"),
        &route("[\"../x\",null,null]", "[null,null,\"remote_cmd\"]"),
        &route("[null,null,null]", "[null,\"a/b\",\"remote_cmd\"]"),
    ]
    .iter()
    .map(|json| rmp_serde::to_vec(&serde_json::from_str::<serde_json::Value>(json).unwrap()).unwrap())
    .collect();
    bodies.extend([
        b"\x81\xa1a".to_vec(),                                  // broken
        b"\x81\xa1a\xa1\xff".to_vec(),                          // no UTF-8
        b"\x81\xa1a\x01\x01".to_vec(),                          // bytes behind it
        b"\x81\x91\x01\x02".to_vec(),                           // a list for a key
        b"\x81\xa1a\xd4\xff\x00".to_vec(),                      // an extension
        b"\xdf\xff\xff\xff\xff".to_vec(),                       // four thousand million pairs
        b"\x81\xa1a\xc1".to_vec(),                              // no MessagePack
        [[0x81, 0xa1, b'a'].repeat(5000), vec![0xc0]].concat(), // very deep
    ]);
    for body in bodies {
        let datagrams = town.clients[at].1.say(&body);
        town.inject(at, datagrams);
        town.run(MILLI * 50);
    }
    assert!(is_served(&mut town, at));

    // Heads that lie: kinds, counts and numbers of segments.
    let client = &mut town.clients[at].1;
    let whole = rmp_serde::to_vec(&json!({"load": {"cmd": "_pillar"}})).unwrap();
    let sealed = coat::seal(&whole, &client.shared(), [1; 24]).unwrap();
    let head = Head { ti: 5000, ..client.head(TransactKind::Message, PacketKind::Message, 5000) };
    let lies = [
        Head { body: BodyKind::Raw, ..head },
        Head { body: BodyKind::Nada, ..head },
        Head { body: BodyKind::Json, ..head },
        Head { coat: CoatKind::Nada, ..head },
        Head { sn: 3, sc: 2, ml: 1800, segment: true, ..head },
        Head { sc: u32::MAX, ml: u32::MAX, segment: true, ..head },
        Head { sc: 65_535, ml: 40_000_000, sn: 65_534, segment: true, ..head },
        Head { sc: 2, ml: 1, segment: true, ..head },
        Head { again: true, ..head },
    ];
    let datagrams: Vec<_> = (6000..).zip(lies).map(|(ti, head)| client.packet(&Head { ti, ..head }, &sealed)).collect();
    town.inject(at, datagrams);
    town.run(SECOND * 2);
    town.clients[at].1.ti += 10_000;
    assert!(is_served(&mut town, at));
    assert!(crate::common::is_present(&mut town.world, 0, "evil_minion"));
    assert!(town.pages.is_empty());
}
