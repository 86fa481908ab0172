//! Links between hosts, moved by time; the hosts' roads say nothing here that matters.

use super::*;

const MILLI: Duration = Duration::from_millis(1);

/// A host that dials the other one, so that it speaks at once.
fn pair(link: Link) -> World {
    let mut world = World::new(1);
    world.link = link;
    world.is_recording = true;
    world.add(Config { main: true, trust: crate::road::Trust::Once, ..estate("hub") });
    world.add(Config { dial: vec![World::address(0)], trust: crate::road::Trust::Once, ..estate("web") });
    world
}

fn is_joined(world: &mut World) -> bool {
    world.hosts.iter().all(|host| host.events.iter().any(|event| matches!(event, Event::Joined { .. })))
}

#[test]
fn each_direction_has_its_own_link() {
    let mut world = pair(Link::default());
    let slow = Link { delay: MILLI * 300, ..Link::default() };
    world.set_link(1, 0, slow);
    assert_eq!((world.link_between(1, 0), world.link_between(0, 1)), (slow, Link::default()));
    world.run(MILLI * 299);
    assert_eq!(world.host(0).road.stats().datagrams_in, 0);
    world.run(MILLI * 3);
    assert_eq!(world.host(0).road.stats().datagrams_in, 1);
    assert!(world.counts(1, 0).datagrams >= 1);
    assert_eq!(world.host(1).road.stats().datagrams_in, 1, "the answer takes the short way");
}

#[test]
fn a_hole_is_opened_and_closed_by_plan() {
    let mut world = pair(Link { is_cut: true, ..Link::default() });
    world.schedule(world.now + MILLI * 20_000, None, Step::Cut(false));
    assert!(!world.run_until(MILLI * 19_999, is_joined));
    assert!(world.counts(1, 0).vanished > 1);
    assert!(world.run_until(MILLI * 10_000, is_joined));
}

#[test]
fn a_host_behind_another_port_is_not_found_at_the_old_one() {
    let mut world = pair(Link { delay: MILLI * 50, ..Link::default() });
    world.run(MILLI * 60);
    let (before, taken) = (world.host(1).address, world.host(1).road.stats().datagrams_in);
    world.rebind(1);
    assert_ne!(world.host(1).address, before);
    world.run(MILLI * 60);
    assert_eq!(world.host(1).road.stats().datagrams_in, taken, "the answer went to the old port");
    assert!(world.record.iter().any(|(_, _, to, _)| *to == before));
    assert!(world.run_until(MILLI * 20_000, is_joined));
}

#[test]
fn what_waits_moves_with_the_rate() {
    let slow = Link { rate: 1000, overhead: 0, ..Link::default() };
    let arrival = |steps: &[(u32, u64)]| {
        let mut world = pair(slow);
        for (after, rate) in steps {
            world.schedule(world.now + MILLI * *after, Some((1, 0)), Step::Rate(*rate));
        }
        let start = world.now;
        assert!(world.run_until(MILLI * 20_000, |world| world.host(0).road.stats().datagrams_in > 0));
        let size = world.record.first().unwrap().3.len() as u64;
        (world.now.since(start).as_micros() as u64 - 1000, size * 8000)
    };
    let (taken, whole) = arrival(&[]);
    assert_eq!(taken, whole);
    let (taken, _) = arrival(&[(500, 2000)]);
    assert_eq!(taken, 500_000 + (whole - 500_000) / 2);
    let (taken, _) = arrival(&[(500, 500), (700, 1000)]);
    assert_eq!(taken, 700_000 + whole - 600_000);
    assert_eq!(arrival(&[(500, 0)]).0, 500_000);
}
