//! Casts: in one packet or not at all, at most once, never sent again, within the congestion window, and the first to give way.

#![cfg(test)]

mod common;

use bytes::Bytes;
use common::{MASTER, MILLI, SECOND, WEB1, answers, bulk, fast_pair, name, seeds, session};
use roadstead::base::{Random, Time};
use roadstead::keep::OwnKeys;
use roadstead::road::{Memory, Output, Road};
use roadstead::sim::{Link, World};
use roadstead::transport::{Command, Event, Failure, Ticket};

fn cast(world: &mut World, data: Bytes) {
    world.command(MASTER, Command::Cast { to: name("web1"), data }).unwrap();
}

fn numbered(n: u32, len: usize) -> Bytes {
    let mut data = vec![7; len];
    data[..4].copy_from_slice(&n.to_be_bytes());
    data.into()
}

/// The numbers of the casts that came.
fn come(world: &mut World) -> Vec<u32> {
    let of = |event: &Event| match event {
        Event::Cast { from, data } => {
            assert_eq!(from.as_str(), "master");
            Some(u32::from_be_bytes(*data.first_chunk().unwrap()))
        }
        _ => None,
    };
    world.host(WEB1).events.iter().filter_map(of).collect()
}

/// Why the last cast could not go.
fn uncast(world: &mut World) -> Option<Failure> {
    let of = |event: &Event| if let Event::Uncast { why, .. } = event { Some(*why) } else { None };
    world.host(MASTER).events.iter().rev().find_map(of)
}

#[test]
fn each_comes_once_at_most_and_those_that_are_lost_stay_so() {
    seeds(0..5, |seed| {
        let link = Link { delay: MILLI * 5, loss: 200, duplicate: 100, mtu: 1472, ..Link::default() };
        let mut world = fast_pair(seed, link);
        for n in 0..500 {
            cast(&mut world, numbered(n, 100));
            world.run(MILLI * 10);
        }
        world.run(SECOND * 5);
        let mut numbers = come(&mut world);
        println!("{} of 500 at 20 % loss", numbers.len());
        assert!((350..450).contains(&numbers.len()), "{}", numbers.len());
        numbers.sort_unstable();
        numbers.dedup();
        let (sent, got) = (session(&mut world, MASTER).tally, session(&mut world, WEB1).tally);
        assert_eq!((sent.casts_out, sent.casts_dropped), (500, 0));
        assert_eq!((got.casts_in, numbers.len() as u64), (numbers.len() as u64, got.casts_in), "none twice");
        assert_eq!(session(&mut world, MASTER).in_flight, 0, "acknowledged or lost as any packet");
    });
}

#[test]
fn one_that_fits_no_packet_is_told_how_many_bytes_would() {
    let mut world = fast_pair(1, Link { delay: MILLI, mtu: 1400, ..Link::default() });
    cast(&mut world, numbered(0, 1164));
    cast(&mut world, numbered(1, 5000));
    world.run(SECOND * 20);
    let Some(Failure::OverPacket { limit }) = uncast(&mut world) else { panic!("{:?}", uncast(&mut world)) };
    println!("{}", Failure::OverPacket { limit });
    assert!((1164..1400).contains(&limit), "{limit}");
    cast(&mut world, numbered(2, limit.into()));
    cast(&mut world, numbered(3, usize::from(limit) + 200));
    cast(&mut world, Bytes::from_static(b"last"));
    world.run(SECOND);
    assert_eq!(come(&mut world), [0, 2, u32::from_be_bytes(*b"last")]);
    world.command(MASTER, Command::Cast { to: name("web9"), data: Bytes::new() }).unwrap();
    world.run(MILLI);
    assert_eq!(uncast(&mut world), Some(Failure::Absent));
}

#[test]
fn a_flood_of_them_leaves_messages_their_half_and_the_newest_is_what_comes() {
    let link = Link { delay: MILLI * 10, rate: 8_000_000, queue: 60_000, mtu: 1472, ..Link::default() };
    let mut world = fast_pair(1, link);
    // Five times what the link takes, beside a file that takes two seconds alone.
    world.send(MASTER, 1, "web1", bulk(1, 2_000_000)).unwrap();
    let start = world.now;
    let mut n = 0;
    while answers(&mut world, MASTER).is_empty() {
        for _ in 0..5 {
            cast(&mut world, numbered(n, 1100));
            n += 1;
        }
        world.run(MILLI);
        assert!(world.now.since(start) < SECOND * 8, "the file starves");
    }
    let took = world.now.since(start);
    world.run(SECOND);
    let numbers = come(&mut world);
    let tally = session(&mut world, MASTER).tally;
    println!("{took:?}; {} of {n} came, {} gave way", numbers.len(), tally.casts_dropped);
    assert!(numbers.len() > 500, "{}", numbers.len());
    // Two thirds of what is offered would be lost if it went all the same.
    assert!(tally.lost * 20 < tally.datagrams_out, "{} of {} packets lost", tally.lost, tally.datagrams_out);
    assert_eq!(numbers.last(), Some(&(n - 1)), "the newest is worth most");
    assert_eq!(tally.casts_out + tally.casts_dropped, u64::from(n));
}

/// Two roads without a path between them but this: what one says the other hears at once.
fn exchange(roads: &mut [Road; 2], now: Time, reads: bool) -> Vec<Event> {
    let (mut events, mut buffer) = (Vec::new(), Vec::new());
    for n in 0..2 {
        roads[n].handle_timeout(now);
        while let Some(sent) = roads[n].poll_transmit(now, &mut buffer) {
            for datagram in sent.datagrams(&buffer) {
                let from = World::address(n);
                roads[1 - n].handle_datagram(now, from, &mut datagram.to_vec());
            }
        }
    }
    for (n, road) in roads.iter_mut().enumerate().filter(|(n, _)| *n == MASTER || reads) {
        while let Some(output) = road.poll_output() {
            if let Output::Event(event) = output
                && n == WEB1
            {
                events.push(event);
            }
        }
    }
    events
}

#[test]
fn who_does_not_read_loses_casts_and_no_messages() {
    let (mut random, mut now) = (Random::from_number(1), Time(1_000_000));
    let mut road = |config| Road::new(config, OwnKeys::generate(&mut random), Memory::default(), random.bytes(), now);
    let mut roads = [road(common::fast_master()), road(common::fast_minion("web1"))];
    for _ in 0..500 {
        now += MILLI;
        exchange(&mut roads, now, true);
    }
    let casts = 20_000u32;
    for n in 0..casts {
        let command = Command::Cast { to: name("web1"), data: numbered(n, 10) };
        roads[MASTER].handle_command(now, command).unwrap();
        if n % 50 == 0 {
            now += MILLI;
            exchange(&mut roads, now, false);
        }
    }
    for ticket in 0..100 {
        let (to, message) = (name("web1"), bulk(ticket, 1000));
        roads[MASTER].handle_command(now, Command::Send { ticket: Ticket(ticket), to, message }).unwrap();
    }
    let mut events = Vec::new();
    for step in 0..100 {
        now += MILLI;
        events.extend(exchange(&mut roads, now, step > 50));
    }
    let (mut heard, mut received) = (0, 0);
    for event in events {
        heard += u64::from(matches!(event, Event::Cast { .. }));
        received += u64::from(matches!(event, Event::Received { .. }));
    }
    let dropped = roads[WEB1].sessions()[0].tally.casts_dropped;
    println!("{heard} casts heard, {dropped} gave way");
    assert_eq!((received, heard + dropped), (100, casts.into()));
    assert!(heard < 10_000, "{heard}");
}
