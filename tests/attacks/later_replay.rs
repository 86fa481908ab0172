//! 0.6.8 remembers a transaction for 600 s; the same packet after that is delivered again, and a job runs twice. Ours
//! remembers for as long as the session lasts.

use roadstead::transport::Event;
use roadstead::wire::v0::{PacketKind, TransactKind, read};
use serde_json::json;

use crate::common::SECOND;
use crate::town::Town;

#[test]
fn runs_no_job_twice() {
    let mut town = Town::open();
    town.minion("web1", roadstead::sim::World::address(0));
    let spy = std::net::SocketAddr::from(([203, 0, 113, 5], 4510));
    assert!(town.until(SECOND * 10, |town| town.world.hosts[0].disk.remotes.len() == 1));
    town.run(SECOND * 5);
    for n in 0..3 {
        town.publish("test.ping", &[json!("x".repeat(n * 1500))], "web1");
        town.run(SECOND * 2);
    }
    assert_eq!(town.runs.len(), 3);
    let is_message = |d: &[u8]| {
        read(d).is_ok_and(|p| (p.head.transact, p.head.packet) == (TransactKind::Message, PacketKind::Message))
    };
    let recorded: Vec<_> = town.world.record.iter().filter(|(.., d)| is_message(d)).cloned().collect();
    assert!(recorded.len() >= 12);
    let replies = town.replies().len();
    let session = town.world.host(0).disk.remotes[0].sid;
    // Past 600 s, past an hour and past a day of the session.
    for wait in [601u32, 3600, 86_400] {
        town.world.run(SECOND * wait);
        for (_, from, to, datagram) in &recorded {
            for source in [*from, spy] {
                town.world.inject(source, *to, datagram.clone());
            }
        }
        town.forget();
        town.run(SECOND);
        for n in 0..2 {
            // The minion knows its jobs, too; but nothing came to it in the first place.
            let heard = crate::common::count(&mut town.world, n, |event| matches!(event, Event::Received { .. }));
            assert_eq!(heard, 0, "host {n}, after {wait} s");
        }
        assert_eq!(town.runs.len(), 3, "after {wait} s");
        assert_eq!(town.replies().len(), replies, "after {wait} s");
    }
    assert_eq!(town.world.host(0).disk.remotes[0].sid, session, "and it was one session all the time");
    town.publish("test.ping", &[], "web1");
    town.run(SECOND);
    assert_eq!(town.runs.len(), 4);
}
