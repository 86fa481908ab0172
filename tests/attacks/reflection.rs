//! Answers of 0.6.8 go to the address that a join named, so that anybody can have a master shoot at somebody else. Ours sends
//! an address that proved nothing no more than it was sent from there.

use std::net::SocketAddr;

use roadstead::master::Policy;

use crate::client::Client;
use crate::common::{MILLI, SECOND};
use crate::town::Town;

const VICTIM: [u8; 4] = [192, 0, 2, 7];

fn at_victim(town: &Town) -> (usize, usize) {
    let to = town.world.record.iter().filter(|(_, _, to, _)| to.ip() == std::net::IpAddr::from(VICTIM));
    to.fold((0, 0), |(count, bytes), (.., datagram)| (count + 1, bytes + datagram.len()))
}

#[test]
fn of_strangers_joins_is_smaller_than_they_are() {
    let mut town = Town::new(Policy::default());
    let mut spent = 0;
    for n in 0..500u16 {
        let join = Client::new(&format!("ghost{n}_minion"), &format!("ghost{n}"), 1).join();
        spent += join.len();
        town.world.inject(SocketAddr::from((VICTIM, n + 1)), roadstead::sim::World::address(0), join);
        town.run(MILLI * 5);
    }
    town.run(SECOND * 120);
    let (count, bytes) = at_victim(&town);
    assert!(count <= 500 && bytes * 3 < spent, "{count} datagrams, {bytes} of {spent} bytes");
}

#[test]
fn of_what_a_minion_signed_is_no_larger_than_that() {
    let mut town = Town::open();
    town.minion("web1", roadstead::sim::World::address(0));
    assert!(town.until(SECOND * 10, |town| town.world.hosts[0].disk.remotes.len() == 1));
    for n in 0..3 {
        town.publish("test.ping", &[serde_json::json!("x".repeat(n * 2000))], "web1");
        town.run(SECOND * 15);
    }
    // Everything the pair ever said, again and again under the victim's address.
    let recorded = town.world.record.clone();
    town.forget();
    let mut spent = 0;
    for (_, _, to, datagram) in &recorded {
        for port in 1..5 {
            spent += datagram.len();
            town.world.inject(SocketAddr::from((VICTIM, port)), *to, datagram.clone());
            town.run(MILLI * 5);
        }
    }
    town.run(SECOND * 60);
    let (count, bytes) = at_victim(&town);
    assert!(bytes < spent, "{count} datagrams, {bytes} bytes for {spent} sent");
}
