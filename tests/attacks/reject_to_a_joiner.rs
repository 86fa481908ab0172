//! A spoofed reject makes a Salt minion delete its master and exit. A join is unsigned, so ours cannot tell either; but all it
//! does is to wait and ask again, and what it knows of its master stays.

use roadstead::wire::v0::{BodyKind, Head, PacketKind, TransactKind};

use crate::common::{MILLI, SECOND, is_present, name};
use crate::town::Town;

#[test]
fn is_not_the_end_of_a_minion() {
    for (packet, is_known) in [
        (PacketKind::Reject, false),
        (PacketKind::Reject, true),
        (PacketKind::Refuse, true),
        (PacketKind::Nack, false),
        (PacketKind::Renew, true),
        (PacketKind::Pend, false),
    ] {
        let mut town = Town::open();
        let master = roadstead::sim::World::address(0);
        let host = town.minion("web1", master);
        if is_known {
            assert!(town.until(SECOND * 10, |town| town.world.hosts[0].disk.remotes.len() == 1));
            town.run(SECOND * 3);
        }
        // The master is away, or slow, while somebody speaks for it under its address.
        town.world.host(0).is_cut = true;
        town.run(SECOND * if is_known { 60 } else { 1 });
        town.forget();
        let key = town.world.host(host).road.roll().find(&name("m")).map(|(key, standing)| (key.clone(), standing));
        assert_eq!(key.is_some(), is_known);
        let to = town.world.host(host).address;
        for _ in 0..50 {
            for ti in 0..40 {
                for (se, de) in [(0, 2), (2, 2), (0, 0)] {
                    let (transact, correspondent, body) = (TransactKind::Join, true, BodyKind::Msgpack);
                    let head = Head { transact, packet, correspondent, se, de, ti, body, ..Head::default() };
                    let mut out = Vec::new();
                    roadstead::wire::v0::write(&head, &[], None, &mut out);
                    town.world.inject(master, to, out);
                }
            }
            town.run(MILLI * 100);
        }
        let still = town.world.host(host).road.roll().find(&name("m")).map(|(key, standing)| (key.clone(), standing));
        assert!(still == key, "{packet:?}: what is known of the master stays");
        assert!(town.fatal.is_empty(), "{packet:?}: the minion goes on");
        town.world.host(0).is_cut = false;
        let is_back = |town: &Town| {
            town.world.hosts[host].events.iter().any(|e| matches!(e, roadstead::transport::Event::Joined { .. }))
        };
        assert!(town.until(SECOND * 150, is_back), "{packet:?}, known: {is_known}");
        assert!(is_present(&mut town.world, host, "m_master"));
    }
}
