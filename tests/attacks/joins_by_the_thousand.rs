//! Three thousand spoofed joins: the Python master kept about 180 of them, took 87 MB and answered nobody for a while. Ours
//! writes down what fits its limits, answers an honest minion at once, and forgets the passers-by.

use std::net::SocketAddr;

use roadstead::base::Acceptance;
use roadstead::master::Policy;
use roadstead::wire::v0::PacketKind;

use crate::client::Client;
use crate::common::{MILLI, SECOND, name};
use crate::town::Town;

#[test]
fn keep_no_honest_minion_waiting() {
    let mut town = Town::new(Policy { autosign: vec!["web*".to_owned()], ..Policy::default() });
    let before = town.joined("web1");
    for n in 0..3000u32 {
        let mut spoofed = Client::new(&format!("ghost{n}_minion"), &format!("ghost{n}"), 1);
        // One key for all: making three thousand is slow, and nobody proves anything here.
        let address = SocketAddr::from(([198, 51, (n >> 8) as u8, n as u8], 4510));
        town.world.inject(address, roadstead::sim::World::address(0), spoofed.join());
        if n % 500 == 250 {
            town.run(MILLI * 20);
        }
    }
    let honest = town.client(Client::new("web2_minion", "web2", 3));
    let request = town.clients[honest].1.join();
    town.inject(honest, vec![request]);
    town.run(MILLI * 500);
    assert!(town.clients[honest].1.is_allowed(), "joined and allowed within half a second");
    let roll = town.world.host(0).road.roll();
    assert_eq!(roll.pending(), 3000);
    assert_eq!(roll.find(&name("web2")).map(|(_, standing)| standing), Some(Acceptance::Accepted));
    let elsewhere = town.world.record.iter().filter(|(_, _, to, _)| to.ip().to_string().starts_with("198.51."));
    let sizes: Vec<usize> = elsewhere.map(|(.., datagram)| datagram.len()).collect();
    assert!(sizes.len() <= 3000 && sizes.iter().all(|size| *size < 100), "one small word each");
    // Those who never speak again are no work and no remembered estate.
    town.forget();
    town.run(SECOND);
    town.publish("test.ping", &[], "*");
    town.run(SECOND * 2);
    for at in [before, honest] {
        assert_eq!(town.clients[at].1.values().iter().filter(|value| value.get("pub").is_some()).count(), 1);
    }
    assert_eq!(town.world.host(0).disk.remotes.len(), 2);
    assert!(!town.clients[honest].1.heads.iter().any(|head| head.packet == PacketKind::Reject));
}
