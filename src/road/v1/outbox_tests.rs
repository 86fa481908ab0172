//! An outbox and an inbox over a link that loses, reorders, duplicates and reports late: every ticket has one answer, every
//! message arrives once and as it was; and what the outbox does alone.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::base::Time;
use crate::road::v1::Inbox;
use crate::road::v1::message::{Heading, Incoming, Kind, STREAM_CREDIT};
use crate::wire::v1::{Frame, Frames, Writer};

const RTT: Duration = Duration::from_millis(10);

/// The first `len` bytes that are said under a ticket.
fn bytes_of(ticket: u64, len: usize) -> Bytes {
    static SAID: LazyLock<Bytes> = LazyLock::new(|| (0..2u32 << 20).map(|i| ((i % 251) ^ (i / 251)) as u8).collect());
    let start = ticket as usize * 7;
    if len < 1 << 20 { SAID.slice(start..start + len) } else { vec![ticket as u8; len].into() }
}

/// Eight in a row have one heading, but for their priorities.
fn message(ticket: u64, priority: u8, len: usize) -> Outgoing {
    let group = ticket / 8;
    let kind = Kind::new(&group.to_string()).unwrap();
    let route = bytes_of(group, (group % 3) as usize * 40);
    let heading = Heading { kind, route, priority }.into();
    Outgoing { ticket: Ticket(ticket), heading, body: Body::Whole(bytes_of(ticket, len)) }
}

fn stream(ticket: u64, priority: u8) -> Outgoing {
    let kind = Kind::new(&ticket.to_string()).unwrap();
    let heading = Heading { kind, route: bytes_of(ticket, 0), priority }.into();
    Outgoing { ticket: Ticket(ticket), heading, body: Body::Stream }
}

#[derive(Debug, Clone)]
struct Packet {
    bytes: Vec<u8>,
    carried: Vec<Carried>,
    is_delivered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Delivered,
    Refused,
    GivenUp,
}

/// What was sent under a ticket.
#[derive(Debug)]
struct Sent {
    len: usize,
    is_stream: bool,
    is_finished: bool,
}

#[derive(Debug)]
struct World {
    outbox: Outbox,
    inbox: Inbox,
    now: Time,
    mtu: usize,
    out: Vec<Packet>,
    back: Vec<Packet>,
    sent: Vec<Sent>,
    answers: BTreeMap<Ticket, Answer>,
    whole: BTreeMap<u64, Bytes>,
    streams: BTreeMap<u64, (u64, Vec<u8>, bool)>,
    refused: Vec<u64>,
}

impl World {
    fn new(credit: u64, open: u64) -> Self {
        Self {
            outbox: Outbox::new(credit, open),
            inbox: Inbox::new(Time::ZERO, credit, open).with_streams(u16::MAX),
            now: Time::ZERO,
            mtu: 1200,
            out: Vec::new(),
            back: Vec::new(),
            sent: Vec::new(),
            answers: BTreeMap::new(),
            whole: BTreeMap::new(),
            streams: BTreeMap::new(),
            refused: Vec::new(),
        }
    }

    fn push(&mut self, priority: u8, len: usize, is_stream: bool) {
        let ticket = self.sent.len() as u64;
        let out = if is_stream { stream(ticket, priority) } else { message(ticket, priority, len) };
        self.outbox.push(out).unwrap();
        self.sent.push(Sent { len: if is_stream { 0 } else { len }, is_stream, is_finished: !is_stream });
        if is_stream {
            self.write(ticket, len);
        }
    }

    fn write(&mut self, ticket: u64, len: usize) {
        let sent = &mut self.sent[ticket as usize];
        let data = bytes_of(ticket, sent.len + len).slice(sent.len..);
        if sent.is_stream && !sent.is_finished && self.outbox.streams.has(Ticket(ticket)) {
            let rest = self.outbox.write(Ticket(ticket), data, false, usize::MAX).err().unwrap_or_default();
            sent.len += len - rest.len();
        }
    }

    fn finish(&mut self, ticket: u64) {
        let sent = &mut self.sent[ticket as usize];
        if self.outbox.streams.has(Ticket(ticket)) && !sent.is_finished {
            self.outbox.write(Ticket(ticket), Bytes::new(), true, usize::MAX).unwrap();
            sent.is_finished = true;
        }
    }

    /// The application asks for a piece of a stream.
    fn want(&mut self, message: u64) {
        self.inbox.want(self.now, message);
        let mut come = Vec::new();
        self.inbox.hand_over(self.now, RTT, &mut |incoming| come.push(incoming));
        come.into_iter().for_each(|incoming| self.receive(incoming));
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        assert_eq!(self.answers.insert(ticket, answer), None, "{ticket:?} answered twice");
    }

    fn fill(&mut self) -> bool {
        let (mut buffer, mut carried) = (vec![0; self.mtu], Vec::new());
        let mut out = Writer::new(&mut buffer);
        let had_work = self.outbox.has_work();
        let wrote = self.outbox.fill(&mut out, &mut |c| carried.push(c));
        assert_eq!(wrote, had_work, "says truly whether there is work");
        let bytes = out.written().to_vec();
        if wrote {
            self.out.push(Packet { bytes, carried, is_delivered: false });
        }
        wrote
    }

    fn repeat(&mut self) {
        let (mut buffer, mut carried) = (vec![0; self.mtu], Vec::new());
        let mut out = Writer::new(&mut buffer);
        let had_recent = self.outbox.has_recent();
        let count = self.outbox.repeat_recent(&mut out, &mut |c| carried.push(c));
        assert_eq!(had_recent, count > 0);
        let bytes = out.written().to_vec();
        self.out.push(Packet { bytes, carried, is_delivered: false });
    }

    fn fill_back(&mut self) {
        let (mut buffer, mut carried) = ([0; 1200], Vec::new());
        let mut out = Writer::new(&mut buffer);
        let had_work = self.inbox.has_work();
        let wrote = self.inbox.fill(self.now, RTT, &mut out, &mut |c| carried.push(c));
        assert_eq!(wrote, had_work);
        self.back.push(Packet { bytes: out.written().to_vec(), carried, is_delivered: false });
    }

    fn arrive(&mut self, at: usize) {
        let packet = &mut self.out[at];
        packet.is_delivered = true;
        let bytes = packet.bytes.clone();
        let mut come = Vec::new();
        for frame in Frames::new(&bytes) {
            let mut deliver = |incoming| come.push(incoming);
            match frame.unwrap() {
                Frame::Chunk(chunk) => self.inbox.on_chunk(&chunk, &mut deliver).unwrap(),
                Frame::Messages(messages) => self.inbox.on_messages(&messages, &mut deliver).unwrap(),
                Frame::Drop { message, end } => self.inbox.on_drop(message, end, &mut deliver).unwrap(),
                Frame::Pad(_) => {}
                other => panic!("{other:?}"),
            }
        }
        come.into_iter().for_each(|incoming| self.receive(incoming));
        let (granted, _, settled, ..) = self.inbox.counts();
        assert!(self.inbox.bytes() as u64 <= granted - settled, "holds no more than was granted");
    }

    fn receive(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Whole { heading, body } => self.receive_whole(&heading, body),
            Incoming::Run { heading, bodies } => bodies.for_each(|body| self.receive_whole(&heading, body)),
            Incoming::Opened { message, heading } => {
                let ticket = heading.kind.as_str().parse().unwrap();
                assert!(self.streams.insert(message, (ticket, Vec::new(), false)).is_none(), "{ticket} began twice");
            }
            Incoming::Piece { message, data, is_last } => {
                let (_, all, is_over) = self.streams.get_mut(&message).unwrap();
                assert!(!*is_over && !self.refused.contains(&message));
                all.extend_from_slice(&data);
                *is_over = is_last;
            }
            Incoming::Cut { message } => {
                let (ticket, _, is_over) = self.streams.get_mut(&message).unwrap();
                assert!(!*is_over && self.answers.contains_key(&Ticket(*ticket)));
                *is_over = true;
            }
        }
    }

    /// Which one it is, its body says; of equal ones each comes once.
    fn receive_whole(&mut self, heading: &Heading, body: Bytes) {
        let group: u64 = heading.kind.as_str().parse().unwrap();
        let is_it = |ticket: &u64| {
            let Some(sent) = self.sent.get(*ticket as usize) else { return false };
            !sent.is_stream && !self.whole.contains_key(ticket) && body == bytes_of(*ticket, sent.len)
        };
        let ticket = (group * 8..group * 8 + 8).find(is_it).expect("came twice, or was never sent");
        assert_eq!(heading.route, message(ticket, 0, 0).heading.route);
        self.whole.insert(ticket, body);
    }

    fn arrive_back(&mut self, at: usize) {
        let packet = &mut self.back[at];
        packet.is_delivered = true;
        let bytes = packet.bytes.clone();
        for frame in Frames::new(&bytes) {
            match frame.unwrap() {
                Frame::Credit(total) => self.outbox.on_credit(total),
                Frame::Open(below) => self.outbox.on_open(below),
                Frame::More { message, below } => self.outbox.on_more(message, below),
                Frame::Refuse { message, .. } => {
                    if let Some(ticket) = self.outbox.on_refuse(message) {
                        self.answer(ticket, Answer::Refused);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn acked(&mut self, at: usize) {
        let mut done = Vec::new();
        for carried in self.out.swap_remove(at).carried {
            self.outbox.on_acked(&carried, &mut |ticket| done.push(ticket));
        }
        for ticket in done {
            let sent = &self.sent[ticket.0 as usize];
            let has_come = match sent.is_stream {
                // Of its bytes some may wait.
                true => self.streams.values().any(|(t, ..)| *t == ticket.0),
                false => {
                    let (come, delivered) = self.equals(ticket.0);
                    come > delivered
                }
            };
            assert!(has_come, "{ticket:?} delivered before it was");
            self.answer(ticket, Answer::Delivered);
        }
    }

    /// Of the messages that nobody can tell from this one, how many have come, and how many are said to have.
    fn equals(&self, ticket: u64) -> (usize, usize) {
        let body = bytes_of(ticket, self.sent[ticket as usize].len);
        let is_alike = |sent: &Sent, t: u64| !sent.is_stream && bytes_of(t, sent.len) == body;
        let is_equal = |t: u64| t / 8 == ticket / 8 && is_alike(&self.sent[t as usize], t);
        let is_answered = |(t, a): &(&Ticket, &Answer)| **a == Answer::Delivered && is_equal(t.0);
        let come = self.whole.keys().filter(|t| is_equal(**t)).count();
        (come, self.answers.iter().filter(is_answered).count())
    }

    fn lost(&mut self, at: usize) {
        self.out[at].carried.iter().for_each(|carried| self.outbox.on_lost(carried));
        // One that arrived all the same is acknowledged later.
        if !self.out[at].is_delivered {
            self.out.swap_remove(at);
        }
    }

    fn step(&mut self, (op, a, b): (u8, u16, u16)) {
        self.now += Duration::from_micros(u64::from(b));
        let (priority, len) = (op % 3, usize::from(b) % [90, 3000, 30_000][usize::from(a) % 3]);
        let pick = |len: usize| usize::from(a) % len.max(1);
        let ticket = pick(self.sent.len()) as u64;
        match op % 64 {
            0..=7 => self.push(priority, len, false),
            8 | 9 => self.push(priority, len, true),
            10..=13 if !self.sent.is_empty() => self.write(ticket, len),
            14 if !self.sent.is_empty() => self.finish(ticket),
            15 if self.outbox.give_up(Ticket(ticket)) => self.answer(Ticket(ticket), Answer::GivenUp),
            16 => self.mtu = 1200 + pick(3) * 3000,
            17 => self.repeat(),
            18 => self.inbox.hold(a % 2 == 0),
            19 if !self.streams.is_empty() => {
                let (id, (_, _, is_over)) = self.streams.iter().nth(pick(self.streams.len())).unwrap();
                if !is_over {
                    self.inbox.refuse(*id, 2);
                    self.refused.push(*id);
                }
            }
            20 | 21 if !self.streams.is_empty() => {
                let id = *self.streams.keys().nth(pick(self.streams.len())).unwrap();
                self.want(id);
            }
            22..=34 => drop(self.fill()),
            35..=46 if !self.out.is_empty() => self.arrive(pick(self.out.len())),
            47..=51 if !self.out.is_empty() => self.lost(pick(self.out.len())),
            52..=57 if self.out.get(pick(self.out.len())).is_some_and(|p| p.is_delivered) => {
                self.acked(pick(self.out.len()))
            }
            58 if !self.out.is_empty() => {
                let packet = self.out[pick(self.out.len())].clone();
                packet.carried.iter().for_each(|carried| self.outbox.on_lost(carried));
            }
            59 | 60 => self.fill_back(),
            61 | 62 if !self.back.is_empty() => self.arrive_back(pick(self.back.len())),
            63 if !self.back.is_empty() => {
                let packet = self.back.swap_remove(pick(self.back.len()));
                for carried in &packet.carried {
                    if packet.is_delivered { self.inbox.on_acked(carried) } else { self.inbox.on_lost(carried) }
                }
            }
            _ => {}
        }
    }

    /// From now on nothing is lost: everything must come to its end.
    fn heal(&mut self) {
        self.inbox.hold(false);
        (0..self.sent.len() as u64).for_each(|ticket| self.finish(ticket));
        for _ in 0..1000 {
            // Within a round trip, so that the grants grow: the smallest ones would take thousands of rounds.
            self.now += RTT / 2;
            while self.fill() && self.out.len() < 100 {}
            while !self.out.is_empty() {
                self.arrive(0);
                self.acked(0);
            }
            for id in self.streams.keys().copied().collect::<Vec<_>>() {
                while self.inbox.has_stream(id) && self.inbox.counts().6 > 0 {
                    let before = self.streams[&id].1.len();
                    self.want(id);
                    if self.streams[&id].1.len() == before {
                        break;
                    }
                }
            }
            self.fill_back();
            for at in 0..self.back.len() {
                self.arrive_back(at);
            }
            for packet in std::mem::take(&mut self.back) {
                packet.carried.iter().for_each(|carried| self.inbox.on_acked(carried));
            }
            let is_rested = self.outbox.messages() == 0 && !self.outbox.has_work();
            if is_rested && !self.inbox.has_work() && self.answers.len() == self.sent.len() {
                return;
            }
        }
        panic!("does not come to its end: {self:#?}");
    }

    fn check(&mut self) {
        for (ticket, sent) in self.sent.iter().enumerate() {
            let (ticket, answer) = (ticket as u64, self.answers[&Ticket(ticket as u64)]);
            let of_stream = self.streams.values().find(|(t, ..)| *t == ticket);
            match sent.is_stream {
                false if answer == Answer::Delivered => {
                    let (come, delivered) = self.equals(ticket);
                    assert!(come >= delivered, "{ticket} never came");
                }
                false => assert_eq!(answer, Answer::GivenUp, "nobody refused it"),
                true => {
                    assert!(of_stream.is_none_or(|(_, all, _)| bytes_of(ticket, sent.len).starts_with(all)));
                    let is_whole = of_stream.is_some_and(|(_, all, is_over)| *is_over && all.len() == sent.len);
                    let is_refused = |id: &u64| self.streams.get(id).is_some_and(|(t, ..)| *t == ticket);
                    assert!(answer != Answer::Delivered || is_whole || self.refused.iter().any(is_refused));
                }
            }
        }
        assert_eq!((self.outbox.messages(), self.outbox.bytes(), self.outbox.begun), (0, 0, 0));
        let (_, arrived, settled, ended, runs, refusals, streams) = self.inbox.counts();
        assert_eq!((self.inbox.bytes(), self.inbox.messages(), runs, refusals, streams), (0, 0, 0, 0, 0));
        assert_eq!(arrived, self.outbox.used, "both count the same credit");
        assert_eq!(settled, arrived, "all of it is free again");
        assert_eq!(ended, self.outbox.next());
        assert!(self.outbox.streams.is_empty() && self.outbox.sent.is_empty());
        self.outbox.rest();
        self.inbox.rest();
        assert_eq!((self.outbox.sent.capacity(), self.outbox.drops.capacity()), (0, 0));
        assert!(self.outbox.queues.is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn comes_to_its_end_over_any_link(
        credit in 100u64..60_000, open in 1u64..40,
        steps in proptest::collection::vec(any::<(u8, u16, u16)>(), 0..500),
    ) {
        let mut world = World::new(credit, open);
        steps.into_iter().for_each(|step| world.step(step));
        world.heal();
        world.check();
    }
}

#[test]
fn fails_all_that_is_held_once() {
    let mut world = World::new(5000, 100);
    (0..6).for_each(|i| world.push(i % 3, 900 * usize::from(i), i == 4));
    world.fill();
    world.fill();
    world.arrive(0);
    world.acked(0);
    let mut failed = Vec::new();
    world.outbox.fail_all(&mut |ticket| failed.push(ticket));
    assert_eq!(failed.len() + world.answers.len(), 6);
    assert!(failed.iter().all(|ticket| !world.answers.contains_key(ticket)));
    assert_eq!((world.outbox.messages(), world.outbox.bytes(), world.outbox.has_work()), (0, 0, false));
    world.out.clone().iter().flat_map(|p| &p.carried).for_each(|carried| {
        world.outbox.on_acked(carried, &mut |_| panic!("answered already"));
        world.outbox.on_lost(carried);
    });
    assert!(!world.outbox.has_work());
}

/// Fills packets of 1,200 bytes until nothing is left or `most` were; the bytes of each chunk by message.
fn chunks(outbox: &mut Outbox, most: usize) -> Vec<(u64, usize)> {
    let mut chunks = Vec::new();
    for _ in 0..most {
        let mut buffer = [0; 1200];
        let mut out = Writer::new(&mut buffer);
        if !outbox.fill(&mut out, &mut |_| {}) {
            break;
        }
        for frame in Frames::new(out.written()) {
            match frame.unwrap() {
                Frame::Chunk(chunk) => chunks.push((chunk.message, chunk.data.len())),
                Frame::Messages(messages) => {
                    chunks.extend((messages.first..).zip(messages.bodies().map(<[u8]>::len)));
                }
                _ => {}
            }
        }
    }
    chunks
}

#[test]
fn a_ping_does_not_wait_for_a_file() {
    let mut outbox = Outbox::new(1 << 40, 1000);
    (0..4).for_each(|ticket| outbox.push(message(ticket, 2, 8 << 20)).unwrap());
    chunks(&mut outbox, 100);
    outbox.push(message(9, 2, 64)).unwrap();
    let ahead: usize = chunks(&mut outbox, 20).iter().take_while(|(_, len)| *len != 64).map(|(_, len)| len).sum();
    assert!(ahead as u64 <= QUANTUM + 1200, "{ahead} bytes of files before it");
    outbox.push(message(10, 0, 64)).unwrap();
    assert_eq!(chunks(&mut outbox, 1)[0].1, 64, "control goes first");
}

#[test]
fn files_of_a_class_share_it() {
    let mut outbox = Outbox::new(1 << 40, 1000);
    (0..4).for_each(|ticket| outbox.push(message(ticket, 2, 8 << 20)).unwrap());
    let mut sent = [0; 4];
    chunks(&mut outbox, 1000).into_iter().for_each(|(id, len)| sent[id as usize] += len);
    assert!(sent.iter().max().unwrap() - sent.iter().min().unwrap() <= 2 * QUANTUM as usize, "{sent:?}");
}

#[test]
fn lower_classes_do_not_starve() {
    let mut outbox = Outbox::new(1 << 40, 1000);
    (0..3).for_each(|ticket| outbox.push(message(ticket, ticket as u8, 20 << 20)).unwrap());
    let mut sent = [0; 3];
    chunks(&mut outbox, 10_000).into_iter().for_each(|(id, len)| sent[id as usize] += len);
    let all: usize = sent.iter().sum();
    assert!(sent[0] > all * 13 / 16 && sent[1] > all / 20 && sent[2] > all / 20, "{sent:?}");
}

#[test]
fn new_control_goes_before_lost_bulk() {
    let (mut outbox, mut lost) = (Outbox::new(1 << 40, 1000), Vec::new());
    outbox.push(message(1, 2, 100_000)).unwrap();
    let mut buffer = [0; 1200];
    outbox.fill(&mut Writer::new(&mut buffer), &mut |carried| lost.push(carried));
    outbox.on_lost(&lost[0]);
    outbox.push(message(2, 0, 64)).unwrap();
    let sent = chunks(&mut outbox, 2);
    assert_eq!((sent[0], sent[1].0), ((1, 64), 0));
    let Carried::Chunk { len, .. } = lost[0] else { panic!() };
    assert_eq!(sent[1..].iter().take(2).map(|(_, len)| *len as u32).sum::<u32>(), len, "and then the lost piece");
}

#[test]
fn one_word_for_many_small_messages() {
    let (mut outbox, mut carried) = (Outbox::new(1 << 20, 1000), Vec::new());
    (0..10).for_each(|ticket| outbox.push(message(ticket, 1, 64)).unwrap());
    let mut buffer = [0; 1452];
    let mut out = Writer::new(&mut buffer);
    assert!(outbox.fill(&mut out, &mut |c| carried.push(c)));
    assert_eq!(carried, [Carried::Wholes { first: 0, count: 10 }]);
    outbox.on_lost(&Carried::Wholes { first: 3, count: 2 });
    outbox.on_acked(&Carried::Wholes { first: 4, count: 1 }, &mut |_| {});
    let mut out = Writer::new(&mut buffer);
    outbox.fill(&mut out, &mut |c| carried.push(c));
    assert_eq!(carried[1..], [Carried::Wholes { first: 3, count: 1 }], "only what has not arrived");
}

#[test]
fn a_packet_is_filled_to_the_last_byte() {
    for len in 1000..1300 {
        let mut outbox = Outbox::new(1 << 20, 1000);
        outbox.push(message(0, 2, len)).unwrap();
        outbox.push(message(3, 2, 100_000)).unwrap();
        let mut buffer = [0; 1200];
        let mut out = Writer::new(&mut buffer);
        assert!(outbox.fill(&mut out, &mut |_| {}));
        assert!(out.room() < begun::CRUMB + 30, "{} bytes left of a packet with {len}", out.room());
        let sum: usize = Frames::new(out.written())
            .map(|frame| match frame {
                Ok(Frame::Chunk(chunk)) => chunk.data.len(),
                Ok(Frame::Messages(messages)) => messages.size(),
                _ => 0,
            })
            .sum();
        assert!(sum > 1100, "{sum}");
    }
}

#[test]
fn a_smaller_path_cuts_what_was_whole() {
    let mut world = World::new(1 << 20, 10);
    world.mtu = 9000;
    world.push(0, 7000, false);
    world.fill();
    assert_eq!(world.out[0].carried, [Carried::Wholes { first: 0, count: 1 }]);
    world.mtu = 1200;
    world.lost(0);
    world.heal();
    world.check();
}

#[test]
fn streams_push_back() {
    let mut outbox = Outbox::new(1 << 40, 10);
    outbox.push(stream(1, 2)).unwrap();
    assert_eq!(outbox.push(stream(1, 2)).map_err(|out| out.ticket), Err(Ticket(1)), "one at a time");
    let piece = bytes_of(1, 1 << 20);
    let write = |outbox: &mut Outbox, ticket| outbox.write(Ticket(ticket), piece.clone(), false, usize::MAX);
    let taken = (0..100).take_while(|_| write(&mut outbox, 1).is_ok()).count();
    assert_eq!(taken, limits::FAST_STREAM_BYTES >> 20);
    assert!(!outbox.take_relief());
    chunks(&mut outbox, 500);
    let sent = u32::try_from(STREAM_CREDIT).unwrap();
    assert!(!outbox.has_work(), "no further than the peer takes");
    outbox.on_more(0, 3 << 20);
    chunks(&mut outbox, 5000);
    outbox.on_acked(&Carried::Chunk { message: 0, offset: 0, len: sent, fin: false }, &mut |_| panic!());
    assert!(!outbox.take_relief(), "not for little");
    outbox.on_acked(&Carried::Chunk { message: 0, offset: 0, len: 2 << 20, fin: false }, &mut |_| panic!());
    assert_eq!((outbox.take_relief(), outbox.take_relief()), (true, false));
    let much = Bytes::from(vec![0; 5 << 20]);
    assert_eq!(outbox.write(Ticket(1), much, true, usize::MAX).map_err(|rest| rest.len()), Err(3 << 20), "the rest");
    assert_eq!(outbox.write(Ticket(1), bytes_of(1, 10), true, 0).map_err(|rest| rest.len()), Err(10));
    assert_eq!(write(&mut outbox, 2), Ok(()), "no such stream: its ticket says why");
    assert_eq!(outbox.bytes(), (8 << 20) + cost(&stream(1, 2)));
}

#[test]
fn is_bounded() {
    let mut outbox = Outbox::new(0, 0);
    let fits = (0..).take_while(|ticket| outbox.push(message(*ticket, 1, 10)).is_ok()).count();
    assert_eq!(fits, limits::FAST_OUTBOX_MESSAGES);
    let mut outbox = Outbox::new(0, 0);
    assert!(outbox.push(message(0, 1, limits::FAST_MESSAGE_MAX + 1)).is_err());
    assert!(outbox.push(message(1, 1, limits::FAST_MESSAGE_MAX)).is_ok());
    assert!(!outbox.has_work(), "nothing is granted");
    assert!(size_of::<Outbox>() <= 400 && size_of::<Inbox>() <= 400, "{} {}", size_of::<Outbox>(), size_of::<Inbox>());
}
