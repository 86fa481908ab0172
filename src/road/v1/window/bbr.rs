//! BBR (draft-ietf-ccwg-bbr, "v3") for paths that lose packets whatever we do. Owns its model of the path and the phase of
//! its cycle; never counts packets in flight.
//!
//! What differs from the draft, each proven in `tests.rs`: the rate is that of packets *settled*, lost ones included as far
//! as the path loses them at random (`noise`); only loss beyond that counts as congestion, outside a probe only beside a
//! standing queue; a path that shows neither is probed every eight rounds as v1 did, not every two seconds; a queue that
//! stands while less arrives lowers the rate without any loss; the empty RTT is probed only when it was not seen by itself.

use std::time::Duration;

use self::model::{Bunch, Empty, Highest, Round};
use self::noise::Noise;
use super::{Rate, Rtt, Sight, Window, bytes_in, initial_window, per_second, percent};
use crate::base::Time;

mod model;
mod noise;

/// `StartupPacingGain`, in hundredths as all gains.
const STARTUP: u64 = 277;
/// Gains of a probe and of the phase that drains what it queued: v1's, twice as strong as v3's when draining, for the
/// queue is to be gone in the one round between two probes (tests: the standing queue at 1 BDP of buffer).
const UP: u64 = 125;
const DOWN: u64 = 75;
/// `DrainPacingGain`.
const DRAIN: u64 = 50;
/// `PacingMarginPercent` is 1.
const MARGIN: u64 = 99;
/// `Beta`.
const BETA: u64 = 70;
/// RFC 8511 §3.1 for a mark.
const BETA_MARK: u64 = 85;
/// `LossThresh`, above what is lost at random.
const SLACK: f64 = 0.02;
/// `ProbeRTTDuration`.
const PROBE_RTT: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Startup,
    Drain,
    Down,
    Cruise,
    Refill,
    Up,
    ProbeRtt,
}

/// The controller's state. Rates are bytes per second, volumes bytes.
#[derive(Debug)]
pub struct Bbr {
    mtu: u32,
    phase: Phase,
    since: Time,
    window: u64,
    rate: u64,
    highest: Highest,
    empty: Empty,
    bunch: Bunch,
    noise: Noise,
    round: Round,
    /// Rounds since this phase began, and since the last probe did.
    rounds: u32,
    since_probe: u32,
    wait: u32,
    /// `full_bw`, `full_bw_count`, `full_bw_reached`.
    full: u64,
    full_rounds: u32,
    is_full: bool,
    bounds: Bounds,
    undo: Option<(Bounds, Phase)>,
    /// Rounds in a row in which a queue stood and far less than believed arrived.
    stale: u32,
    /// Settled and lost bytes of packets sent in this probe.
    probe: (u64, u64),
    /// The smallest RTT of a [`Phase::ProbeRtt`] and when half the pipe was reached.
    drained: Option<Time>,
    probe_rtt: Option<Duration>,
    delivered: u64,
    is_idle: bool,
}

/// What congestion taught. `None` is infinity.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    /// `bw_shortterm`, `inflight_shortterm`, `inflight_longterm`.
    rate: Option<u64>,
    volume: Option<u64>,
    ceiling: Option<u64>,
    /// The last probe met more loss than chance explains.
    is_contended: bool,
}

impl Bbr {
    /// A fresh controller for datagrams of `mtu` bytes.
    pub fn new(now: Time, mtu: u32) -> Self {
        Self {
            mtu,
            phase: Phase::Startup,
            since: now,
            window: initial_window(mtu),
            rate: 0,
            highest: Highest::default(),
            empty: Empty { rtt: None, seen: now },
            bunch: Bunch::new(now),
            noise: Noise::default(),
            round: Round::default(),
            rounds: 0,
            since_probe: 0,
            wait: 0,
            full: 0,
            full_rounds: 0,
            is_full: false,
            bounds: Bounds::default(),
            undo: None,
            stale: 0,
            probe: (0, 0),
            drained: None,
            probe_rtt: None,
            delivered: 0,
            is_idle: false,
        }
    }

    /// The rate believed now.
    fn bandwidth(&self) -> u64 {
        self.highest.value().min(self.bounds.rate.unwrap_or(u64::MAX))
    }

    fn pipe(&self, rate: u64, gain: u64) -> u64 {
        self.empty.rtt.map_or_else(|| initial_window(self.mtu), |rtt| percent(bytes_in(rate, rtt), gain))
    }

    /// `MinPipeCwnd`.
    fn least(&self) -> u64 {
        4 * u64::from(self.mtu)
    }

    /// `send_quantum`.
    fn quantum(&self) -> u64 {
        (self.rate / 1_000).min(65_536).max(2 * u64::from(self.mtu))
    }

    /// No more than an empty path's noise above its RTT: an eighth or one millisecond, half of the shallowest queue the
    /// tests know.
    fn is_low(&self, rtt: Duration) -> bool {
        self.empty.rtt.is_none_or(|empty| rtt <= empty + (empty / 8).max(Duration::from_millis(1)))
    }

    fn packets(&self, bytes: u64) -> f64 {
        bytes as f64 / f64::from(self.mtu.max(1))
    }

    fn enter(&mut self, now: Time, phase: Phase) {
        self.noise.on_slow(now, matches!(phase, Phase::Drain | Phase::Down));
        (self.phase, self.since, self.rounds) = (phase, now, 0);
        self.round.restart(self.delivered);
    }

    /// The rate at which packets were settled: delivered, and lost as far as chance explains it.
    fn settled_rate(&self, rate: &Rate) -> u64 {
        let delivered = rate.delivered.saturating_sub(rate.prior_delivered);
        let share = (self.noise.share() + self.noise.error()).min(0.5);
        let fair = (delivered as f64 / (1.0 - share)) as u64;
        per_second(fair.min(delivered + rate.lost), rate.interval)
    }

    fn observe(&mut self, sight: &Sight<'_>) -> Option<Round> {
        let verdict = sight.verdict;
        let ended = verdict.rate.as_ref().and_then(|rate| self.round.turn(rate));
        let is_low = verdict.rtt_sample.is_none_or(|sample| self.is_low(sample));
        let (acked, lost) = (self.packets(verdict.acked_bytes), self.packets(verdict.lost_bytes));
        let sent = if verdict.lost_bytes > 0 { verdict.oldest_lost_sent } else { verdict.newest_acked_sent };
        self.noise.on_settled(sent, acked, lost, is_low, self.phase == Phase::Startup);
        self.round.acked += verdict.acked_bytes;
        self.round.lost += verdict.lost_bytes;
        self.round.marked += sight.ce;
        if self.phase == Phase::Up && sent.is_some_and(|sent| sent >= self.since) {
            self.probe.0 += verdict.acked_bytes + verdict.lost_bytes;
            self.probe.1 += verdict.lost_bytes;
        }
        if let Some(sample) = verdict.rtt_sample {
            self.round.rtt = Some(self.round.rtt.unwrap_or(sample).min(sample));
            self.probe_rtt = Some(self.probe_rtt.unwrap_or(sample).min(sample));
            self.empty.on_sample(sight.now, sample);
        }
        if let Some(rate) = &verdict.rate {
            self.delivered = rate.delivered;
            let settled = self.settled_rate(rate);
            self.round.rate = self.round.rate.max(settled);
            self.round.volume = self.round.volume.max(rate.delivered.saturating_sub(rate.prior_delivered));
            self.round.is_app_limited |= rate.is_app_limited;
            if self.phase != Phase::ProbeRtt && (!rate.is_app_limited || settled > self.highest.value()) {
                self.highest.update(settled);
            }
        }
        if verdict.acked_bytes > 0 {
            self.bunch.on_acked(sight.now, verdict.acked_bytes, self.bandwidth(), self.window);
        }
        ended
    }

    /// Loss beyond chance, or marks.
    fn is_congested(&self, round: &Round) -> bool {
        let all = self.packets(round.acked + round.lost);
        round.marked > 0 || self.noise.is_excess(self.packets(round.lost), all, SLACK)
    }

    fn on_round(&mut self, now: Time, round: &Round, in_flight: u64) {
        self.rounds += 1;
        self.since_probe += 1;
        self.bunch.on_round(!self.is_full);
        let stands = round.rtt.is_some_and(|rtt| !self.is_low(rtt));
        match self.phase {
            Phase::Startup => self.on_startup_round(now, round, stands, in_flight),
            Phase::Up | Phase::Refill | Phase::ProbeRtt => {}
            Phase::Drain | Phase::Down | Phase::Cruise => self.adapt(round, stands),
        }
    }

    fn on_startup_round(&mut self, now: Time, round: &Round, stands: bool, in_flight: u64) {
        let highest = self.highest.value();
        let has_grown = highest >= percent(self.full, 125);
        self.noise.on_startup_round(has_grown);
        if has_grown {
            (self.full, self.full_rounds) = (highest, 0);
        } else if !round.is_app_limited {
            self.full_rounds += 1;
        }
        let is_too_much = self.is_congested(round) && (stands || round.marked > 0);
        if is_too_much {
            self.undo = Some((self.bounds, Phase::Startup));
            self.bounds.ceiling = Some(in_flight.max(self.pipe(highest, 100)).max(round.volume));
        }
        if is_too_much || self.full_rounds >= 3 {
            self.is_full = true;
            self.enter(now, Phase::Drain);
        }
    }

    /// Once a round, lower what congestion shows to be too high (draft-ietf-ccwg-bbr §5.5.10.3).
    fn adapt(&mut self, round: &Round, stands: bool) {
        let rate = self.bandwidth();
        let is_stale = stands && !round.is_app_limited && round.rate > 0 && round.rate < percent(rate, 80);
        self.stale = if is_stale { self.stale + 1 } else { 0 };
        if self.stale >= 2 {
            self.bounds.rate = Some(round.rate);
            if round.rate < rate / 2 {
                self.highest.set(round.rate);
            }
        }
        if !self.is_congested(round) || !(stands || round.marked > 0) {
            return;
        }
        self.undo = Some((self.bounds, self.phase));
        self.bounds.is_contended = true;
        let beta = if round.marked > 0 { BETA_MARK } else { BETA };
        self.bounds.rate = Some(round.rate.max(percent(rate, beta)));
        let volume = self.bounds.volume.unwrap_or(self.window);
        let floor = if round.marked > 0 { 0 } else { round.volume };
        self.bounds.volume = Some(floor.max(percent(volume, beta)).max(self.least()));
    }

    fn step(&mut self, now: Time, sight: &Sight<'_>, has_turned: bool) {
        let in_flight = sight.verdict.in_flight;
        match self.phase {
            Phase::Startup => {}
            Phase::Drain | Phase::Down => {
                let pipe = self.pipe(self.bandwidth(), 100).max(self.quantum()).max(self.least());
                if in_flight <= pipe || self.rounds >= 4 {
                    self.enter(now, Phase::Cruise);
                }
            }
            Phase::Cruise => {
                if self.is_time_to_probe(now) {
                    self.bounds.rate = None;
                    self.bounds.volume = None;
                    let next = if self.bounds.is_contended { Phase::Refill } else { Phase::Up };
                    self.start_probe(now, next);
                }
            }
            Phase::Refill if has_turned => self.start_probe(now, Phase::Up),
            Phase::Refill => {}
            Phase::Up => self.probe(now, sight, has_turned),
            Phase::ProbeRtt => self.hold(now, in_flight, has_turned),
        }
        let interval = Duration::from_secs(10).max(self.empty.rtt.unwrap_or_default() * 50);
        if self.is_full && self.phase != Phase::ProbeRtt && now.since(self.empty.seen) > interval {
            (self.drained, self.probe_rtt) = (None, None);
            self.enter(now, Phase::ProbeRtt);
        }
    }

    fn is_time_to_probe(&self, now: Time) -> bool {
        if !self.bounds.is_contended {
            return self.since_probe >= 6 + self.wait % 3;
        }
        let reno = self.packets(self.pipe(self.bandwidth(), 100)).clamp(8.0, 63.0) as u32;
        let wall = Duration::from_millis(2_000 + u64::from(self.wait % 1_000));
        self.since_probe >= reno || now.since(self.since) > wall
    }

    fn start_probe(&mut self, now: Time, phase: Phase) {
        self.enter(now, phase);
        (self.full, self.probe) = (self.highest.value(), (0, 0));
    }

    fn probe(&mut self, now: Time, sight: &Sight<'_>, has_turned: bool) {
        let (all, lost) = (self.packets(self.probe.0), self.packets(self.probe.1));
        if sight.ce > 0 || self.noise.is_excess(lost, all, SLACK) {
            self.undo = Some((self.bounds, Phase::Up));
            self.bounds.is_contended = true;
            let reached = sight.verdict.rate.map_or(0, |rate| rate.tx_in_flight);
            self.bounds.ceiling = Some(reached.max(self.pipe(self.highest.value(), 100)));
            return self.end_probe(now);
        }
        let highest = self.highest.value();
        let has_queue = sight.verdict.rtt_sample.is_some_and(|sample| !self.is_low(sample));
        let has_volume = sight.verdict.in_flight >= self.pipe(self.full, UP);
        let is_flat = highest < percent(self.full, 105);
        if let (true, Some(ceiling)) = (has_turned, &mut self.bounds.ceiling) {
            *ceiling = percent(*ceiling, UP);
        }
        let is_done = if has_turned && self.rounds >= 2 {
            let has_grown = highest >= percent(self.full, 110);
            self.full = highest;
            !has_grown
        } else {
            self.rounds >= 1 && has_queue && has_volume && is_flat
        };
        if is_done {
            if self.bounds.is_contended && !has_queue {
                self.bounds = Bounds::default();
            }
            self.end_probe(now);
        }
    }

    fn end_probe(&mut self, now: Time) {
        self.since_probe = 0;
        // Flows that share a queue must not keep step; any number that differs between them will do.
        self.wait = (self.delivered / u64::from(self.mtu.max(1)) ^ now.0) as u32 % 997;
        self.highest.advance();
        self.enter(now, Phase::Down);
    }

    fn hold(&mut self, now: Time, in_flight: u64, has_turned: bool) {
        match self.drained {
            None if in_flight <= self.target() => self.drained = Some(now),
            Some(at) if now.since(at) >= PROBE_RTT && has_turned => {
                if let Some(rtt) = self.probe_rtt {
                    self.empty.set(now, rtt);
                }
                self.bounds.rate = None;
                self.bounds.volume = None;
                self.enter(now, Phase::Cruise);
            }
            _ => {}
        }
    }

    /// What may be in flight in this phase.
    fn target(&self) -> u64 {
        let rate = self.bandwidth();
        let budget = (3 * self.quantum()).max(self.least());
        if self.phase == Phase::ProbeRtt {
            return self.pipe(rate, 50).max(self.least());
        }
        let gain = if self.phase == Phase::Up { 225 } else { 200 };
        let mut target = (self.pipe(rate, gain) + self.bunch.extra()).max(budget);
        let ceiling = self.bounds.ceiling.unwrap_or(u64::MAX);
        let headroom = matches!(self.phase, Phase::Cruise | Phase::Down);
        let ceiling = if headroom { percent(ceiling, 85).max(self.pipe(rate, 100)) } else { ceiling };
        target = target.min(ceiling).min(self.bounds.volume.unwrap_or(u64::MAX));
        target.max(self.least())
    }

    fn gain(&self) -> u64 {
        match self.phase {
            Phase::Startup => STARTUP,
            Phase::Drain => DRAIN,
            Phase::Down => DOWN,
            Phase::Up => UP,
            Phase::Cruise | Phase::Refill | Phase::ProbeRtt => 100,
        }
    }

    fn control(&mut self, acked: u64) {
        let rate = percent(percent(self.bandwidth(), self.gain()), MARGIN);
        if self.is_full || rate > self.rate {
            self.rate = rate;
        }
        let target = self.target();
        self.window = if self.is_full {
            (self.window + acked).min(target)
        } else if self.window < target || self.delivered < initial_window(self.mtu) {
            self.window + acked
        } else {
            self.window
        };
        self.window = self.window.max(self.least());
    }
}

impl Window for Bbr {
    fn on_sent(&mut self, now: Time, bytes: u64, in_flight: u64, _is_app_limited: bool) {
        if in_flight <= bytes && self.is_idle {
            self.bunch.restart(now);
            self.is_idle = false;
        }
    }

    fn on_ack(&mut self, sight: &Sight<'_>) {
        let ended = self.observe(sight);
        if let Some(round) = &ended {
            self.on_round(sight.now, round, sight.verdict.in_flight_before);
        }
        self.step(sight.now, sight, ended.is_some());
        self.control(sight.verdict.acked_bytes);
        if sight.verdict.is_persistent {
            //= RFC 9002 §7.6.2: what was believed of the path is shown to be wrong
            self.window = self.least();
            self.bounds.volume = None;
        }
    }

    fn on_spurious(&mut self, now: Time) {
        let Some((bounds, phase)) = self.undo.take() else { return };
        self.bounds = bounds;
        if phase == Phase::Startup && self.phase != Phase::Startup {
            (self.is_full, self.full, self.full_rounds) = (false, 0, 0);
            self.enter(now, Phase::Startup);
        }
    }

    fn on_restart(&mut self, now: Time) {
        self.is_idle = true;
        // A silent path was an empty one: no need to empty it again.
        self.empty.seen = now;
    }

    fn on_mtu(&mut self, mtu: u32) {
        self.mtu = mtu;
        self.window = self.window.max(self.least());
    }

    fn on_new_path(&mut self, now: Time) {
        *self = Self { round: self.round, delivered: self.delivered, ..Self::new(now, self.mtu) };
        self.round.restart(self.delivered);
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn rate(&self, rtt: &Rtt) -> u64 {
        //= draft-ietf-ccwg-bbr §5.6.2: before anything is known, the first window in one round trip
        self.rate.max(if self.is_full { 1 } else { percent(per_second(initial_window(self.mtu), rtt.smoothed()), STARTUP) })
    }

    fn is_slow_start(&self) -> bool {
        !self.is_full
    }
}
