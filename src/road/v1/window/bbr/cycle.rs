//! BBR's phases and what moves it from one to the next: probing up, draining, competing, emptying the path. Owns no state
//! of its own; never computes a rate or a window.

use std::time::Duration;

use super::super::{Sight, percent};
use super::model::Round;
use super::{Bbr, Curve, Phase, UP};
use crate::base::Time;

/// `Beta`.
const BETA: f64 = 0.7;
/// RFC 8511 §3.1 for a mark.
const BETA_MARK: f64 = 0.85;
/// `LossThresh`, above what is lost at random.
const SLACK: f64 = 0.02;
/// Beside a standing queue less will do: a CUBIC that has filled it adds but a packet or two a round.
const SLACK_SHARED: f64 = 0.005;
/// Hundredths of the believed rate below which what came through proves a slower path.
const STALE: u64 = 75;
/// Rounds after which a test that found nobody beside us was right.
const CALM: u32 = 32;
/// Rounds after a cut of the rate in which a queue that stands all the same may yet empty.
const PATIENCE: u32 = 12;
/// `MinRTTFilterLen`.
const PROBE_RTT_EVERY: Duration = Duration::from_secs(10);
/// So much of it is over after one that was not believed, microseconds.
const AGAIN_US: u64 = 5_000_000;
/// `ProbeRTTDuration`.
const PROBE_RTT: Duration = Duration::from_millis(200);

impl Bbr {
    pub(super) fn on_round(&mut self, now: Time, round: &Round) {
        self.rounds += 1;
        self.since_probe += 1;
        self.since_cut = self.since_cut.saturating_add(1);
        self.calm = self.calm.saturating_add(1);
        self.bunch.on_round(!self.is_full);
        self.latest = round.rtt.or(self.latest);
        let stood = self.stands;
        self.stands = round.rtt.is_some_and(|rtt| !self.is_low(rtt));
        self.is_shared =
            round.rtt.is_some_and(|rtt| !self.is_within(rtt, 32, Duration::from_micros(250), Duration::ZERO));
        let is_congested =
            round.marked > 0 || (self.stands && self.is_excess(round.lost, round.acked + round.lost, SLACK_SHARED));
        match self.phase {
            Phase::Startup => self.on_startup_round(now, round, is_congested),
            // What the probe before lost is reported in the round after it.
            Phase::Drain | Phase::Down | Phase::Cruise if is_congested && self.since_probe >= 2 && stood => {
                self.compete(now, round);
            }
            Phase::Compete if self.rounds >= 2 && (round.marked > 0 || (self.stands && self.is_more(round))) => {
                self.yield_some(round);
            }
            _ => {}
        }
    }

    /// Was more lost than chance explains? To a CUBIC, that has filled the queue, a single packet says so: who waits for
    /// more has the other yield alone.
    fn is_more(&self, round: &Round) -> bool {
        self.noise.is_more(self.packets(round.lost), self.packets(round.acked + round.lost))
    }

    /// A queue stands that brings loss.
    fn compete(&mut self, now: Time, round: &Round) {
        self.join(now, self.window.min(round.volume + round.lost));
        self.yield_some(round);
    }

    /// Somebody else fills the queue: from now on a CUBIC window, of what was had before, shares it.
    fn join(&mut self, now: Time, window: u64) {
        self.is_contended = true;
        // Soon after a test that found nobody: it was wrong.
        self.failed = if self.calm < CALM { self.failed + 1 } else { 0 };
        self.curve = Curve::new(self.mtu);
        self.curve.window = window.max(self.owed) as f64;
        self.curve.plateau = self.curve.window;
        self.owed = 0;
        self.short = None;
        self.enter(now, Phase::Compete);
    }

    fn yield_some(&mut self, round: &Round) {
        self.undo = Some((self.curve, self.phase));
        self.curve.reduce(if round.marked > 0 { BETA_MARK } else { BETA }, self.least() as f64);
        self.rounds = 0;
    }

    fn on_startup_round(&mut self, now: Time, round: &Round, is_congested: bool) {
        let highest = self.highest.value();
        let has_grown = highest >= percent(self.full, 125);
        self.noise.on_startup_round(has_grown);
        if has_grown {
            (self.full, self.full_rounds) = (highest, 0);
        } else if !round.is_app_limited {
            self.full_rounds += 1;
        }
        let is_too_much = is_congested && !has_grown;
        if is_too_much {
            self.undo = Some((self.curve, Phase::Startup));
        }
        if is_too_much || self.full_rounds >= 3 {
            self.is_full = true;
            self.since_probe = 0;
            self.enter(now, Phase::Drain);
        }
    }

    /// A queue stood while far less than believed came through, twice in a row: the path has become slower. If the queue
    /// has not been empty since the last time, it is somebody's who takes whatever is left to him: to yield again and again
    /// would leave nothing (tests: beside CUBIC, a queue of 4 BDP, 1 % of the link).
    pub(super) fn on_epoch(&mut self, now: Time, rate: u64) {
        let is_cruising = matches!(self.phase, Phase::Down | Phase::Cruise | Phase::Up);
        if !is_cruising || rate >= percent(self.bandwidth(), STALE) {
            return;
        }
        if self.owed > 0 {
            // A newcomer of our own kind settles in some rounds, and leaves little more than a pipe standing.
            let is_deep = self.latest.zip(self.empty.rtt).is_some_and(|(latest, empty)| latest * 2 > empty * 5);
            if self.since_cut >= PATIENCE && is_deep {
                self.join(now, self.owed);
            }
            return;
        }
        self.since_cut = 0;
        self.short = Some(rate);
        self.owed = self.owed.max(self.window);
        self.highest.set(rate);
        self.since_probe = 0;
        self.enter(now, Phase::Drain);
    }

    pub(super) fn step(&mut self, now: Time, sight: &Sight<'_>, has_turned: bool) {
        let in_flight = sight.verdict.in_flight;
        match self.phase {
            Phase::Startup => {}
            // A slower path is empty now. If it is not, somebody else fills it: what was had is taken back when that brings
            // loss.
            Phase::Drain if self.short.is_some() => {
                if self.rounds >= 2 {
                    self.owed = if self.stands { self.owed } else { 0 };
                    self.enter(now, Phase::Cruise);
                }
            }
            Phase::Drain | Phase::Down => {
                let pipe = self.pipe(self.bandwidth(), 100).max(self.quantum()).max(self.least());
                let is_short = pipe <= self.least() && self.rounds < 1;
                if (in_flight <= pipe && !is_short) || self.rounds >= 4 {
                    self.enter(now, Phase::Cruise);
                }
            }
            Phase::Cruise => {
                if has_turned && !self.stands {
                    self.owed = 0;
                }
                if self.is_time_to_probe(now) {
                    self.short = None;
                    (self.full, self.probe) = (self.highest.value(), (0, 0));
                    self.enter(now, Phase::Up);
                }
            }
            Phase::Compete => {
                let acked = sight.verdict.acked_bytes as f64;
                if acked > 0.0 && sight.verdict.in_flight_before * 2 > self.window {
                    self.curve.avoid(now, acked, sight.rtt.smoothed(), f64::from(self.mtu));
                }
                let rounds = 10 << self.failed.min(4);
                self.tested += u32::from(has_turned);
                if self.tested >= rounds {
                    self.tested = 0;
                    self.enter(now, Phase::Test);
                }
            }
            Phase::Test => self.test(now, has_turned),
            Phase::Up => self.probe(now, sight, has_turned),
            Phase::ProbeRtt => self.hold(now, in_flight, has_turned),
        }
        // Tests look at the queue of who competes; what they cannot tell is whether the path has become longer.
        let every = if self.phase == Phase::Compete { PROBE_RTT_EVERY * 3 } else { PROBE_RTT_EVERY };
        let interval = every.max(self.empty.rtt.unwrap_or_default() * 50);
        if self.is_full && self.phase != Phase::ProbeRtt && now.since(self.empty.seen) > interval {
            (self.drained, self.probe_rtt) = (None, None);
            self.was_competing = self.phase == Phase::Compete;
            self.enter(now, Phase::ProbeRtt);
        }
    }

    fn test(&mut self, now: Time, has_turned: bool) {
        if !has_turned || self.rounds < 2 {
            return;
        }
        self.highest.advance();
        if self.is_shared {
            self.failed += 1;
            self.enter(now, Phase::Compete);
        } else {
            (self.since_probe, self.calm) = (0, 0);
            self.enter(now, Phase::Cruise);
        }
    }

    fn is_time_to_probe(&self, now: Time) -> bool {
        if !self.is_contended {
            return self.since_probe >= 6 + self.wait % 3;
        }
        let reno = self.packets(self.pipe(self.bandwidth(), 100)).clamp(8.0, 63.0) as u32;
        let wall = Duration::from_millis(2_000 + u64::from(self.wait));
        self.since_probe >= reno || now.since(self.since) > wall
    }

    fn probe(&mut self, now: Time, sight: &Sight<'_>, has_turned: bool) {
        if sight.ce > 0 || self.is_excess(self.probe.1, self.probe.0, SLACK) {
            self.is_contended = true;
            return self.end_probe(now);
        }
        let highest = self.highest.value();
        let has_queue = sight.verdict.rtt_sample.is_some_and(|sample| !self.is_low(sample));
        let has_volume = sight.verdict.in_flight >= self.pipe(self.full, UP);
        let is_flat = highest < percent(self.full, 105);
        let is_done = if has_turned && self.rounds >= 2 {
            let has_grown = highest >= percent(self.full, 110);
            self.full = highest;
            !has_grown
        } else {
            self.rounds >= 1 && has_queue && has_volume && is_flat
        };
        if is_done {
            self.is_contended &= has_queue && self.stands;
            self.end_probe(now);
        }
    }

    fn end_probe(&mut self, now: Time) {
        self.since_probe = 0;
        // Flows that share a queue must not keep step; any number that differs between them will do.
        self.wait = ((self.delivered / u64::from(self.mtu.max(1))) ^ now.0) as u32 % 997;
        self.highest.advance();
        self.enter(now, Phase::Down);
    }

    /// What a probe of the empty round trip found. While somebody else may fill the queue, a longer one is believed only
    /// when the next finds the same: a path's length stays, a queue does not.
    fn believe(&mut self, now: Time, rtt: Duration) {
        let is_shared = self.was_competing || self.owed > 0;
        let is_same = self.claimed.is_some_and(|claimed| claimed.abs_diff(rtt) <= rtt / 32);
        self.claimed = Some(rtt);
        if is_shared && !is_same && !self.is_low(rtt) {
            // Soon again.
            self.empty.seen = Time(now.0.saturating_sub(AGAIN_US));
        } else {
            self.empty.set(now, rtt);
        }
    }

    fn hold(&mut self, now: Time, in_flight: u64, has_turned: bool) {
        match self.drained {
            None if in_flight <= self.target() => self.drained = Some(now),
            Some(at) if now.since(at) >= PROBE_RTT && has_turned => {
                if let Some(rtt) = self.probe_rtt {
                    self.believe(now, rtt);
                }
                self.short = None;
                let next = if self.was_competing { Phase::Compete } else { Phase::Cruise };
                self.enter(now, next);
            }
            _ => {}
        }
    }
}
