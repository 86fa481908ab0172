//! A join or its answer that lacks a field, or has it wrong, is dropped, and the right one that follows is taken.

use roadstead::road::Road;
use roadstead::sim::World;
use roadstead::wire::v0::{self, BodyKind, Head, PacketKind, TransactKind};
use serde_json::{Value, json};

use crate::common::{MASTER, SECOND, WEB1, both_present, master, minion};

fn body(road: &Road, name: &str, is_main: bool, uid: Option<u32>) -> Value {
    let key = road.own_key();
    let mut body = json!({
        "name": name, "mode": u8::from(is_main), "kind": u8::from(!is_main), "role": key.role.as_str(),
        "verhex": hex::encode(key.verify.as_bytes()), "pubhex": hex::encode(key.public.as_bytes()),
    });
    if let Some(uid) = uid {
        body["uid"] = json!(uid);
    }
    body
}

/// Each way to spoil one field.
fn spoiled(body: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for key in body.as_object().unwrap().keys() {
        let mut without = body.clone();
        without.as_object_mut().unwrap().shift_remove(key);
        all.push((format!("no {key}"), without));
        for wrong in [json!(null), json!([]), json!({}), json!(-1), json!("")] {
            let mut with = body.clone();
            with[key] = wrong.clone();
            all.push((format!("{key} is {wrong}"), with));
        }
    }
    all
}

fn packet(head: Head, body: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    v0::write(
        &Head { transact: TransactKind::Join, body: BodyKind::Json, ..head },
        body.to_string().as_bytes(),
        None,
        &mut out,
    );
    out
}

#[test]
fn in_a_request() {
    let mut world = World::new(1);
    world.add(master());
    world.is_recording = true;
    let mut elsewhere = World::new(2);
    elsewhere.add(minion("web1"));
    for (what, body) in spoiled(&body(&elsewhere.hosts[0].road, "web1", false, None)) {
        let head = Head { packet: PacketKind::Request, se: 2, ti: 1, ..Head::default() };
        world.inject(World::address(9), World::address(MASTER), packet(head, &body));
        world.run(SECOND);
        assert_eq!(world.record.len(), 0, "{what}: no reply");
        assert_eq!(world.host(MASTER).road.roll().iter().count(), 0, "{what}");
    }
    world.add(minion("web1"));
    assert!(world.run_until(SECOND * 5, both_present));
}

#[test]
fn in_a_response() {
    let mut world = World::new(3);
    world.add(master());
    world.host(MASTER).is_cut = true;
    world.add(minion("web1"));
    world.is_recording = true;
    world.run(SECOND);
    let body = body(&world.hosts[MASTER].road, "master", true, Some(2));
    for (what, body) in spoiled(&body) {
        // To the join that is on its way.
        let asked = world.record.iter().rev().find_map(|(.., d)| v0::read(d).ok()).unwrap().head;
        let (packet_, correspondent) = (PacketKind::Response, true);
        let head = Head { packet: packet_, de: asked.se, ti: asked.ti, correspondent, ..Head::default() };
        world.inject(World::address(MASTER), World::address(WEB1), packet(head, &body));
        world.record.retain(|(.., d)| v0::read(d).is_ok_and(|p| p.head.packet == PacketKind::Request));
        world.run(SECOND);
        let kinds: Vec<PacketKind> =
            world.record.iter().filter_map(|(.., d)| v0::read(d).ok()).map(|p| p.head.packet).collect();
        assert!(kinds.iter().all(|kind| *kind == PacketKind::Request), "{what}: {kinds:?}");
    }
    world.host(MASTER).is_cut = false;
    assert!(world.run_until(SECOND * 20, both_present), "the transaction goes on");
}
