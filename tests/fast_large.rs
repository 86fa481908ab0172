//! Large messages arrive whole, over a path that loses packets too; one over the limit is refused with its reason.

#![cfg(test)]

mod common;

use common::{MASTER, MILLI, SECOND, WEB1, answers, bodies, bulk, fast_pair, session};
use roadstead::base::limits::FAST_MESSAGE_MAX;
use roadstead::sim::Link;
use roadstead::transport::Failure;

fn arrives(megabytes: usize, loss: u64, mtu: usize) {
    let mut world = fast_pair(1, Link { delay: MILLI * 5, mtu, ..Link::default() });
    world.is_recording = false;
    world.link.loss = loss;
    let message = bulk(1, megabytes << 20);
    world.send(MASTER, 1, "web1", message.clone()).unwrap();
    assert!(world.run_until(SECOND * 600, |world| answers(world, MASTER).len() == 1), "{megabytes} MB, {loss}");
    println!("{megabytes} MB, loss {loss}, mtu {mtu}: {:?}", world.now);
    assert_eq!(answers(&mut world, MASTER)[&1], Ok(()));
    assert!(bodies(&mut world, WEB1).into_iter().eq([(message.body, 1)]));
    world.run(SECOND * 5);
    for host in [MASTER, WEB1] {
        let session = session(&mut world, host);
        assert_eq!((session.going, session.coming), (0, 0));
    }
}

#[test]
fn one_and_sixteen_megabytes() {
    for (megabytes, mtu) in [(1, 1472), (16, 8972)] {
        arrives(megabytes, 0, mtu);
        arrives(megabytes, 50, mtu);
    }
}

#[test]
fn the_largest() {
    arrives(64, 0, 65_535);
    arrives(64, 50, 65_535);
}

#[test]
fn one_byte_more_is_too_large() {
    let mut world = fast_pair(1, Link::default());
    world.send(MASTER, 1, "web1", bulk(1, FAST_MESSAGE_MAX + 1)).unwrap();
    world.run(SECOND);
    assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::TooLarge));
    assert!(bodies(&mut world, WEB1).is_empty());
}
