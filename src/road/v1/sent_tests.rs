//! The sent packets against a model, and over a simulated path together with the receiver's acknowledgements.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::super::Acks;
use super::*;
use crate::base::Random;
use crate::road::Mark;
use crate::wire::v1::{Frame, Frames, Writer};

const SIZE: u32 = 1000;
const DATA: Meta = Meta {
    size: SIZE,
    is_eliciting: true,
    is_in_flight: true,
    is_mtu_probe: false,
    is_ect: false,
    is_app_limited: false,
};
const IDLE: Meta = Meta { is_eliciting: false, is_in_flight: false, ..DATA };

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn at(n: u64) -> Time {
    Time::ZERO + ms(n)
}

/// The inclusive runs of a set, newest first.
fn runs(numbers: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut out: Vec<(u64, u64)> = Vec::new();
    for n in numbers.iter().rev() {
        match out.last_mut() {
            Some((low, _)) if *low == n + 1 => *low = *n,
            _ => out.push((*n, *n)),
        }
    }
    out
}

struct Side {
    sent: Sent,
    rtt: Rtt,
    loss: Loss,
    fates: Vec<(Fate, Carried)>,
}

impl Side {
    fn new() -> Self {
        Self { sent: Sent::new(0), rtt: Rtt::new(Some(ms(100))), loss: Loss::new(), fates: Vec::new() }
    }

    fn send(&mut self, now: Time, meta: Meta) -> u64 {
        self.sent.carry(Carried::Refuse(self.sent.next_number()));
        self.sent.on_sent(now, meta)
    }

    fn ack(&mut self, now: Time, runs: &[(u64, u64)]) -> Result<Verdict, Violation> {
        let mut buffer = vec![0; 4096];
        let mut writer = Writer::new(&mut buffer);
        assert_eq!(Ack::write_ranges(&mut writer, runs.iter().copied(), 0, None), runs.len());
        let size = writer.at();
        let Some(Ok(Frame::Ack(ack))) = Frames::new(&buffer[..size]).next() else { panic!() };
        let each = &mut |fate, carried| self.fates.push((fate, carried));
        self.sent.on_ack(now, &ack, &mut self.rtt, &mut self.loss, each)
    }

    fn timeout(&mut self, now: Time) -> Verdict {
        let each = &mut |fate, carried| self.fates.push((fate, carried));
        self.sent.on_loss_timeout(now, &self.rtt, &mut self.loss, each)
    }

    fn take(&mut self) -> Vec<(Fate, u64)> {
        let number = |carried| if let Carried::Refuse(number) = carried { number } else { panic!() };
        self.fates.drain(..).map(|(fate, carried)| (fate, number(carried))).collect()
    }
}

#[derive(Debug, Clone)]
enum Op {
    Send(u8, Meta),
    /// Acknowledges what of the last 64 packets has its bit set, and what was acknowledged before.
    Ack(u64),
    Unsent(u64),
    Wait(u64),
    Timeout,
    NewPath,
    Probe,
    Abandon,
    Rest,
}

fn op() -> impl Strategy<Value = Op> {
    let meta = (0u8..10, 100u32..1400).prop_map(|(kind, size)| match kind {
        0 => Meta { size, ..IDLE },
        1 => Meta { size, is_mtu_probe: true, ..DATA },
        _ => Meta { size, ..DATA },
    });
    prop_oneof![
        6 => (1u8..12, meta).prop_map(|(count, meta)| Op::Send(count, meta)),
        6 => any::<u64>().prop_map(Op::Ack),
        1 => (0u64..9).prop_map(Op::Unsent),
        3 => (1u64..200).prop_map(Op::Wait),
        2 => Just(Op::Timeout),
        1 => Just(Op::NewPath),
        1 => Just(Op::Probe),
        1 => Just(Op::Abandon),
        1 => Just(Op::Rest),
    ]
}

/// What is known of each packet from outside.
#[derive(Default)]
struct Model {
    packets: BTreeMap<u64, (Meta, Option<Fate>)>,
    acked: BTreeSet<u64>,
    path_start: u64,
}

impl Model {
    fn in_flight(&self) -> u64 {
        let flying =
            self.packets.range(self.path_start..).filter(|(_, (meta, fate))| meta.is_in_flight && fate.is_none());
        flying.map(|(_, (meta, _))| u64::from(meta.size)).sum()
    }

    fn has_eliciting(&self) -> bool {
        self.packets.values().any(|(meta, fate)| meta.is_eliciting && fate.is_none())
    }

    /// Fates may only go from none to lost to acknowledged; says what the verdict must count.
    fn apply(&mut self, fates: Vec<(Fate, u64)>) -> (u64, u64, u32) {
        let (mut acked, mut lost, mut spurious) = (0, 0, 0);
        for (fate, number) in fates {
            let (meta, before) = self.packets.get_mut(&number).unwrap();
            let is_counted = meta.is_in_flight && number >= self.path_start;
            match (*before, fate) {
                (None, Fate::Acked) if is_counted => acked += u64::from(meta.size),
                (None, Fate::Lost) if is_counted && !meta.is_mtu_probe => lost += u64::from(meta.size),
                (Some(Fate::Lost), Fate::Acked) if is_counted && !meta.is_mtu_probe => spurious += 1,
                (None | Some(Fate::Lost), Fate::Acked) => {}
                (None, Fate::Lost) => assert!(meta.is_in_flight),
                (before, after) => panic!("packet {number}: {before:?} became {after:?}"),
            }
            *before = Some(fate);
        }
        (acked, lost, spurious)
    }
}

fn apply(op: Op, side: &mut Side, model: &mut Model, now: &mut Time) {
    match op {
        Op::Send(count, meta) => {
            for _ in 0..count {
                model.packets.insert(side.send(*now, meta), (meta, None));
            }
        }
        Op::Ack(mask) => {
            let next = side.sent.next_number();
            model.acked.extend((0..64).filter(|bit| mask >> bit & 1 == 1).filter_map(|bit| next.checked_sub(1 + bit)));
            if model.acked.is_empty() {
                return;
            }
            let (all, before) = (runs(&model.acked), model.in_flight());
            let verdict = side.ack(*now, &all[..all.len().min(200)]).unwrap();
            let counts = model.apply(side.take());
            assert_eq!(counts, (verdict.acked_bytes, verdict.lost_bytes, verdict.spurious));
            assert_eq!((verdict.in_flight_before, verdict.in_flight), (before, side.sent.in_flight()));
        }
        Op::Unsent(beyond) => {
            let next = side.sent.next_number() + beyond;
            let (deadline, largest) = (side.sent.loss_deadline(), side.sent.largest_acked());
            assert!(side.ack(*now, &[(0, next)]).is_err());
            assert!(side.take().is_empty());
            assert_eq!((side.sent.loss_deadline(), side.sent.largest_acked()), (deadline, largest));
        }
        Op::Wait(millis) => *now += ms(millis),
        Op::Timeout => {
            let verdict = side.timeout(*now);
            assert_eq!(model.apply(side.take()), (0, verdict.lost_bytes, 0));
            assert!(side.sent.loss_deadline().is_none_or(|at| at > *now));
        }
        Op::NewPath => {
            side.sent.on_new_path();
            model.path_start = side.sent.next_number();
        }
        Op::Probe => {
            let mut probed = Vec::new();
            side.sent.probe(2, &mut |carried| probed.push(carried));
            let flying = model.packets.iter().filter(|(_, (meta, fate))| meta.is_eliciting && fate.is_none());
            assert_eq!(probed, flying.take(2).map(|(n, _)| Carried::Refuse(*n)).collect::<Vec<_>>());
        }
        Op::Abandon => {
            side.sent.carry(Carried::Ping);
            side.sent.abandon();
        }
        Op::Rest => {
            side.sent.rest();
            assert!(side.sent.heap() == 0 || model.packets.values().any(|(m, fate)| m.is_in_flight && fate.is_none()));
        }
    }
}

proptest! {
    #[test]
    fn every_packet_has_one_fate(ops in proptest::collection::vec(op(), 1..150)) {
        let (mut side, mut model, mut now) = (Side::new(), Model::default(), at(1000));
        for op in ops {
            apply(op, &mut side, &mut model, &mut now);
            assert_eq!(side.sent.in_flight(), model.in_flight());
            assert_eq!(side.sent.has_eliciting(), model.has_eliciting());
        }
        // A last packet is acknowledged alone: all others are settled by it, now or in time.
        let last = side.send(now, DATA);
        model.packets.insert(last, (DATA, None));
        side.ack(now, &[(last, last)]).unwrap();
        while let Some(due) = side.sent.loss_deadline() {
            side.timeout(due);
        }
        model.apply(side.take());
        assert_eq!((side.sent.in_flight(), side.sent.has_eliciting()), (0, false));
        assert!(model.packets.values().all(|(meta, fate)| !meta.is_in_flight || fate.is_some()));
        // What is old is forgotten, and memory given back.
        side.sent.rest();
        assert_eq!(side.sent.heap(), 0);
    }
}

#[test]
fn three_later_arrivals_or_an_eighth_of_a_round_prove_a_loss() {
    //= RFC 9002 §6.1.1 and §6.1.2
    let mut side = Side::new();
    for n in 0..6 {
        side.send(at(n), DATA);
    }
    let verdict = side.ack(at(100), &[(3, 4)]).unwrap();
    assert_eq!(side.take(), [(Fate::Acked, 4), (Fate::Acked, 3), (Fate::Lost, 0), (Fate::Lost, 1)]);
    assert_eq!((verdict.acked_bytes, verdict.lost_bytes, verdict.in_flight), (2000, 2000, 2000));
    assert_eq!((verdict.newest_acked, verdict.newest_lost, verdict.oldest_lost_sent), (Some(4), Some(1), Some(at(0))));
    let due = side.sent.loss_deadline().unwrap();
    assert_eq!(due, at(2) + side.loss.delay(&side.rtt));
    assert_eq!(side.loss.delay(&side.rtt), side.rtt.smoothed() * 9 / 8);
    assert_eq!(side.timeout(Time(due.0 - 1)).lost_packets, 0);
    assert_eq!(side.timeout(due).lost_packets, 1);
    assert_eq!(side.sent.loss_deadline(), None, "packet 5 is above the largest acknowledged");
}

#[test]
fn a_late_acknowledgement_of_a_lost_packet_is_told() {
    let mut side = Side::new();
    for _ in 0..8 {
        side.send(at(0), DATA);
    }
    side.ack(at(100), &[(5, 7)]).unwrap();
    assert_eq!(side.take().iter().filter(|(fate, _)| *fate == Fate::Lost).count(), 5);
    assert_eq!(side.sent.in_flight(), 0);
    let verdict = side.ack(at(110), &[(3, 7)]).unwrap();
    assert_eq!((verdict.spurious, verdict.acked_bytes, verdict.in_flight), (2, 0, 0));
    assert_eq!(side.take(), [(Fate::Acked, 4), (Fate::Acked, 3)]);
    assert_eq!(side.loss.packet_threshold(), None, "from now on only time decides");
    // After three probe timeouts nobody remembers.
    let last = side.send(at(9000), DATA);
    side.ack(at(9100), &[(last, last)]).unwrap();
    side.take();
    assert_eq!(side.ack(at(9101), &[(0, last)]).unwrap().spurious, 0);
    assert!(side.take().is_empty());
}

#[test]
fn persistent_congestion_needs_a_long_run_without_any_arrival() {
    //= RFC 9002 §7.6.2
    let run = |acked_between: bool, millis: u64| {
        let mut side = Side::new();
        for n in 0..10 {
            side.send(at(1000 + n * millis / 9), DATA);
        }
        let last = at(1000 + millis + 50);
        side.send(last, DATA);
        if acked_between {
            side.ack(at(1000 + millis), &[(5, 5)]).unwrap();
        }
        let acked = side.ack(last + ms(100), &[(10, 10)]).unwrap();
        let timed = side.timeout(last + ms(500));
        acked.is_persistent || timed.is_persistent
    };
    // Three times 100 ms, 4 * 50 ms and 25 ms, less what samples make of it.
    assert!(run(false, 1100));
    assert!(!run(false, 700));
    assert!(!run(true, 1100));
}

#[test]
fn a_lost_size_probe_is_no_congestion() {
    let mut side = Side::new();
    side.send(at(0), Meta { size: 8952, is_mtu_probe: true, ..DATA });
    for _ in 0..4 {
        side.send(at(0), DATA);
    }
    let verdict = side.ack(at(100), &[(1, 4)]).unwrap();
    assert_eq!((verdict.lost_mtu_probe, verdict.lost_packets, verdict.newest_lost), (Some(8952), 0, None));
    assert_eq!(verdict.in_flight, 0);
}

#[test]
fn delivery_rate_is_that_of_the_path() {
    // A packet each millisecond, a round trip of 100 ms: a million bytes a second.
    let mut side = Side::new();
    let mut rates = Vec::new();
    for n in 0..400u64 {
        side.send(at(n), DATA);
        if let Some(acked) = n.checked_sub(100) {
            rates.extend(side.ack(at(n), &[(0, acked)]).unwrap().rate);
        }
    }
    let last = rates.last().unwrap();
    assert!(rates.len() > 200);
    assert_eq!((last.bytes_per_second, last.tx_in_flight, last.is_app_limited), (1_000_000, 101_000, false));
    side.sent.on_app_limited();
    side.send(at(400), DATA);
    assert!(side.ack(at(500), &[(0, 400)]).unwrap().rate.unwrap().is_app_limited);
    assert_eq!(side.sent.in_flight(), 0);
}

#[test]
fn repeated_and_hostile_runs_tell_nothing_twice() {
    let mut side = Side::new();
    for n in 0..20_000 {
        side.send(at(n / 1000), DATA);
    }
    // Every second packet, in frames of as many runs as one may have.
    for top in (0..20_000u64).rev().step_by(500) {
        let spread: Vec<_> = (0..250).map_while(|i| top.checked_sub(i * 2)).map(|n| (n, n)).collect();
        side.ack(at(100), &spread).unwrap();
    }
    assert_eq!(side.take().iter().filter(|(fate, _)| *fate == Fate::Acked).count(), 10_000);
    side.ack(at(101), &[(0, 19_999)]).unwrap();
    assert_eq!(side.take().len(), 10_000, "the lost half, late");
    side.ack(at(101), &[(7, 19_000)]).unwrap();
    assert!(side.take().is_empty());
    assert!(side.sent.heap() <= 64 << 10, "{}", side.sent.heap());
}

#[test]
fn acknowledgements_alone_do_not_pile_up() {
    let mut side = Side::new();
    for n in 0..100_000 {
        side.send(at(n), IDLE);
        side.fates.clear();
    }
    assert!(side.sent.heap() < 1 << 20, "{}", side.sent.heap());
    assert_eq!((side.sent.in_flight(), side.sent.has_eliciting(), side.sent.last_eliciting()), (0, false, None));
}

#[test]
fn a_packet_is_a_cache_line() {
    assert_eq!(size_of::<Packet>(), 64);
    assert_eq!(size_of::<Carried>(), 24);
}

/// What a path did to a transfer.
#[derive(Debug, Default)]
struct Outcome {
    declared: u32,
    spurious: u32,
    dropped: u32,
    /// The longest from sending to declaring, of packets that were dropped.
    slowest: Duration,
}

enum Happens {
    Arrives(u64),
    Acknowledged(Vec<u8>),
}

/// A packet each half millisecond over 20 ms there and back; `path` gives the delay there, or none for a loss.
fn transfer(packets: u64, mut path: impl FnMut(&mut Random) -> Option<Duration>) -> Outcome {
    let mut random = Random::from_number(7);
    let mut side = Side { rtt: Rtt::new(Some(ms(20))), ..Side::new() };
    let mut acks = Acks::new(ms(25));
    acks.set_delay(ms(5));
    let (mut queue, mut order) = (BTreeMap::<(Time, u64), Happens>::new(), 0);
    let (mut outcome, mut sent_at, mut dropped) = (Outcome::default(), Vec::new(), BTreeSet::new());
    let mut next_send = Time::ZERO;
    loop {
        let deadlines = [queue.keys().next().map(|(at, _)| *at), side.sent.loss_deadline(), acks.deadline()];
        let sends = (side.sent.next_number() < packets).then_some(next_send);
        let Some(now) = deadlines.into_iter().chain([sends]).flatten().min() else { break };
        order += 1;
        let mut verdict = Verdict::default();
        if acks.is_due(now) {
            let mut frame = vec![0; 600];
            let mut writer = Writer::new(&mut frame);
            acks.write(now, &mut writer).unwrap();
            let size = writer.at();
            frame.truncate(size);
            queue.insert((now + ms(10), order), Happens::Acknowledged(frame));
        } else if side.sent.loss_deadline().is_some_and(|at| at <= now) {
            verdict = side.timeout(now);
        } else if queue.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
            match queue.pop_first().unwrap().1 {
                Happens::Arrives(number) => acks.on_packet(now, number, true, Mark::NotEct),
                Happens::Acknowledged(frame) => {
                    let Some(Ok(Frame::Ack(ack))) = Frames::new(&frame).next() else { panic!() };
                    let each = &mut |fate, carried| side.fates.push((fate, carried));
                    verdict = side.sent.on_ack(now, &ack, &mut side.rtt, &mut side.loss, each).unwrap();
                }
            }
        } else {
            let number = side.send(now, DATA);
            sent_at.push(now);
            next_send = now + Duration::from_micros(500);
            match path(&mut random) {
                Some(delay) => drop(queue.insert((now + delay, order), Happens::Arrives(number))),
                None => drop(dropped.insert(number)),
            }
        }
        outcome.declared += verdict.lost_packets;
        outcome.spurious += verdict.spurious;
        for (fate, number) in side.take() {
            if fate == Fate::Lost && dropped.contains(&number) {
                outcome.slowest = outcome.slowest.max(now.since(sent_at[number as usize]));
            }
        }
    }
    outcome.dropped = dropped.len() as u32;
    outcome
}

#[test]
fn reordering_costs_next_to_nothing() {
    for (name, late) in [("a little", 1), ("an eighth", 3), ("half a round", 10), ("a round", 18)] {
        let outcome = transfer(20_000, |random| {
            let extra = if random.below(100) < 5 { Duration::from_micros(random.below(late * 1000)) } else { ms(0) };
            Some(ms(10) + extra)
        });
        assert!(outcome.declared < 20_000 / 200, "{name}: {outcome:?}");
        assert_eq!(outcome.declared, outcome.spurious);
    }
    // As `netem reorder 5%` does it: some overtake everything on the path.
    let outcome = transfer(20_000, |random| Some(if random.below(100) < 5 { ms(1) } else { ms(10) }));
    assert!(outcome.declared < 20_000 / 200, "overtaking: {outcome:?}");
}

#[test]
fn losses_are_found_soon_where_nothing_is_reordered() {
    let outcome = transfer(20_000, |random| (random.below(100) >= 5).then_some(ms(10)));
    assert_eq!((outcome.declared - outcome.dropped, outcome.spurious), (0, 0), "{outcome:?}");
    assert!(outcome.dropped > 800);
    // 20 ms, an eighth of it, and the receiver's delay at the very end.
    assert!(outcome.slowest <= ms(28), "{outcome:?}");
    let both = transfer(20_000, |random| {
        let extra = if random.below(100) < 5 { Duration::from_micros(random.below(5000)) } else { ms(0) };
        (random.below(100) >= 2).then_some(ms(10) + extra)
    });
    assert!(both.declared - both.dropped < 100 && both.spurious == both.declared - both.dropped, "{both:?}");
}
