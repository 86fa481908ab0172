//! What the road's behaviour tests share: estates that have joined, messages, and what the roads said of them.

// Every test file uses a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::time::Duration;

use roadstead::base::{Acceptance, Name};
use roadstead::message::{Address, Message, Route};
use roadstead::road::{Config, Trust};
use roadstead::sim::{Link, World, estate};
use roadstead::transport::{Command, Departure, Event, Failure, Refusal, Ticket};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MILLI: Duration = Duration::from_millis(1);
pub(crate) const MASTER: usize = 0;
pub(crate) const WEB1: usize = 1;

/// Runs a test for each of these seeds; a failure says which one it was.
pub(crate) fn seeds(seeds: impl IntoIterator<Item = u64>, mut test: impl FnMut(u64)) {
    struct Said(u64);
    impl Drop for Said {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("seed {}", self.0);
            }
        }
    }
    for seed in seeds {
        let said = Said(seed);
        test(seed);
        drop(said);
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A master that takes the first key of any name.
pub(crate) fn master() -> Config {
    let mut master = estate("master");
    master.main = true;
    master.trust = Trust::Once;
    master
}

/// An estate that dials the first host and trusts the first key it sees there.
pub(crate) fn minion(name: &str) -> Config {
    let mut minion = estate(name);
    minion.kind = 1;
    minion.dial = vec![World::address(MASTER)];
    minion.trust = Trust::Once;
    minion
}

/// Host 0 `master` and host 1 `web1`, not yet joined.
pub(crate) fn strangers(seed: u64) -> World {
    let mut world = World::new(seed);
    world.add(master());
    world.add(minion("web1"));
    world
}

/// Host 0 `master` and host 1 `web1`, joined over a perfect link; nothing said yet.
pub(crate) fn pair(seed: u64) -> World {
    let mut world = strangers(seed);
    assert!(world.run_until(SECOND * 5, both_present), "join on a perfect link");
    world.run(SECOND);
    forget(&mut world);
    world
}

/// Host 0 `master` and `count` minions `web1`, `web2`, …, all joined; nothing said yet.
pub(crate) fn fleet(seed: u64, count: usize) -> World {
    let mut world = World::new(seed);
    world.add(master());
    for n in 1..=count {
        world.add(minion(&format!("web{n}")));
    }
    let all = |world: &mut World| (1..=count).all(|n| is_present(world, n, "master"));
    assert!(world.run_until(SECOND * 10, all), "a fleet joins on a perfect link");
    world.run(SECOND);
    forget(&mut world);
    world
}

/// Forgets what was said so far.
pub(crate) fn forget(world: &mut World) {
    for host in &mut world.hosts {
        host.events.clear();
    }
}

/// A link that loses so many of a thousand datagrams.
pub(crate) fn lossy(loss: u64) -> Link {
    Link { loss, delay: MILLI * 5, ..Link::default() }
}

/// Whether host `n` has been told last that `peer` is there, counting from the world's start or the last [`forget`].
pub(crate) fn is_present(world: &mut World, n: usize, peer: &str) -> bool {
    let of = |event: &Event| match event {
        Event::Joined { peer } => Some((peer.clone(), true)),
        Event::Left { peer, .. } => Some((peer.clone(), false)),
        _ => None,
    };
    world.host(n).events.iter().rev().filter_map(of).find(|(p, _)| p.as_str() == peer).is_some_and(|(_, here)| here)
}

/// Whether master and `web1` are there for each other.
pub(crate) fn both_present(world: &mut World) -> bool {
    is_present(world, MASTER, "web1") && is_present(world, WEB1, "master")
}

/// A text of `len` letters that differ from place to place.
pub(crate) fn text(len: usize, salt: u64) -> String {
    let letter = |i: u64| char::from(b'a' + (i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) % 26) as u8);
    (0..len as u64).map(|i| letter(i ^ salt << 32)).collect()
}

/// A `load` with this text.
pub(crate) fn message(text: &str) -> Message {
    let dst = Address { share: Some(name("fun")), ..Address::default() };
    Message::new(Route { src: Address::default(), dst }, "load", &text).unwrap()
}

/// The same for a queue that no daemon of Salt reads: under Salt's names a road sends to `fun` only what is a job.
pub(crate) fn words(text: &str) -> Message {
    let mut words = message(text);
    words.route.dst.share = Some(name("words"));
    words
}

/// Sends a text; there must be room.
pub(crate) fn send(world: &mut World, from: usize, ticket: u64, to: &str, text: &str) {
    world.send(from, ticket, to, message(text)).unwrap();
}

/// The texts a host has received, with their senders.
pub(crate) fn received(world: &mut World, n: usize) -> Vec<(String, String)> {
    let of = |event: &Event| match event {
        Event::Received { from, message } => Some((from.to_string(), message.read().unwrap())),
        _ => None,
    };
    world.host(n).events.iter().filter_map(of).collect()
}

/// The texts a host has received.
pub(crate) fn texts(world: &mut World, n: usize) -> Vec<String> {
    received(world, n).into_iter().map(|(_, text)| text).collect()
}

/// What became of each ticket of a host. A ticket answered twice is a failure of the test.
pub(crate) fn answers(world: &mut World, n: usize) -> BTreeMap<u64, Result<(), Failure>> {
    let mut answers = BTreeMap::new();
    for event in &world.host(n).events {
        let (ticket, answer) = match event {
            Event::Delivered { ticket } => (ticket.0, Ok(())),
            Event::Failed { ticket, why } => (ticket.0, Err(*why)),
            _ => continue,
        };
        assert_eq!(answers.insert(ticket, answer), None, "ticket {ticket} answered twice");
    }
    answers
}

/// The tickets a host knows to be delivered, in the order it was told.
pub(crate) fn delivered(world: &mut World, n: usize) -> Vec<u64> {
    let of = |event: &Event| match event {
        Event::Delivered { ticket: Ticket(ticket) } => Some(*ticket),
        _ => None,
    };
    world.host(n).events.iter().filter_map(of).collect()
}

/// Why estates left a host, in order.
pub(crate) fn departures(world: &mut World, n: usize) -> Vec<(String, Departure)> {
    let of = |event: &Event| match event {
        Event::Left { peer, why } => Some((peer.to_string(), *why)),
        _ => None,
    };
    world.host(n).events.iter().filter_map(of).collect()
}

/// How a host was refused, in order.
pub(crate) fn refusals(world: &mut World, n: usize) -> Vec<Refusal> {
    let of = |event: &Event| match event {
        Event::Refused { why, .. } => Some(*why),
        _ => None,
    };
    world.host(n).events.iter().filter_map(of).collect()
}

/// How many of a host's events this is true of.
pub(crate) fn count(world: &mut World, n: usize, is_it: impl Fn(&Event) -> bool) -> usize {
    world.host(n).events.iter().filter(|event| is_it(event)).count()
}

/// Whether a host was asked to let this role in.
pub(crate) fn has_knocked(world: &mut World, n: usize, role: &str) -> bool {
    count(world, n, |e| matches!(e, Event::Knock { role: r, .. } if r.as_str() == role)) > 0
}

/// Accepts, rejects or forgets a role's key at host `n`, which must know it.
pub(crate) fn decide(world: &mut World, n: usize, role: &str, acceptance: Option<Acceptance>) {
    let fingerprint = world.host(n).road.roll().find(&name(role)).unwrap().0.fingerprint();
    world.command(n, Command::Admit { role: name(role), fingerprint, acceptance }).unwrap();
}

/// Both sides exchange a short message within `time`, however often they must be asked to.
pub(crate) fn can_talk(world: &mut World, time: Duration) -> bool {
    let end = world.now + time;
    let mut ticket = 1 << 40;
    while world.now < end {
        let (before_m, before_w) = (texts(world, MASTER).len(), texts(world, WEB1).len());
        ticket += 1;
        let _ = world.send(MASTER, ticket, "web1", message("there?"));
        let _ = world.send(WEB1, ticket, "master", message("there?"));
        let has_both = |world: &mut World| texts(world, MASTER).len() > before_m && texts(world, WEB1).len() > before_w;
        if world.run_until(SECOND, has_both) {
            return true;
        }
    }
    false
}

/// A recorded run, one line per datagram: for reading a failure.
pub(crate) fn story(world: &World) -> String {
    let mut story = String::new();
    for (time, from, to, datagram) in &world.record {
        let what = match roadstead::wire::v0::read(datagram) {
            Ok(packet) => {
                let head = packet.head;
                let side = if head.correspondent { "answer" } else { "" };
                format!(
                    "{:?} {:?} {side} se {} de {} si {} ti {} sn {}/{} {}",
                    head.transact,
                    head.packet,
                    head.se,
                    head.de,
                    head.si,
                    head.ti,
                    head.sn,
                    head.sc,
                    if head.again { "again" } else { "" }
                )
            }
            Err(error) => error.to_string(),
        };
        story += &format!("{:10.3} {from} > {to} {what}\n", time.0 as f64 / 1e6);
    }
    story
}

/// A master of the fast wire that takes the first key of any name.
pub(crate) fn fast_master() -> Config {
    Config { main: true, trust: Trust::Once, ..roadstead::sim::fast("master") }
}

/// An estate of the fast wire that dials the first host and trusts the first key it sees there.
pub(crate) fn fast_minion(name: &str) -> Config {
    Config { kind: 1, trust: Trust::Once, dial: vec![World::address(MASTER)], ..roadstead::sim::fast(name) }
}

/// Host 0 `master` and host 1 `web1` of the fast wire, joined over `link`; everything recorded, nothing said yet.
pub(crate) fn fast_pair(seed: u64, link: Link) -> World {
    let mut world = World::new(seed);
    world.is_recording = true;
    world.link = link;
    world.add(fast_master());
    world.add(fast_minion("web1"));
    assert!(world.run_until(SECOND * 60, both_present), "join");
    world.run(SECOND);
    forget(&mut world);
    world
}

/// Host 0 `master` and `count` minions `web1`, `web2`, … of the fast wire, all joined; nothing said yet.
pub(crate) fn fast_fleet(seed: u64, count: usize) -> World {
    let mut world = World::new(seed);
    world.add(fast_master());
    for n in 1..=count {
        world.add(fast_minion(&format!("web{n}")));
    }
    let all = |world: &mut World| world.host(MASTER).road.sessions().len() == count;
    assert!(world.run_until(SECOND * 20, all), "a fleet joins on a perfect link");
    world.run(SECOND);
    forget(&mut world);
    world
}

/// A message of the fast wire: `len` bytes that differ from place to place, and from ticket to ticket.
pub(crate) fn bulk(ticket: u64, len: usize) -> Message {
    let byte = |i: u64| ((i + ticket * 1_000_003 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8;
    let body: Vec<u8> = (0..len as u64).map(byte).collect();
    Message { kind: "load".into(), body: body.into(), ..Message::default() }
}

/// How often each body has arrived at a host.
pub(crate) fn bodies(world: &mut World, n: usize) -> BTreeMap<bytes::Bytes, u32> {
    let mut bodies = BTreeMap::new();
    for event in &world.host(n).events {
        if let Event::Received { message, .. } = event {
            *bodies.entry(message.body.clone()).or_default() += 1;
        }
    }
    bodies
}

/// What the roads of all hosts have passed over, all reasons together.
pub(crate) fn dropped(world: &World) -> u64 {
    world.hosts.iter().flat_map(|host| host.road.stats().drops.values()).sum()
}

/// The only session of a host.
pub(crate) fn session(world: &mut World, n: usize) -> roadstead::road::SessionView {
    let [session] = &world.host(n).road.sessions()[..] else { panic!("one session") };
    session.clone()
}
