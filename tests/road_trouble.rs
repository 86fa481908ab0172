//! Whoever is kept out is named once, in a sentence that says what to do; and a flood of strangers is a few of them.

#![cfg(test)]

mod common;

use std::net::SocketAddr;

use common::*;
use roadstead::keep::{Journal, LocalRecord, Note, OwnKeys};
use roadstead::nacl::{SecretKey, SigningKey};
use roadstead::road::{Config, Mutable, Trust, Wires};
use roadstead::sim::World;
use roadstead::wire::v0::{self, BodyKind, Head, JoinBody, PacketKind, TransactKind};

fn stranger() -> SocketAddr {
    ([192, 0, 2, 7], 4510).into()
}

/// The troubles a host has told of, as sentences.
fn troubles(world: &mut World, n: usize) -> Vec<String> {
    let text = |note: &Note| if let Note::Trouble(trouble) = note { Some(trouble.to_string()) } else { None };
    world.host(n).notes.iter().filter_map(text).collect()
}

#[track_caller]
fn only(world: &mut World, n: usize, begins: &str, says: &str) {
    let told = troubles(world, n);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with(begins) && told[0].contains(says), "{told:#?}");
}

/// A master as `roadstead master` runs one: estates are called by role and kind.
fn strict() -> World {
    let mut world = World::new(1);
    world.add(Config { salt_names: true, trust: Trust::Never, ..master() });
    world
}

/// A join request with this role and name, from a fresh key.
fn request(seed: u8, role: &str, name: &str, change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let body = JoinBody {
        name: roadstead::base::Name::new("x").unwrap(),
        mode: 0,
        kind: 1,
        uid: None,
        verify: SigningKey::from_seed(&[seed; 32]).verify_key(),
        public: SecretKey::from_bytes([seed; 32]).public(),
        role: roadstead::base::Name::new("x").unwrap(),
    };
    let mut body: serde_json::Value = serde_json::from_slice(&body.write(BodyKind::Json)).unwrap();
    body["role"] = role.into();
    body["name"] = name.into();
    change(&mut body);
    datagram(&body.to_string().into_bytes(), 0)
}

fn datagram(body: &[u8], de: u32) -> Vec<u8> {
    let (transact, packet, body_kind) = (TransactKind::Join, PacketKind::Request, BodyKind::Json);
    let head = Head { transact, packet, se: 2, de, ti: 1, body: body_kind, ..Head::default() };
    let mut out = Vec::new();
    v0::write(&head, body, None, &mut out);
    out
}

fn inject(world: &mut World, datagram: Vec<u8>) {
    world.inject(stranger(), World::address(MASTER), datagram);
    world.run(MILLI * 10);
}

#[test]
fn another_version_and_another_head() {
    let mut world = strict();
    inject(&mut world, b"ri RAET\nvn 1\npl 0021\nhl 21\nfg 00\n\n".to_vec());
    only(&mut world, MASTER, "192.0.2.7:4510 speaks version 1 of RAET", "install raet 0.6.8");
    let mut world = strict();
    inject(&mut world, b"ri RAET\npl 0021\nhk 2\nhl 21\nfg 00\n\n".to_vec());
    only(&mut world, MASTER, "192.0.2.7:4510 writes packet heads of kind 2", "raet (0) and json (1)");
    let mut world = strict();
    inject(&mut world, b"{\"ri\":\"RAET\",\"vn\":3,\"pl\":\"0000040\",\"hl\":\"40\",\"fg\":\"00\"}\r\n\r\n".to_vec());
    only(&mut world, MASTER, "192.0.2.7:4510 speaks version 3 of RAET", "install raet 0.6.8");
}

#[test]
fn no_raet_at_all() {
    let mut world = strict();
    // How a ZeroMQ connection begins, and somebody's DNS.
    inject(&mut world, b"GET / HTTP/1.1\r\n\r\n".to_vec());
    only(
        &mut world,
        MASTER,
        "192.0.2.7:4510 sends what is no RAET (18 bytes that begin with 'GET / HT')",
        "transport: raet",
    );
}

#[test]
fn illegal_ids_are_shown_safely() {
    let mut world = strict();
    inject(&mut world, request(1, "web\u{1b}[2J 1", "web1_minion", |_| ()));
    only(&mut world, MASTER, "192.0.2.7:4510 calls itself 'web\\x1b[2J 1', which is no id", "letters, digits");
    let mut world = strict();
    inject(&mut world, request(1, "web1", "web1_minion", |body| body["verhex"] = "00".into()));
    only(
        &mut world,
        MASTER,
        "192.0.2.7:4510 asks to join with a request that cannot be used (illegal verify key)",
        "install",
    );
    let mut world = strict();
    inject(&mut world, request(1, "web1", "web2_minion", |_| ()));
    only(&mut world, MASTER, "web1 (192.0.2.7:4510) calls its estate 'web2_minion'", "not its id");
}

#[test]
fn a_known_id_with_another_key() {
    let mut world = strict();
    inject(&mut world, request(1, "web1", "web1_minion", |_| ()));
    assert!(troubles(&mut world, MASTER).is_empty());
    let known = world.host(MASTER).road.roll().iter().next().unwrap().0.fingerprint().to_string();
    for _ in 0..50 {
        inject(&mut world, request(2, "web1", "web1_minion", |_| ()));
        world.run(SECOND);
    }
    only(&mut world, MASTER, "another key than the known one was presented as web1", &known);
    assert!(troubles(&mut world, MASTER)[0].contains("run `estate-keys delete web1`"));
}

#[test]
fn a_number_from_an_earlier_life() {
    let mut world = strict();
    let body = request(1, "web1", "web1_minion", |_| ());
    let body = v0::read(&body).unwrap().coat.to_vec();
    inject(&mut world, datagram(&body, 77));
    only(&mut world, MASTER, "web1 (192.0.2.7:4510) counts on a number that is not known here", "restart it");
}

#[test]
fn a_known_estate_that_changed() {
    let mut world = World::new(3);
    world.add(Config { mutable: Mutable::Nothing, ..master() });
    let keys = OwnKeys::generate(&mut roadstead::base::Random::from_number(4));
    world.add_with(minion("web1"), keys.clone(), Default::default());
    assert!(world.run_until(SECOND * 5, both_present));
    // As if installed anew with the old key: on another address, as another kind of estate.
    world.host(WEB1).is_down = true;
    world.add_with(Config { kind: 2, ..minion("web1") }, keys, Default::default());
    world.run(SECOND * 30);
    only(&mut world, MASTER, "web1 (10.0.0.2:4506) comes back with another kind and address", "raet_mutable: True");
}

#[test]
fn a_classic_minion_at_a_port_of_the_fast_wire() {
    let mut world = World::new(5);
    world.add(Config { wires: Wires::FAST, ..master() });
    world.add(minion("web1"));
    world.run(SECOND * 50);
    only(&mut world, MASTER, "web1 (10.0.0.1:4506) asks to join on the classic wire", "wires: [fast, classic]");
    assert_eq!(world.host(MASTER).road.roll().iter().count(), 0);
}

#[test]
fn back_on_the_classic_wire_after_the_fast_one() {
    let mut world = World::new(6);
    world.add(Config { wires: Wires::BOTH, ..master() });
    let keys = OwnKeys::generate(&mut roadstead::base::Random::from_number(7));
    world.add_with(Config { wires: Wires::BOTH, ..minion("web1") }, keys.clone(), Default::default());
    assert!(world.run_until(SECOND * 5, both_present));
    world.host(WEB1).is_down = true;
    world.add_with(minion("web1"), keys, Default::default());
    world.run(SECOND * 50);
    only(
        &mut world,
        MASTER,
        "web1 (10.0.0.2:4506) asks to join on the classic wire, and was met on the fast",
        "delete web1",
    );
}

#[test]
fn a_minion_that_dials_a_minion() {
    let mut world = World::new(8);
    world.add(Config { main: false, ..master() });
    world.add(minion("web1"));
    world.run(SECOND * 5);
    only(&mut world, MASTER, "web1 (10.0.0.1:4506) asks to be taken in, and this is no master", "master_port");
}

#[test]
fn a_lost_number_is_forgiven_when_its_minion_is_in() {
    let mut world = pair(9);
    world.restart(MASTER, true);
    world.host(MASTER).disk.local = LocalRecord { puid: 500 };
    assert!(world.run_until(SECOND * 200, both_present));
    let mut journal = Journal::default();
    for note in std::mem::take(&mut world.host(MASTER).notes) {
        journal.note(0, note);
    }
    assert!(journal.troubles.is_empty(), "{:?}", journal.troubles);
    assert_eq!(journal.seen.len(), 1);
}

#[test]
fn floods_of_all_kinds_are_a_few_words() {
    let mut world = strict();
    for n in 0..20_000u32 {
        let from = ([198, 51, (n >> 8) as u8, n as u8], 4510).into();
        let role = format!("web {n}");
        let datagram = match n % 5 {
            0 => b"ri RAET\nvn 1\npl 0021\nhl 21\nfg 00\n\n".to_vec(),
            1 => b"junk that is no RAET at all".to_vec(),
            2 => request(1, &role, "x_minion", |_| ()),
            3 => request(1, "web1", &format!("web{n}_minion"), |_| ()),
            _ => datagram(b"{}", n + 9),
        };
        world.inject(from, World::address(MASTER), datagram);
        if n % 100 == 0 {
            world.run(MILLI * 100);
        }
    }
    world.run(SECOND);
    // Twenty seconds of it: one burst of each kind.
    let told = troubles(&mut world, MASTER);
    assert!((9..=20).contains(&told.len()), "{}", told.len());
    assert_eq!(world.host(MASTER).notes.len(), told.len());
}
