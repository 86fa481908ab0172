//! Key acceptance bypass: in 0.6.8 a role is a file name, so that a join as `../accepted/evil` writes the key to where
//! accepted ones lie, and the next join as `evil` walks in.

use roadstead::base::Acceptance;
use roadstead::master::Policy;
use roadstead::wire::v0::{BodyKind, Head, PacketKind, TransactKind};
use serde_json::json;

use crate::client::{Client, NUID};
use crate::common::{SECOND, name};
use crate::town::Town;

fn join_as(client: &Client, its_name: &str, role: &str, ti: u32) -> Vec<u8> {
    let keys = client.join_body(None);
    let body = json!({
        "name": its_name, "mode": 0, "kind": 1, "role": role,
        "verhex": hex::encode(keys.verify.as_bytes()), "pubhex": hex::encode(keys.public.as_bytes()),
    });
    let (transact, packet) = (TransactKind::Join, PacketKind::Request);
    let head = Head { transact, packet, se: NUID, ti, body: BodyKind::Json, ..Head::default() };
    client.packet(&head, body.to_string().as_bytes())
}

#[test]
fn a_role_is_no_path() {
    let mut town = Town::new(Policy::default());
    let at = town.client(Client::new("evil_minion", "evil", 3));
    let roles =
        ["../accepted/evil", "accepted/evil", "./evil", "evil/", "..", "evil/../evil", "/evil", "evil\0", "e vil"];
    for (ti, role) in (1..).zip(roles) {
        for its_name in ["evil_minion".to_owned(), format!("{role}_minion"), role.to_owned()] {
            let datagram = join_as(&town.clients[at].1, &its_name, role, ti);
            town.inject(at, vec![datagram]);
        }
    }
    town.run(SECOND * 2);
    assert!(town.clients[at].1.heads.is_empty(), "no word to it");
    assert_eq!(town.world.host(0).road.roll().iter().count(), 0, "and nothing of it on the roll or the disk");
    assert_eq!(town.world.host(0).disk.roll.iter().count(), 0);
    // The second step, under the plain role: it waits for the operator like everybody.
    let datagram = join_as(&town.clients[at].1, "evil_minion", "evil", 99);
    town.inject(at, vec![datagram]);
    town.run(SECOND * 5);
    let roll = town.world.host(0).road.roll();
    assert_eq!(roll.find(&name("evil")).map(|(_, standing)| standing), Some(Acceptance::Pending));
    let told: Vec<PacketKind> = town.clients[at].1.heads.iter().map(|head| head.packet).collect();
    assert!(!told.is_empty() && told.iter().all(|packet| *packet == PacketKind::Pend), "{told:?}");
}

#[test]
fn a_role_is_not_another_ones_name() {
    // An accepted key under a name that is not its role's would speak for somebody else.
    let mut town = Town::open();
    let good = town.joined("web1");
    let evil = town.joined("evil");
    for its_name in ["web1_minion", "m_master", "web1_master", "evil", "_minion", "evil_minion_minion"] {
        let datagram = join_as(&town.clients[evil].1, its_name, "evil", 7);
        town.inject(evil, vec![datagram]);
    }
    town.run(SECOND * 5);
    let names: Vec<String> = town.world.host(0).disk.remotes.iter().map(|r| r.name.to_string()).collect();
    assert_eq!(names, ["web1_minion", "evil_minion"]);
    town.publish("test.ping", &[], "web1");
    town.run(SECOND);
    assert_eq!(town.clients[good].1.values().iter().filter(|v| v.get("pub").is_some()).count(), 1);
    assert_eq!(town.clients[evil].1.values().iter().filter(|v| v.get("pub").is_some()).count(), 0);
}
