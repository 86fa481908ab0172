//! BBR (draft-ietf-ccwg-bbr, "v3") for paths that lose packets whatever we do. Owns its model of the path and the phase of
//! its cycle; never counts packets in flight.
//!
//! What differs from the draft, each proven in `tests.rs`: the rate is that of packets *settled*, lost ones included as far
//! as the path loses them at random (`noise`); only loss beyond that counts, and outside a probe only beside a standing
//! queue; then a CUBIC window shares the queue until it empties when less is sent; a path that shows neither is probed
//! every six to eight rounds as v1 did, not every two seconds; a queue that stands while less arrives lowers the rate
//! without any loss; the empty RTT is probed only when it was not seen by itself.

use std::time::Duration;

use self::model::{Bunch, Empty, Epoch, Highest, Round};
use self::noise::Noise;
use super::cubic::Curve;
use super::{Rate, Rtt, Sight, Window, bytes_in, initial_window, per_second, percent};
use crate::base::Time;

mod cycle;
mod model;
mod noise;

/// `StartupPacingGain`, in hundredths as all gains.
const STARTUP: u64 = 277;
/// Gains of a probe and of the phase that drains what it queued: v1's, twice as strong as v3's when draining, for the
/// queue is to be gone in the one round between two probes (tests: the standing queue at 1 BDP of buffer).
const UP: u64 = 125;
const DOWN: u64 = 75;
/// Share of the believed rate that tests whether somebody else fills the queue: clearly less than the path
/// carries even when the belief is a tenth too high, or our own queue would look like somebody's.
const TEST: u64 = 85;
/// `DrainPacingGain`.
const DRAIN: u64 = 50;
/// `PacingMarginPercent` is 1.
const MARGIN: u64 = 99;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Startup,
    Drain,
    Down,
    Cruise,
    Up,
    ProbeRtt,
    /// Somebody else fills the queue: a CUBIC window shares it fairly whatever its depth.
    Compete,
    /// Is anybody still there? Less is sent, and the queue empties or not.
    Test,
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
    /// Twice the RTT's mean deviation.
    wavers: Duration,
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
    /// `bw_shortterm`: the rate a standing queue proved.
    short: Option<u64>,
    /// The last probe met more loss than chance explains.
    is_contended: bool,
    /// The window while competing, what it was before its newest reduction, and the tests failed since.
    curve: Curve,
    undo: Option<(Curve, Phase)>,
    failed: u32,
    /// Rounds since a test found nobody.
    calm: u32,
    /// The window given up for a queue that did not empty.
    owed: u64,
    since_cut: u32,
    tested: u32,
    was_competing: bool,
    /// A queue stood through the last round; a shorter one did.
    is_shared: bool,
    stands: bool,
    epoch: Epoch,
    /// The last round's smallest RTT.
    latest: Option<Duration>,
    /// Settled and lost bytes of packets sent in this probe.
    probe: (u64, u64),
    /// The smallest RTT of a [`Phase::ProbeRtt`] and when half the pipe was reached.
    drained: Option<Time>,
    probe_rtt: Option<Duration>,
    /// What the last one found.
    claimed: Option<Duration>,
    delivered: u64,
    is_idle: bool,
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
            wavers: Duration::ZERO,
            bunch: Bunch::new(now),
            noise: Noise::default(),
            round: Round::default(),
            rounds: 0,
            since_probe: 0,
            wait: 0,
            full: 0,
            full_rounds: 0,
            is_full: false,
            short: None,
            is_contended: false,
            curve: Curve::new(mtu),
            undo: None,
            failed: 0,
            calm: u32::MAX,
            owed: 0,
            since_cut: 0,
            tested: 0,
            was_competing: false,
            stands: false,
            is_shared: false,
            epoch: Epoch::new(now),
            latest: None,
            probe: (0, 0),
            drained: None,
            probe_rtt: None,
            claimed: None,
            delivered: 0,
            is_idle: false,
        }
    }

    /// The rate believed now.
    fn bandwidth(&self) -> u64 {
        self.highest.value().min(self.short.unwrap_or(u64::MAX))
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
    /// tests know, and what the RTT wavers by itself (tests: 10 ms of jitter and 10 % of loss, 56 % of the link without).
    fn is_low(&self, rtt: Duration) -> bool {
        self.is_within(rtt, 8, Duration::from_millis(1), self.wavers)
    }

    fn is_within(&self, rtt: Duration, part: u32, least: Duration, more: Duration) -> bool {
        self.empty.rtt.is_none_or(|empty| rtt <= empty + (empty / part).max(least) + more)
    }

    fn packets(&self, bytes: u64) -> f64 {
        bytes as f64 / f64::from(self.mtu.max(1))
    }

    fn enter(&mut self, now: Time, phase: Phase) {
        self.noise.on_slow(now, matches!(phase, Phase::Drain | Phase::Down | Phase::Test));
        (self.phase, self.since, self.rounds) = (phase, now, 0);
        self.round.restart(self.delivered);
    }

    /// The rate at which packets were settled: delivered, and lost as far as chance explains it.
    fn settled_rate(&self, rate: &Rate) -> u64 {
        let delivered = rate.delivered.saturating_sub(rate.prior_delivered);
        let share = self.noise.share();
        let fair = (delivered as f64 / (1.0 - share)) as u64;
        per_second(fair.min(delivered + rate.lost), rate.interval)
    }

    fn observe(&mut self, sight: &Sight<'_>) -> Option<Round> {
        let verdict = sight.verdict;
        self.wavers = sight.rtt.var() * 2;
        let ended = verdict.rate.as_ref().and_then(|rate| self.round.turn(rate));
        let (acked, lost) = (self.packets(verdict.acked_bytes), self.packets(verdict.lost_bytes));
        let sent = verdict.newest_acked_sent.or(verdict.oldest_lost_sent);
        // What a full queue dropped is reported when it is empty again, after the phase that filled it.
        let is_own = self.phase == Phase::Startup || sent.is_some_and(|sent| sent >= self.since);
        let is_low = is_own && verdict.rtt_sample.is_none_or(|sample| self.is_low(sample));
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
        let is_limited = verdict.rate.is_some_and(|rate| rate.is_app_limited);
        let stands = verdict.rtt_sample.map(|sample| !self.is_low(sample));
        let length = self.empty.rtt.unwrap_or_default() * 2;
        let settled = verdict.acked_bytes + percent(verdict.acked_bytes, (self.noise.share() * 100.0) as u64);
        if let Some(rate) = self.epoch.on_settled(sight.now, settled, stands, is_limited, length) {
            self.on_epoch(sight.now, rate);
        }
        if verdict.acked_bytes > 0 {
            self.bunch.on_acked(sight.now, verdict.acked_bytes, self.bandwidth(), self.window);
        }
        ended
    }

    fn is_excess(&self, lost: u64, all: u64, slack: f64) -> bool {
        self.noise.is_excess(self.packets(lost), self.packets(all), slack)
    }

    /// What may be in flight in this phase.
    fn target(&self) -> u64 {
        let rate = self.bandwidth();
        let budget = (3 * self.quantum()).max(self.least());
        if self.phase == Phase::ProbeRtt {
            return self.pipe(rate, 50).max(self.least());
        }
        if self.phase == Phase::Compete {
            return (self.curve.window as u64).max(self.least());
        }
        let gain = match self.phase {
            Phase::Up => 225,
            Phase::Drain if self.short.is_some() => 100,
            Phase::Test => 100,
            _ => 200,
        };
        (self.pipe(rate, gain) + self.bunch.extra()).max(budget)
    }

    fn gain(&self) -> u64 {
        match self.phase {
            Phase::Startup => STARTUP,
            Phase::Drain if self.short.is_none() => DRAIN,
            Phase::Down => DOWN,
            Phase::Test => TEST,
            Phase::Up => UP,
            Phase::Drain | Phase::Compete | Phase::Cruise | Phase::ProbeRtt => 100,
        }
    }

    fn control(&mut self, acked: u64, rtt: &Rtt) {
        let rate = match self.phase {
            //= RFC 9002 §7.7
            Phase::Compete => percent(per_second(self.window, rtt.smoothed()), 125),
            _ => percent(percent(self.bandwidth(), self.gain()), MARGIN),
        };
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
            self.on_round(sight.now, round);
        }
        self.step(sight.now, sight, ended.is_some());
        self.control(sight.verdict.acked_bytes, sight.rtt);
        if sight.verdict.is_persistent {
            //= RFC 9002 §7.6.2: what was believed of the path is shown to be wrong
            self.window = self.least();
        }
    }

    fn on_spurious(&mut self, now: Time) {
        let Some((curve, phase)) = self.undo.take() else { return };
        match phase {
            Phase::Startup if self.phase != Phase::Startup => {
                (self.is_full, self.full, self.full_rounds) = (false, 0, 0);
                self.enter(now, Phase::Startup);
            }
            Phase::Startup => {}
            Phase::Compete => self.curve = curve,
            _ if self.phase == Phase::Compete => self.enter(now, Phase::Cruise),
            _ => {}
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
        self.rate.max(if self.is_full {
            // The model may have nothing to say after a long hole: a packet in each round trip finds out.
            per_second(u64::from(self.mtu), rtt.smoothed())
        } else {
            percent(per_second(initial_window(self.mtu), rtt.smoothed()), STARTUP)
        })
    }

    fn is_slow_start(&self) -> bool {
        !self.is_full
    }
}
