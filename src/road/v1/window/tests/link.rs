//! A bottleneck in simulated time with senders that drive a window each: rate, delay, drop-tail queue, random and bursty
//! loss before or behind the queue, gathered and jittered ACKs. Owns time and chance (one seed); never touches a clock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use super::super::{Algorithm, Control, Rate, Rtt, Sight, Verdict, Window};
use crate::base::Time;

/// Loss that does not come from the queue.
#[derive(Clone, Copy, Default)]
pub(super) enum Loss {
    #[default]
    None,
    /// Each packet alone, behind the bottleneck.
    Random(f64),
    /// Each packet alone, ahead of the bottleneck.
    Ahead(f64),
    /// Gilbert–Elliott behind the bottleneck: chance to turn bad, chance to turn good, loss while bad.
    Bursts(f64, f64, f64),
}

#[derive(Clone)]
pub(super) struct Link {
    /// Bits per second, from the moments (µs) given.
    pub(super) rates: Vec<(u64, f64)>,
    /// Round trip of an empty link, µs.
    pub(super) rtt: u64,
    /// Bytes that may wait.
    pub(super) queue: f64,
    pub(super) loss: Loss,
    /// ACKs come through only at multiples of this, µs.
    pub(super) gather: u64,
    /// Most extra delay of an ACK, µs; order is kept.
    pub(super) jitter: u64,
    /// Share of queue above which arriving packets are marked; 0: never.
    pub(super) mark: f64,
}

#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) algorithm: Algorithm,
    pub(super) start: u64,
    /// Sends only this many bytes per `every` µs (0: bulk).
    pub(super) burst: u64,
    pub(super) every: u64,
    pub(super) extra_rtt: u64,
}

impl Plan {
    pub(super) fn bulk(algorithm: Algorithm, start: u64) -> Self {
        Self { algorithm, start, burst: 0, every: 0, extra_rtt: 0 }
    }
}

struct Packet {
    size: u64,
    sent: u64,
    delivered: u64,
    delivered_time: u64,
    first_sent: u64,
    lost: u64,
    in_flight: u64,
    is_app_limited: bool,
    is_done: bool,
}

pub(super) struct Flow {
    plan: Plan,
    pub(super) control: Control,
    rtt: Rtt,
    first: u64,
    packets: VecDeque<Packet>,
    in_flight: u64,
    delivered: u64,
    delivered_time: u64,
    first_sent: u64,
    lost: u64,
    app_limited: u64,
    largest: u64,
    arrived: VecDeque<(u64, bool)>,
    unacked: u32,
    ack_at: u64,
    newest_ack: u64,
    next_send: u64,
    wake: u64,
    backlog: u64,
    last_progress: u64,
    backoff: u32,
    /// Bytes that arrived, in steps of 1/50 s.
    pub(super) steps: Vec<u64>,
    pub(super) received: u64,
    pub(super) sent_packets: u64,
    pub(super) dropped: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Event {
    Arrive(u64, bool),
    AckTimer,
    Ack(u32),
    Wake,
    Timer,
    Refill,
}

pub(super) struct World {
    link: Link,
    mtu: u64,
    pub(super) flows: Vec<Flow>,
    events: BinaryHeap<Reverse<(u64, u64, usize, Event)>>,
    order: u64,
    free_at: f64,
    is_bad: bool,
    seed: u64,
    /// (time, flow, queueing delay in ns) seen by packets that got in, thinned.
    pub(super) waits: Vec<(u64, u64)>,
}

const NS: u64 = 1_000;

impl World {
    pub(super) fn new(link: Link, mtu: u64, plans: &[Plan], seed: u64) -> Self {
        let mut world = Self {
            link,
            mtu,
            flows: Vec::new(),
            events: BinaryHeap::new(),
            order: 0,
            free_at: 0.0,
            is_bad: false,
            seed,
            waits: Vec::new(),
        };
        for (i, plan) in plans.iter().enumerate() {
            let first = Duration::from_micros(world.link.rtt + plan.extra_rtt);
            world.flows.push(Flow::new(*plan, mtu, first));
            world.at(plan.start * NS, i, if plan.burst > 0 { Event::Refill } else { Event::Wake });
            world.at(plan.start * NS + NS, i, Event::Timer);
        }
        world
    }

    fn at(&mut self, time: u64, flow: usize, event: Event) {
        self.order += 1;
        self.events.push(Reverse((time, self.order, flow, event)));
    }

    fn chance(&mut self) -> f64 {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn link_rate(&self, now: u64) -> f64 {
        let found = self.link.rates.iter().rev().find(|(from, _)| from * NS <= now);
        found.map_or(1.0, |(_, rate)| *rate) / 8e9
    }

    /// Runs until `end`, µs.
    pub(super) fn run(&mut self, end: u64) {
        while let Some(&Reverse((now, _, i, event))) = self.events.peek() {
            if now > end * NS {
                return;
            }
            self.events.pop();
            self.handle(now, i, event);
        }
    }

    fn handle(&mut self, now: u64, i: usize, event: Event) {
        match event {
            Event::Arrive(number, is_marked) => self.arrive(now, i, number, is_marked),
            Event::AckTimer => {
                if self.flows[i].unacked > 0 && self.flows[i].ack_at <= now {
                    self.send_ack(now, i);
                }
            }
            Event::Ack(count) => {
                self.flows[i].on_ack(now, count, self.mtu);
                self.send(now, i);
            }
            Event::Wake => {
                if self.flows[i].wake <= now {
                    self.send(now, i);
                }
            }
            Event::Timer => {
                self.flows[i].on_timer(now, self.mtu);
                self.send(now, i);
                let step = (self.flows[i].rtt.smoothed().as_nanos() as u64 / 8).clamp(10 * NS, 50_000 * NS);
                self.at(now + step, i, Event::Timer);
            }
            Event::Refill => {
                let plan = self.flows[i].plan;
                if self.flows[i].in_flight == 0 {
                    self.flows[i].control.on_restart(Time(now / NS));
                }
                self.flows[i].backlog += plan.burst;
                self.at(now + plan.every * NS, i, Event::Refill);
                self.send(now, i);
            }
        }
    }

    fn arrive(&mut self, now: u64, i: usize, number: u64, is_marked: bool) {
        let flow = &mut self.flows[i];
        let step = (now / 20_000_000) as usize;
        if flow.steps.len() <= step {
            flow.steps.resize(step + 1, 0);
        }
        flow.steps[step] += self.mtu;
        flow.received += self.mtu;
        let is_gap = flow.arrived.back().map_or(number != flow.newest_ack + 1, |(last, _)| number != last + 1);
        flow.arrived.push_back((number, is_marked));
        flow.unacked += 1;
        if flow.unacked >= 2 || is_gap {
            self.send_ack(now, i);
        } else {
            flow.ack_at = now + 5_000_000;
            let at = flow.ack_at;
            self.at(at, i, Event::AckTimer);
        }
    }

    fn send_ack(&mut self, now: u64, i: usize) {
        let jitter = if self.link.jitter > 0 { (self.chance() * (self.link.jitter * NS) as f64) as u64 } else { 0 };
        let flow = &mut self.flows[i];
        let count = std::mem::take(&mut flow.unacked);
        flow.newest_ack = flow.arrived.back().map_or(flow.newest_ack, |(number, _)| *number);
        let mut at = now + (self.link.rtt + flow.plan.extra_rtt) * NS / 2 + jitter;
        if self.link.gather > 0 {
            at = at.div_ceil(self.link.gather * NS) * self.link.gather * NS;
        }
        at = at.max(flow.last_progress);
        flow.last_progress = at;
        self.at(at, i, Event::Ack(count));
    }

    fn send(&mut self, now: u64, i: usize) {
        loop {
            let flow = &mut self.flows[i];
            if flow.plan.burst > 0 && flow.backlog < self.mtu {
                flow.app_limited = flow.delivered + flow.in_flight;
                return;
            }
            if flow.in_flight + self.mtu > flow.control.window() {
                return;
            }
            let rate = flow.control.rate(&flow.rtt).max(1);
            // Trains of a millisecond, 64 KB at most, as a pacer with segmentation offload sends them.
            let train = (rate / 1_000).min(65_536).max(2 * self.mtu);
            let ahead = train * 1_000_000_000 / rate;
            if flow.next_send > now + ahead {
                flow.wake = flow.next_send - ahead / 2;
                let at = flow.wake;
                self.at(at, i, Event::Wake);
                return;
            }
            flow.next_send = flow.next_send.max(now) + self.mtu * 1_000_000_000 / rate;
            self.transmit(now, i);
        }
    }

    fn transmit(&mut self, now: u64, i: usize) {
        let number = self.flows[i].on_sent(now, self.mtu);
        let behind = match self.link.loss {
            Loss::None => false,
            Loss::Random(p) => self.chance() < p,
            Loss::Ahead(p) => {
                if self.chance() < p {
                    return;
                }
                false
            }
            Loss::Bursts(to_bad, to_good, loss) => {
                let turn = self.chance();
                self.is_bad = if self.is_bad { turn >= to_good } else { turn < to_bad };
                self.is_bad && self.chance() < loss
            }
        };
        let rate = self.link_rate(now);
        let waiting = (self.free_at - now as f64).max(0.0) * rate;
        if waiting + self.mtu as f64 > self.link.queue.max(2.0 * self.mtu as f64) {
            self.flows[i].dropped += 1;
            return;
        }
        if number.is_multiple_of(8) {
            self.waits.push((now, (waiting / rate) as u64));
        }
        let is_marked = self.link.mark > 0.0 && waiting > self.link.mark * self.link.queue;
        self.free_at = self.free_at.max(now as f64) + self.mtu as f64 / rate;
        if !behind {
            let at = self.free_at as u64 + (self.link.rtt + self.flows[i].plan.extra_rtt) * NS / 2;
            self.at(at, i, Event::Arrive(number, is_marked));
        }
    }
}

impl Flow {
    fn new(plan: Plan, mtu: u64, first: Duration) -> Self {
        let start = plan.start * NS;
        Self {
            plan,
            control: Control::new(plan.algorithm, mtu as u32),
            rtt: Rtt::new(Some(first)),
            first: 1,
            packets: VecDeque::new(),
            in_flight: 0,
            delivered: 0,
            delivered_time: start,
            first_sent: start,
            lost: 0,
            app_limited: 0,
            largest: 0,
            arrived: VecDeque::new(),
            unacked: 0,
            ack_at: 0,
            newest_ack: 0,
            next_send: 0,
            wake: 0,
            backlog: 0,
            last_progress: 0,
            backoff: 0,
            steps: Vec::new(),
            received: 0,
            sent_packets: 0,
            dropped: 0,
        }
    }

    fn on_sent(&mut self, now: u64, size: u64) -> u64 {
        if self.in_flight == 0 {
            self.first_sent = now;
            self.delivered_time = now;
        }
        self.in_flight += size;
        self.backlog = self.backlog.saturating_sub(size);
        let is_app_limited = self.app_limited > 0;
        self.packets.push_back(Packet {
            size,
            sent: now,
            delivered: self.delivered,
            delivered_time: self.delivered_time,
            first_sent: self.first_sent,
            lost: self.lost,
            in_flight: self.in_flight,
            is_app_limited,
            is_done: false,
        });
        self.sent_packets += 1;
        self.control.on_sent(Time(now / NS), size, self.in_flight, is_app_limited);
        self.first + self.packets.len() as u64 - 1
    }

    fn on_ack(&mut self, now: u64, count: u32, mtu: u64) {
        let mut verdict = Verdict { in_flight_before: self.in_flight, ..Verdict::default() };
        let (mut newest, mut marks) = (None, 0);
        for _ in 0..count {
            let Some((number, is_marked)) = self.arrived.pop_front() else { break };
            marks += u64::from(is_marked);
            self.largest = self.largest.max(number);
            let Some(packet) = number.checked_sub(self.first).and_then(|at| self.packets.get_mut(at as usize)) else {
                verdict.spurious += 1;
                continue;
            };
            if packet.is_done {
                verdict.spurious += 1;
                continue;
            }
            packet.is_done = true;
            self.in_flight -= packet.size;
            self.delivered += packet.size;
            self.delivered_time = now;
            verdict.acked_bytes += packet.size;
            verdict.acked_packets += 1;
            newest = Some(number);
        }
        if let Some(number) = newest {
            self.backoff = 0;
            self.finish(now, number, &mut verdict);
        }
        self.detect(now, &mut verdict);
        if self.app_limited > 0 && self.delivered > self.app_limited {
            self.app_limited = 0;
        }
        if let Some(rate) = &mut verdict.rate {
            rate.lost = self.lost - rate.lost;
        }
        verdict.in_flight = self.in_flight;
        let sight = Sight { now: Time(now / NS), verdict: &verdict, rtt: &self.rtt, ce: marks, mtu: mtu as u32 };
        self.control.on_ack(&sight);
    }

    fn finish(&mut self, now: u64, number: u64, verdict: &mut Verdict) {
        let packet = &self.packets[(number - self.first) as usize];
        let sample = Duration::from_micros((now / NS).saturating_sub(packet.sent / NS));
        self.rtt.on_sample(Time(now / NS), sample, Duration::ZERO);
        verdict.rtt_sample = Some(sample);
        verdict.newest_acked = Some(number);
        verdict.newest_acked_sent = Some(Time(packet.sent / NS));
        let interval = (now - packet.delivered_time).max(packet.sent - packet.first_sent) / NS;
        verdict.rate = Some(Rate {
            bytes_per_second: (self.delivered - packet.delivered) * 1_000_000 / interval.max(1),
            delivered: self.delivered,
            prior_delivered: packet.delivered,
            interval: Duration::from_micros(interval),
            is_app_limited: packet.is_app_limited,
            tx_in_flight: packet.in_flight,
            lost: packet.lost,
        });
        self.first_sent = packet.sent;
    }

    fn detect(&mut self, now: u64, verdict: &mut Verdict) {
        let wait = (self.rtt.smoothed().max(self.rtt.latest()).as_nanos() as u64) * 9 / 8 + 1;
        let mut at = 0;
        while let Some(packet) = self.packets.get_mut(at) {
            let number = self.first + at as u64;
            if number >= self.largest {
                break;
            }
            if !packet.is_done {
                if self.largest < number + 3 && packet.sent + wait > now {
                    break;
                }
                packet.is_done = true;
                self.in_flight -= packet.size;
                self.lost += packet.size;
                verdict.lost_bytes += packet.size;
                verdict.lost_packets += 1;
                let sent = Time(packet.sent / NS);
                verdict.oldest_lost_sent = verdict.oldest_lost_sent.or(Some(sent));
                verdict.newest_lost_sent = Some(sent);
                verdict.newest_lost = Some(number);
            }
            at += 1;
        }
        while self.packets.front().is_some_and(|packet| packet.is_done) && self.first < self.largest {
            self.packets.pop_front();
            self.first += 1;
        }
    }

    /// Loss timer and, when all went quiet, a probe timeout: the oldest is given up so that something may be sent.
    fn on_timer(&mut self, now: u64, mtu: u64) {
        let mut verdict = Verdict { in_flight_before: self.in_flight, ..Verdict::default() };
        self.detect(now, &mut verdict);
        let pto = (self.rtt.smoothed().as_nanos() as u64 * 2 + 10_000_000) << self.backoff.min(6);
        if self.in_flight > 0 && self.packets.back().is_some_and(|packet| packet.sent + pto < now) {
            self.backoff += 1;
            for packet in self.packets.iter_mut().filter(|packet| !packet.is_done) {
                packet.is_done = true;
                self.in_flight -= packet.size;
                self.lost += packet.size;
                verdict.lost_bytes += packet.size;
                verdict.lost_packets += 1;
                verdict.newest_lost_sent = Some(Time(packet.sent / NS));
                verdict.oldest_lost_sent = verdict.oldest_lost_sent.or(verdict.newest_lost_sent);
            }
        }
        if verdict.lost_packets == 0 {
            return;
        }
        verdict.in_flight = self.in_flight;
        let sight = Sight { now: Time(now / NS), verdict: &verdict, rtt: &self.rtt, ce: 0, mtu: mtu as u32 };
        self.control.on_ack(&sight);
    }
}
