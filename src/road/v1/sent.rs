//! The packets that were sent and not yet settled: which are in flight, what they carried, and what an acknowledgement or a
//! timeout means for them (RFC 9002). Owns the ring of packets and of what they carry; never decides how much may be sent.
//!
//! Work at an acknowledgement is proportional to what it newly acknowledges: each acknowledged packet knows how far down
//! everything else is acknowledged too, and losses are looked for from the oldest packet in flight only as far as they go.

mod rate;
mod record;
mod ring;
mod verdict;

use std::time::Duration;

pub use self::record::{Carried, Meta};
pub use self::verdict::{Fate, Rate, Verdict};

use self::rate::Sampler;
use self::record::{Packet, State};
use self::ring::Ring;
use super::violation::Violation;
use super::{Loss, Rtt};
use crate::base::Time;
use crate::wire::v1::Ack;

/// Everything sent and not yet settled, of one session.
#[derive(Debug, Clone)]
pub struct Sent {
    ring: Ring,
    /// No packet below this is in flight.
    oldest: u64,
    largest_acked: Option<u64>,
    /// Bytes that count against the window.
    in_flight: u64,
    /// Eliciting packets in flight.
    eliciting: usize,
    last_eliciting: Time,
    loss_deadline: Option<Time>,
    /// Packets below this were sent on an earlier path and count for nothing.
    path_start: u64,
    /// When the first of the eliciting packets lost in a row up to `oldest` was sent.
    lost_since: Option<Time>,
    /// How long after it was sent a lost packet is remembered, microseconds.
    memory: u64,
    sampler: Sampler,
}

/// Packets a session may have unsettled: 10 Gb/s over 600 ms in packets of 1,452 bytes take half of it.
pub const PACKETS: usize = 1 << 20;
/// Probe timeouts a lost packet is remembered for; an acknowledgement that comes later finds nothing.
const MEMORY: u32 = 3;

impl Sent {
    /// Nothing sent yet; the first packet gets `first_number`.
    pub fn new(first_number: u64) -> Self {
        Self {
            ring: Ring::new(first_number),
            oldest: first_number,
            largest_acked: None,
            in_flight: 0,
            eliciting: 0,
            last_eliciting: Time::ZERO,
            loss_deadline: None,
            path_start: 0,
            lost_since: None,
            memory: 3_000_000,
            sampler: Sampler::default(),
        }
    }

    /// What goes into the packet being filled.
    pub fn carry(&mut self, carried: Carried) {
        self.ring.carry(carried);
    }

    /// Closes the packet being filled; gives its number. Numbers are consecutive.
    pub fn on_sent(&mut self, now: Time, meta: Meta) -> u64 {
        if !meta.is_in_flight {
            // A session that only acknowledges would otherwise remember every acknowledgement.
            self.forget(now);
        }
        let number = self.next_number();
        let stamp = self.sampler.on_sent(now, self.in_flight, meta.is_app_limited);
        let mut packet = Packet::new(number, now, meta, stamp);
        if meta.is_in_flight {
            self.in_flight += u64::from(packet.size);
            if meta.is_eliciting {
                self.eliciting += 1;
                self.last_eliciting = now;
            }
        }
        packet.in_flight = u32::try_from(self.in_flight).unwrap_or(u32::MAX);
        packet.is_app_limited = self.sampler.is_app_limited();
        self.ring.push(packet);
        number
    }

    /// Nothing was sent: forgets what was carried since the last packet.
    pub fn abandon(&mut self) {
        self.ring.abandon();
    }

    /// The number of the packet being filled.
    pub fn next_number(&self) -> u64 {
        self.ring.next()
    }

    /// Bytes that count against the window.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Whether an acknowledgement is owed to us: the probe timeout runs.
    pub fn has_eliciting(&self) -> bool {
        self.eliciting > 0
    }

    /// The largest number acknowledged.
    pub fn largest_acked(&self) -> Option<u64> {
        self.largest_acked
    }

    /// Whether no more packets may be sent until some are settled.
    pub fn is_full(&self) -> bool {
        self.ring.len() >= PACKETS
    }

    /// When [`Sent::on_loss_timeout`] is due.
    pub fn loss_deadline(&self) -> Option<Time> {
        self.loss_deadline
    }

    /// When the last eliciting packet was sent, while any is in flight: the probe timeout counts from it.
    pub fn last_eliciting(&self) -> Option<Time> {
        (self.eliciting > 0).then_some(self.last_eliciting)
    }

    /// The session has nothing more to send though the window has room.
    pub fn on_app_limited(&mut self) {
        self.sampler.on_app_limited(self.in_flight);
    }

    /// Takes an acknowledgement. Tells `each` what became of everything carried by packets newly acknowledged or lost.
    /// An acknowledgement of a packet never sent is refused and changes nothing.
    pub fn on_ack(
        &mut self,
        now: Time,
        ack: &Ack<'_>,
        rtt: &mut Rtt,
        loss: &mut Loss,
        each: &mut impl FnMut(Fate, Carried),
    ) -> Result<Verdict, Violation> {
        //= RFC 9000 §13.1: "SHOULD treat receipt of an acknowledgment for a packet it did not send as a connection error".
        if ack.largest >= self.next_number() {
            return Err(Violation("acknowledged a packet that was not sent"));
        }
        let before = self.largest_acked;
        let mut news = News { now, before, newest: None, verdict: Verdict::default() };
        news.verdict.in_flight_before = self.in_flight;
        news.verdict.is_newest = before.is_none_or(|before| ack.largest > before);
        let largest_sent = self.ring.packet(ack.largest).filter(|p| p.state != State::Acked).map(|p| p.sent);
        for (low, high) in ack.ranges() {
            if high < self.ring.first() {
                break;
            }
            self.acknowledge(low.max(self.ring.first()), high, &mut news, rtt, loss, each);
        }
        if news.verdict.is_newest {
            self.largest_acked = Some(ack.largest);
            loss.on_acked(ack.largest, self.next_number());
        }
        let is_of_path = ack.largest >= self.path_start && news.verdict.newest_acked.is_some();
        //= RFC 9002 §5.1: the largest is newly acknowledged, and something eliciting is.
        if let Some(sent) = largest_sent.filter(|_| is_of_path) {
            let sample = now.since(sent);
            rtt.on_sample(now, sample, Duration::from_micros(ack.delay));
            news.verdict.rtt_sample = Some(rtt.latest());
        }
        self.detect(now, rtt, loss, &mut news.verdict, each);
        if let Some(newest) = &news.newest {
            news.verdict.rate = self.sampler.sample(newest, rtt.min());
        }
        self.memory = micros(rtt.pto(rtt.max_ack_delay()) * MEMORY);
        self.forget(now);
        news.verdict.in_flight = self.in_flight;
        Ok(news.verdict)
    }

    /// The loss timer came due (RFC 9002 §6.1.2).
    pub fn on_loss_timeout(
        &mut self,
        now: Time,
        rtt: &Rtt,
        loss: &mut Loss,
        each: &mut impl FnMut(Fate, Carried),
    ) -> Verdict {
        let mut verdict = Verdict { in_flight_before: self.in_flight, ..Verdict::default() };
        self.detect(now, rtt, loss, &mut verdict, each);
        self.forget(now);
        verdict.in_flight = self.in_flight;
        verdict
    }

    /// The probe timeout came due: hands out what the oldest eliciting packets in flight carried, `packets` of them at most,
    /// and declares nothing lost.
    //= RFC 9002 §6.2.4: "MUST NOT mark prior unacknowledged packets as lost" on a probe timeout (§6.2).
    pub fn probe(&mut self, packets: usize, each: &mut impl FnMut(Carried)) {
        let oldest = self.ring.from(self.oldest).filter(|(_, p)| p.state == State::Flight && p.is_eliciting);
        for (number, _) in oldest.take(packets) {
            self.ring.carried_by(number).for_each(&mut *each);
        }
    }

    /// The path changed: what is in flight counts no longer, and says nothing about the new path.
    //= RFC 9000 §9.4: "Packets sent on the old path MUST NOT contribute to congestion control or RTT estimation".
    pub fn on_new_path(&mut self) {
        self.path_start = self.next_number();
        self.in_flight = 0;
        self.lost_since = None;
    }

    /// The session rests: with nothing in flight all memory is given back, and lost packets are no longer remembered.
    pub fn rest(&mut self) {
        if !self.ring.from(self.oldest).any(|(_, packet)| packet.state == State::Flight) {
            self.ring.clear();
            self.oldest = self.ring.first();
            self.loss_deadline = None;
        }
    }

    /// Heap held, bytes.
    pub fn heap(&self) -> usize {
        self.ring.heap()
    }

    /// Marks everything from `low` to `high`; the ring reaches down to `low`.
    fn acknowledge(
        &mut self,
        low: u64,
        high: u64,
        news: &mut News,
        rtt: &Rtt,
        loss: &mut Loss,
        each: &mut impl FnMut(Fate, Carried),
    ) {
        let mut number = high;
        loop {
            let Some(packet) = self.ring.packet_mut(number) else { return };
            let below = packet.below.min(low);
            if packet.state == State::Acked {
                number = std::mem::replace(&mut packet.below, below);
            } else {
                let before = *packet;
                (packet.state, packet.below) = (State::Acked, low);
                self.settle(number, &before, news, rtt, loss);
                self.ring.carried_by(number).for_each(|carried| each(Fate::Acked, carried));
            }
            if number <= low {
                return;
            }
            number -= 1;
        }
    }

    /// A packet is newly acknowledged.
    fn settle(&mut self, number: u64, packet: &Packet, news: &mut News, rtt: &Rtt, loss: &mut Loss) {
        let size = u32::from(packet.size);
        let verdict = &mut news.verdict;
        let is_of_path = number >= self.path_start;
        verdict.acked_ect += u32::from(packet.is_ect);
        let distance = news.before.map_or(0, |before| before.saturating_sub(number));
        match packet.state {
            State::Flight => {
                self.eliciting -= usize::from(packet.is_eliciting);
                if is_of_path {
                    self.in_flight -= u64::from(size);
                    verdict.acked_bytes += u64::from(size);
                    verdict.acked_packets += 1;
                }
                if distance > 0 && is_of_path {
                    loss.on_reordered(distance);
                }
            }
            State::Lost if is_of_path => {
                // Lost in a row it was not.
                self.lost_since = None;
                if !packet.is_mtu_probe {
                    verdict.spurious += 1;
                    loss.on_spurious(distance, news.now.since(packet.sent), rtt);
                }
            }
            _ => {}
        }
        if packet.is_eliciting && verdict.newest_acked.is_none_or(|newest| newest < number) {
            (verdict.newest_acked, verdict.newest_acked_sent) = (Some(number), Some(packet.sent));
        }
        if packet.state == State::Idle || !is_of_path {
            return;
        }
        verdict.acked_largest_size = verdict.acked_largest_size.max(size);
        if packet.is_mtu_probe {
            verdict.acked_mtu_probe = Some(size);
        }
        self.sampler.on_delivered(news.now, size.into());
        // Runs are read from the newest down: the first is the newest.
        news.newest.get_or_insert(*packet);
    }

    /// Declares lost what is, from the oldest in flight on; sets the loss timer by the first that is not.
    fn detect(
        &mut self,
        now: Time,
        rtt: &Rtt,
        loss: &Loss,
        verdict: &mut Verdict,
        each: &mut impl FnMut(Fate, Carried),
    ) {
        self.loss_deadline = None;
        let Some(largest) = self.largest_acked else { return };
        let delay = micros(loss.delay(rtt));
        let reach = loss.packet_threshold().map_or(0, |packets| (largest + 1).saturating_sub(packets));
        while self.oldest <= largest {
            let number = self.oldest;
            let Some(packet) = self.ring.packet_mut(number) else { break };
            if packet.state == State::Flight {
                let due = Time(packet.sent.0.saturating_add(delay));
                if number >= reach && due > now {
                    self.loss_deadline = Some(due);
                    return;
                }
                packet.state = State::Lost;
                let packet = *packet;
                self.lose(number, &packet, rtt, verdict);
                self.ring.carried_by(number).for_each(|carried| each(Fate::Lost, carried));
            } else if packet.state == State::Acked {
                //= RFC 9002 §7.6.2: no packet sent between the two may be acknowledged.
                self.lost_since = None;
            }
            self.oldest += 1;
        }
    }

    fn lose(&mut self, number: u64, packet: &Packet, rtt: &Rtt, verdict: &mut Verdict) {
        self.eliciting -= usize::from(packet.is_eliciting);
        if number < self.path_start {
            return;
        }
        let size = u32::from(packet.size);
        self.in_flight -= u64::from(size);
        verdict.lost_ect += u32::from(packet.is_ect);
        if packet.is_mtu_probe {
            //= RFC 9000 §14.4: its loss "is not a reliable indication of congestion".
            verdict.lost_mtu_probe = Some(size);
            return;
        }
        self.sampler.on_lost(size.into());
        verdict.lost_bytes += u64::from(size);
        verdict.lost_packets += 1;
        verdict.lost_sizes_max = verdict.lost_sizes_max.max(size);
        verdict.oldest_lost_sent.get_or_insert(packet.sent);
        (verdict.newest_lost_sent, verdict.newest_lost) = (Some(packet.sent), Some(number));
        //= RFC 9002 §7.6.2: both ends eliciting, and a sample from before the first.
        if packet.is_eliciting && rtt.is_sampled_before(packet.sent) {
            let since = *self.lost_since.get_or_insert(packet.sent);
            if packet.sent.since(since) > rtt.persistent() {
                verdict.is_persistent = true;
                self.lost_since = None;
            }
        }
    }

    /// Drops settled packets from the front, lost ones when they are old.
    fn forget(&mut self, now: Time) {
        while let Some(packet) = self.ring.front() {
            let is_over = match packet.state {
                State::Flight | State::Acked => packet.state == State::Acked,
                _ => packet.sent.0.saturating_add(self.memory) <= now.0,
            };
            if !is_over {
                break;
            }
            self.ring.pop();
        }
        self.oldest = self.oldest.max(self.ring.first());
        self.ring.shrink();
    }
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

/// What is gathered while the runs of one acknowledgement are read.
struct News {
    now: Time,
    /// The largest acknowledged before.
    before: Option<u64>,
    newest: Option<Packet>,
    verdict: Verdict,
}

#[cfg(test)]
#[path = "sent_tests.rs"]
mod tests;
