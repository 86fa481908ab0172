//! A long message holds up neither a short one to the same estate nor anything to another.

#![cfg(test)]

mod common;

use common::*;

#[test]
fn a_long_message_does_not_starve_a_short_one() {
    for loss in [0, 50] {
        let mut world = pair(loss);
        world.link = lossy(loss);
        send(&mut world, MASTER, 1, "web1", &text(5_000_000, 1));
        world.run(MILLI * 200);
        let start = world.now;
        send(&mut world, MASTER, 2, "web1", "ping");
        assert!(world.run_until(SECOND * 30, |world| delivered(world, MASTER).contains(&2)));
        let took = world.now - start;
        assert!(took < SECOND * 2, "{took:?} at a loss of {loss}");
        assert!(!delivered(&mut world, MASTER).contains(&1), "the long one is still on its way");
    }
}

#[test]
fn short_messages_in_a_row_do_not_starve_a_long_one() {
    let mut world = pair(3);
    send(&mut world, MASTER, 1, "web1", &text(500_000, 1));
    let mut ticket = 1;
    for _ in 0..200 {
        for _ in 0..40 {
            ticket += 1;
            let _ = world.send(MASTER, ticket, "web1", message("ping"));
        }
        world.run(MILLI * 20);
        if delivered(&mut world, MASTER).contains(&1) {
            return;
        }
    }
    panic!("the long message is stuck behind {ticket} short ones");
}

#[test]
fn other_estates_do_not_wait() {
    let mut world = fleet(4, 3);
    send(&mut world, MASTER, 1, "web1", &text(2_000_000, 1));
    send(&mut world, MASTER, 2, "web2", "ping");
    assert!(world.run_until(MILLI * 100, |world| delivered(world, MASTER).contains(&2)));
}
