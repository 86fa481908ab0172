//! First contact: a stranger knocks, waits, is accepted, and messages flow both ways, whole and once.

#![cfg(test)]

mod common;

use common::{SECOND, message};
use roadstead::base::Acceptance;
use roadstead::sim::{World, estate};
use roadstead::transport::{Event, Ticket};

#[test]
fn knock_accept_and_talk() {
    let mut world = World::new(1);
    let mut master = estate("master");
    master.main = true;
    let mut minion = estate("web1");
    minion.dial = vec![World::address(0)];
    let (m, w) = (world.add(master), world.add(minion));

    assert!(world.run_until(SECOND * 3, |world| {
        world.admit(1, "master", Some(Acceptance::Accepted));
        world.host(0).events.iter().any(|e| matches!(e, Event::Knock { role, .. } if role.as_str() == "web1"))
    }));
    world.run(SECOND * 10);
    assert!(!world.host(m).events.iter().any(|e| matches!(e, Event::Joined { .. })), "nobody accepted it yet");

    world.admit(m, "web1", Some(Acceptance::Accepted));
    let joined = |world: &mut World, n: usize| world.host(n).events.iter().any(|e| matches!(e, Event::Joined { .. }));
    // The minion judges its master's key in turn.
    assert!(world.run_until(SECOND * 70, |world| {
        world.admit(1, "master", Some(Acceptance::Accepted));
        joined(world, 0) && joined(world, 1)
    }));

    world.send(m, 1, "web1", message("hello minion")).unwrap();
    world.send(w, 2, "master", message(&"x".repeat(100_000))).unwrap();
    world.run(SECOND * 5);
    let received = |world: &mut World, n: usize| -> Vec<String> {
        let of = |e: &Event| match e {
            Event::Received { message, .. } => Some(message.read::<String>().unwrap()),
            _ => None,
        };
        world.host(n).events.iter().filter_map(of).collect()
    };
    assert_eq!(received(&mut world, w), ["hello minion"]);
    assert_eq!(received(&mut world, m), ["x".repeat(100_000)]);
    assert!(world.host(m).events.contains(&Event::Delivered { ticket: Ticket(1) }));
    assert!(world.host(w).events.contains(&Event::Delivered { ticket: Ticket(2) }));
}
