//! In 0.6.8 an old join request, sent again by anybody, un-joins its estate. Ours keeps the session, the address and the
//! jobs.

use roadstead::duty::request::Reply;
use roadstead::wire::v0::TransactKind;

use crate::common::{MILLI, SECOND, departures};
use crate::town::Town;

#[test]
fn unjoins_nobody() {
    let mut town = Town::open();
    let at = town.client(crate::client::Client::new("spy", "spy", 4));
    let host = town.minion("web1", roadstead::sim::World::address(0));
    assert!(town.until(SECOND * 10, |town| town.world.hosts[0].disk.remotes.len() == 1));
    town.run(SECOND * 5);
    let address = town.world.host(host).address;
    let joins: Vec<Vec<u8>> = town.world.record.iter().map(|(.., d)| d.clone()).collect();
    let is_join = |d: &Vec<u8>| roadstead::wire::v0::read(d).is_ok_and(|p| p.head.transact == TransactKind::Join);
    let joins: Vec<Vec<u8>> = joins.into_iter().filter(is_join).collect();
    assert!(joins.len() >= 3, "request, response, ack");
    for round in 0..100 {
        // From elsewhere and from where they came.
        for join in &joins {
            town.world.inject(address, roadstead::sim::World::address(0), join.clone());
            town.world.inject(town.clients[at].0, roadstead::sim::World::address(0), join.clone());
            town.world.inject(roadstead::sim::World::address(0), address, join.clone());
        }
        town.clients[at].1.heads.clear();
        town.run(MILLI * 100);
        if round % 20 == 0 {
            town.publish("test.ping", &[], "web1");
        }
    }
    town.run(SECOND * 5);
    let answered = town.replies().iter().filter(|reply| matches!(reply, Reply::Returned(_))).count();
    assert_eq!((answered, town.runs.len()), (5, 5), "every job ran, once");
    assert_eq!((departures(&mut town.world, 0), departures(&mut town.world, host)), (vec![], vec![]));
    assert_eq!(town.world.host(0).disk.remotes[0].ha, address);
}
