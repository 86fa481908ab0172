//! Streams: any length, in order, each byte once, in bounded memory on both sides; either side may end one, and one that
//! nobody reads holds up nobody.

#![cfg(test)]

mod common;

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use common::{
    MASTER, MILLI, SECOND, WEB1, answers, bodies, both_present, bulk, fast_master, fast_minion, forget, name,
};
use common::{seeds, session};
use roadstead::base::limits::FAST_STREAM_BYTES;
use roadstead::message::Route;
use roadstead::road::Config;
use roadstead::sim::{Link, World, estate};
use roadstead::transport::{Command, Event, Failure, Stream, Ticket};

/// Bits a second of a link on which 8 MiB take a third of a second.
const SLOW: u64 = 200_000_000;

fn reader(mut config: Config, streams: u16) -> Config {
    config.fast.streams = streams;
    config
}

/// A master and `web1` that take this many streams each.
fn pair(seed: u64, link: Link, streams: u16) -> World {
    let mut world = World::new(seed);
    world.link = link;
    world.add(reader(fast_master(), streams));
    world.add(reader(fast_minion("web1"), streams));
    assert!(world.run_until(SECOND * 60, both_present), "join");
    world.run(SECOND);
    forget(&mut world);
    world
}

/// Bytes of a stream from `from` on, 100,000 at most; they are the same again after a prime number of them.
fn said(from: u64, len: usize) -> Bytes {
    const ROUND: u64 = 1_000_003;
    static SAID: LazyLock<Bytes> = LazyLock::new(|| {
        let byte = |i: u64| ((i % ROUND).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8;
        (0..ROUND + 100_000).map(byte).collect()
    });
    let start = (from % ROUND) as usize;
    SAID.slice(start..start + len)
}

/// The sender of one stream.
struct Writer {
    ticket: Ticket,
    written: u64,
    len: u64,
    is_shut: bool,
    is_over: bool,
}

impl Writer {
    fn open(world: &mut World, ticket: u64, len: u64) -> Self {
        let (ticket, to) = (Ticket(ticket), name("web1"));
        world.command(MASTER, Command::Open { ticket, to, route: Route::default(), kind: "file".into() }).unwrap();
        Self { ticket, written: 0, len, is_shut: false, is_over: false }
    }

    /// Writes until it is handed back.
    fn pump(&mut self, world: &mut World) {
        let events = &mut world.host(MASTER).events;
        let before = events.len();
        events.retain(|event| *event != Event::Room);
        self.is_shut &= events.len() == before;
        while !self.is_over && !self.is_shut {
            let size = (self.len - self.written).min(100_000) as usize;
            let fin = self.written + size as u64 == self.len;
            let data = said(self.written, size);
            let command = Command::Write { ticket: self.ticket, to: name("web1"), data, fin };
            let rest = match world.command(MASTER, command) {
                Ok(()) => 0,
                Err(Command::Write { data, fin: is_last, .. }) => {
                    assert_eq!(fin, is_last);
                    assert!(!data.is_empty());
                    data.len()
                }
                Err(other) => panic!("{other:?}"),
            };
            self.written += (size - rest) as u64;
            self.is_shut = rest > 0;
            self.is_over = fin && rest == 0;
        }
    }
}

/// What a reader has of one stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    stream: Option<Stream>,
    bytes: u64,
    is_whole: bool,
    cut: Option<Failure>,
}

impl Read {
    /// Takes what has come, and asks for more if it is to, until there is no more.
    fn pump(&mut self, world: &mut World, asks: bool) {
        while self.read(world) > 0 && asks {
            self.take(world);
            world.run(Duration::ZERO);
        }
    }

    /// Takes what has come; how many pieces are to be asked for.
    fn read(&mut self, world: &mut World) -> u32 {
        let mut wants = 0;
        world.host(WEB1).events.retain(|event| {
            match event {
                Event::Opened { from, stream, kind, .. } => {
                    assert_eq!((from.as_str(), kind.as_str(), self.stream), ("master", "file", None));
                    self.stream = Some(*stream);
                    wants += 1;
                }
                Event::Chunk { stream, data, fin, .. } => {
                    assert_eq!((Some(*stream), self.is_whole, self.cut), (self.stream, false, None));
                    for data in data.chunks(100_000) {
                        assert!(*data == said(self.bytes, data.len()), "in order, and each byte once");
                        self.bytes += data.len() as u64;
                    }
                    self.is_whole = *fin;
                    wants += u32::from(!fin);
                }
                Event::Cut { stream, why, .. } => {
                    assert_eq!((Some(*stream), self.is_whole, self.cut), (self.stream, false, None));
                    self.cut = Some(*why);
                }
                _ => return true,
            }
            false
        });
        wants
    }

    fn take(&self, world: &mut World) {
        world.command(WEB1, Command::Take { stream: self.stream.unwrap() }).unwrap();
    }
}

fn transfers(len: u64, link: Link, time: u64) {
    let mut world = pair(1, link, 1);
    let (mut writer, mut read) = (Writer::open(&mut world, 1, len), Read::default());
    let (mut going, mut coming) = (0, 0);
    let is_done = world.run_until(SECOND * time as u32, |world| {
        writer.pump(world);
        read.pump(world, true);
        going = going.max(session(world, MASTER).going);
        coming = coming.max(session(world, WEB1).coming);
        read.is_whole && answers(world, MASTER).len() == 1
    });
    println!("{len} bytes by {:?}; held at most {going} and {coming}", world.now);
    assert!(is_done, "{read:?}");
    assert_eq!((read.bytes, answers(&mut world, MASTER)[&1]), (len, Ok(())));
    assert!(going <= FAST_STREAM_BYTES + 1000, "{going}");
    assert!(coming <= FAST_STREAM_BYTES, "{coming}");
    world.run(SECOND * 10);
    for host in [MASTER, WEB1] {
        let session = session(&mut world, host);
        assert_eq!((session.going, session.coming), (0, 0));
    }
}

#[test]
fn two_hundred_megabytes_over_a_path_that_loses_and_reorders() {
    let link = Link { delay: MILLI * 5, loss: 20, reorder: 20, holdback: MILLI * 8, mtu: 8972, ..Link::default() };
    transfers(200 << 20, link, 600);
}

#[test]
fn any_length_over_a_short_path() {
    for len in [0, 1, 1000, 300_000, 9 << 20] {
        transfers(len, Link { delay: MILLI, loss: 10, mtu: 1472, ..Link::default() }, 60);
    }
}

#[test]
fn who_reads_slowly_holds_up_no_message_and_no_more_than_its_window() {
    let mut world = pair(2, Link { delay: MILLI * 5, ..Link::default() }, 1);
    let (mut writer, mut read) = (Writer::open(&mut world, 1, 64 << 20), Read::default());
    let mut ticket = 1;
    for second in 0..20u32 {
        // One piece in half a second.
        for _ in 0..500 {
            world.run(MILLI);
            writer.pump(&mut world);
            read.pump(&mut world, false);
        }
        if read.stream.is_some() {
            read.take(&mut world);
        }
        ticket += 1;
        let (before, size) = (world.now, if second % 5 == 0 { 30 << 20 } else { 2000 });
        world.send(MASTER, ticket, "web1", bulk(ticket, size)).unwrap();
        let is_there = |world: &mut World| answers(world, MASTER).contains_key(&ticket);
        assert!(world.run_until(SECOND * 5, is_there), "message {ticket} of {size} bytes waits");
        if size < 10_000 {
            assert!(world.now.since(before) < MILLI * 45, "{:?}", world.now.since(before));
        }
        let (going, coming) = (session(&mut world, MASTER).going, session(&mut world, WEB1).coming);
        assert!(going <= FAST_STREAM_BYTES + 1000 && coming <= FAST_STREAM_BYTES, "{going} {coming}");
    }
    assert_eq!(bodies(&mut world, WEB1).len() as u64, ticket - 1);
    assert!(read.bytes > 0 && !read.is_whole && writer.is_shut);
    // Nothing was lost by waiting.
    read.take(&mut world);
    let is_done = world.run_until(SECOND * 60, |world| {
        writer.pump(world);
        read.pump(world, true);
        read.is_whole
    });
    assert!(is_done && read.bytes == 64 << 20, "{read:?}");
}

#[test]
fn the_sender_gives_up() {
    seeds(0..10, |seed| {
        let link = Link { delay: MILLI * 5, loss: seed % 3 * 30, mtu: 1472, rate: SLOW, ..Link::default() };
        let mut world = pair(seed, link, 1);
        let (mut writer, mut read) = (Writer::open(&mut world, 1, 8 << 20), Read::default());
        for _ in 0..seed * 20 {
            world.run(MILLI);
            writer.pump(&mut world);
            read.pump(&mut world, true);
        }
        let is_begun = read.stream.is_some();
        world.command(MASTER, Command::Cancel { ticket: Ticket(1), to: name("web1") }).unwrap();
        world.command(MASTER, Command::Cancel { ticket: Ticket(1), to: name("web1") }).unwrap();
        let write = Command::Write { ticket: Ticket(1), to: name("web1"), data: said(0, 10), fin: true };
        world.command(MASTER, write).unwrap();
        world.run(SECOND * 5);
        read.pump(&mut world, true);
        assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::Cancelled));
        if is_begun {
            assert_eq!((read.is_whole, read.cut), (false, Some(Failure::Cancelled)));
        }
        for host in [MASTER, WEB1] {
            let session = session(&mut world, host);
            assert_eq!((session.going, session.coming), (0, 0));
        }
    });
}

#[test]
fn the_receiver_refuses_before_it_or_in_its_midst() {
    seeds(0..10, |seed| {
        let link = Link { delay: MILLI * 5, loss: seed % 3 * 30, mtu: 1472, ..Link::default() };
        let mut world = pair(seed, link, 1);
        let (mut writer, mut read) = (Writer::open(&mut world, 1, 8 << 20), Read::default());
        let is_far = |world: &mut World| {
            writer.pump(world);
            read.pump(world, seed > 0);
            read.stream.is_some() && read.bytes >= seed * 100_000
        };
        assert!(world.run_until(SECOND * 60, is_far));
        world.command(WEB1, Command::Refuse { stream: read.stream.unwrap() }).unwrap();
        world.command(WEB1, Command::Take { stream: read.stream.unwrap() }).unwrap();
        forget_chunks(&mut world);
        world.run(SECOND * 5);
        assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::Refused));
        assert!(!world.host(WEB1).events.iter().any(is_of_stream), "nothing is heard of it again");
        for host in [MASTER, WEB1] {
            let session = session(&mut world, host);
            assert_eq!((session.going, session.coming), (0, 0));
        }
        // There is room for another.
        let (mut writer, mut read) = (Writer::open(&mut world, 2, 10_000), Read::default());
        let is_done = |world: &mut World| {
            writer.pump(world);
            read.pump(world, true);
            read.is_whole && answers(world, MASTER).len() == 2
        };
        assert!(world.run_until(SECOND * 5, is_done));
    });
}

fn is_of_stream(event: &Event) -> bool {
    matches!(event, Event::Opened { .. } | Event::Chunk { .. } | Event::Cut { .. })
}

fn forget_chunks(world: &mut World) {
    world.run(Default::default());
    world.host(WEB1).events.retain(|event| !is_of_stream(event));
}

#[test]
fn who_takes_none_refuses_and_the_session_lives() {
    let mut world = pair(1, Link { delay: MILLI * 5, ..Link::default() }, 0);
    let mut writer = Writer::open(&mut world, 1, 1 << 20);
    for _ in 0..1000 {
        world.run(MILLI);
        writer.pump(&mut world);
    }
    assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::Refused));
    assert!(!world.host(WEB1).events.iter().any(|event| is_of_stream(event) || matches!(event, Event::Left { .. })));
}

#[test]
fn a_session_that_ends_cuts_what_is_open_and_hands_over_what_is_whole() {
    let mut world = pair(1, Link { delay: MILLI * 5, rate: SLOW, ..Link::default() }, 1);
    let (mut writer, mut read) = (Writer::open(&mut world, 1, 8 << 20), Read::default());
    for _ in 0..100 {
        world.run(MILLI);
        writer.pump(&mut world);
        read.pump(&mut world, true);
    }
    assert!(read.bytes > 0 && !read.is_whole);
    let now = world.now;
    world.host(MASTER).road.close(now);
    world.run(SECOND);
    read.pump(&mut world, true);
    assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::Lost));
    assert_eq!((read.is_whole, read.cut), (false, Some(Failure::Lost)));

    let mut world = pair(1, Link { delay: MILLI * 5, ..Link::default() }, 1);
    let (mut writer, mut read) = (Writer::open(&mut world, 1, 200_000), Read::default());
    for _ in 0..100 {
        world.run(MILLI);
        writer.pump(&mut world);
        read.pump(&mut world, false);
    }
    // The far road has all of it, and nobody has asked for any.
    assert_eq!((answers(&mut world, MASTER)[&1], read.bytes), (Ok(()), 0));
    let now = world.now;
    world.host(MASTER).road.close(now);
    world.run(SECOND);
    read.pump(&mut world, false);
    assert_eq!((read.bytes, read.is_whole, read.cut), (200_000, true, None));
}

#[test]
fn messages_are_given_up_too() {
    let mut world = pair(1, Link { delay: MILLI * 50, rate: 1_000_000, queue: 100_000, ..Link::default() }, 0);
    for ticket in 1..=3 {
        world.send(MASTER, ticket, "web1", bulk(ticket, 500_000)).unwrap();
    }
    world.run(SECOND);
    for ticket in [1, 3, 7] {
        world.command(MASTER, Command::Cancel { ticket: Ticket(ticket), to: name("web1") }).unwrap();
    }
    world.run(SECOND * 30);
    let answers = answers(&mut world, MASTER);
    let cancelled = Err(Failure::Cancelled);
    assert_eq!((answers[&1], answers[&2], answers[&3], answers.len()), (cancelled, Ok(()), cancelled, 3));
    assert!(bodies(&mut world, WEB1).into_keys().eq([bulk(2, 500_000).body]));
    world.command(MASTER, Command::Cancel { ticket: Ticket(2), to: name("web1") }).unwrap();
    world.run(SECOND);
    assert_eq!(common::answers(&mut world, MASTER).len(), 3, "delivered it stays");
}

#[test]
fn the_classic_wire_carries_none() {
    let mut world = World::new(1);
    world.add(Config { main: true, trust: roadstead::road::Trust::Once, ..estate("master") });
    world.add(common::minion("web1"));
    assert!(world.run_until(SECOND * 5, both_present));
    world.run(SECOND);
    Writer::open(&mut world, 1, 10).pump(&mut world);
    let (to, data) = (name("web1"), said(0, 10));
    world.command(MASTER, Command::Cast { to: to.clone(), data }).unwrap();
    world.run(SECOND);
    assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::Unsupported));
    assert!(world.host(MASTER).events.contains(&Event::Uncast { to, why: Failure::Unsupported }));
}
