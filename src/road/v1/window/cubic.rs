//! CUBIC (RFC 9438) with HyStart++. Owns its window and what it remembers of the last reduction; never counts packets
//! in flight. Right where loss means a full queue; a path that loses at random starves it.

use std::time::Duration;

use super::hystart::HyStart;
use super::{Rtt, Sight, Window, initial_window, per_second, percent};
use crate::base::Time;

/// `C`, segments per second cubed (RFC 9438 §5).
const AGGRESSION: f64 = 0.4;
/// `beta_cubic` (RFC 9438 §4.6).
const BETA: f64 = 0.7;
/// The same for a CE mark, whose queues are shorter (RFC 8511 §3.1).
const BETA_MARK: f64 = 0.85;
/// Additive increase that gives Reno's throughput with this beta (RFC 9438 §4.3).
const RENO_GROWTH: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// The controller's state. Windows are bytes.
#[derive(Debug)]
pub struct Cubic {
    mtu: u32,
    curve: Curve,
    hystart: HyStart,
    /// Packets sent before this belong to a reduction already made.
    recovery: Option<Time>,
    /// What stood before the newest reduction.
    undo: Option<Curve>,
    last_sent: Time,
    sent: u64,
    acked: u64,
    is_app_limited: bool,
    idle_since: Option<Time>,
}

/// The window's law, without the question when to reduce.
#[derive(Debug, Clone, Copy)]
pub(super) struct Curve {
    pub(super) window: f64,
    threshold: f64,
    /// `W_max` and `cwnd_prior`.
    pub(super) plateau: f64,
    prior: f64,
    /// `W_est`.
    reno: f64,
    /// `t_epoch`, and `K` in seconds; none outside congestion avoidance.
    epoch: Option<(Time, f64)>,
}

impl Curve {
    pub(super) fn new(mtu: u32) -> Self {
        let (window, no) = (initial_window(mtu) as f64, f64::INFINITY);
        Self { window, threshold: no, plateau: 0.0, prior: 0.0, reno: 0.0, epoch: None }
    }

    pub(super) fn reduce(&mut self, beta: f64, least: f64) {
        //= RFC 9438 §4.7: fast convergence
        self.plateau = if self.window < self.plateau { self.window * (1.0 + BETA) / 2.0 } else { self.window };
        self.prior = self.window;
        self.threshold = (self.window * beta).max(least);
        self.window = self.threshold;
        self.epoch = None;
    }

    pub(super) fn avoid(&mut self, now: Time, acked: f64, rtt: Duration, mtu: f64) {
        let (start, k) = *self.epoch.get_or_insert_with(|| {
            //= RFC 9438 §4.2
            self.plateau = self.plateau.max(self.window);
            self.reno = self.window;
            (now, ((self.plateau - self.window) / mtu / AGGRESSION).cbrt())
        });
        let at = (now.since(start) + rtt).as_secs_f64() - k;
        //= RFC 9438 §4.2: neither less than now nor more than half as much again per round trip
        let target = (self.plateau + AGGRESSION * at * at * at * mtu).clamp(self.window, 1.5 * self.window);
        let growth = if self.reno < self.prior { RENO_GROWTH } else { 1.0 };
        self.reno += growth * acked * mtu / self.window;
        let cubic = self.window + (target - self.window) * acked / self.window;
        //= RFC 9438 §4.3
        self.window = cubic.max(self.reno.min(self.window + acked));
    }
}

impl Cubic {
    /// A fresh controller for datagrams of `mtu` bytes.
    pub fn new(_now: Time, mtu: u32) -> Self {
        Self {
            mtu,
            curve: Curve::new(mtu),
            hystart: HyStart::default(),
            recovery: None,
            undo: None,
            last_sent: Time::ZERO,
            sent: 0,
            acked: 0,
            is_app_limited: false,
            idle_since: None,
        }
    }

    /// RFC 9002 §7.2.
    fn least(&self) -> f64 {
        2.0 * f64::from(self.mtu)
    }

    fn is_recovered(&self, sent: Option<Time>) -> bool {
        sent.is_some_and(|sent| self.recovery.is_none_or(|recovery| sent > recovery))
    }

    fn reduce(&mut self, now: Time, beta: f64) {
        self.undo = Some(self.curve);
        self.recovery = Some(now);
        self.curve.reduce(beta, self.least());
    }

    fn grow(&mut self, sight: &Sight<'_>) {
        let verdict = sight.verdict;
        let full = verdict.in_flight_before + 3 * u64::from(self.mtu) >= self.window();
        //= RFC 9002 §7.8: a window that is not used does not grow
        if self.is_app_limited && !full {
            self.idle_since.get_or_insert(sight.now);
            return;
        }
        if let (Some(since), Some((epoch, _))) = (self.idle_since.take(), &mut self.curve.epoch) {
            //= RFC 9438 §5.8: time without use is not time of growth
            *epoch += sight.now.since(since);
        }
        let acked = verdict.acked_bytes;
        if !self.is_slow_start() {
            return self.curve.avoid(sight.now, acked as f64, sight.rtt.smoothed(), f64::from(self.mtu));
        }
        self.curve.window += self.hystart.growth(acked) as f64;
        let is_over = verdict.rtt_sample.is_some_and(|sample| self.hystart.on_sample(sample, self.acked, self.sent));
        if is_over {
            self.curve.threshold = self.curve.window;
        }
    }
}

impl Window for Cubic {
    fn on_sent(&mut self, now: Time, bytes: u64, _in_flight: u64, is_app_limited: bool) {
        self.sent += bytes;
        self.last_sent = now;
        self.is_app_limited = is_app_limited;
    }

    fn on_ack(&mut self, sight: &Sight<'_>) {
        let verdict = sight.verdict;
        // Bytes stand for packet numbers: a round ends when as much was settled as had been sent when it began.
        self.acked = self.sent.saturating_sub(verdict.in_flight);
        if verdict.lost_bytes > 0 && self.is_recovered(verdict.newest_lost_sent) {
            self.reduce(sight.now, BETA);
        } else if sight.ce > 0 && self.is_recovered(verdict.newest_acked_sent) {
            self.reduce(sight.now, BETA_MARK);
            self.undo = None; // A mark is never spurious.
        } else if verdict.acked_bytes > 0 && self.is_recovered(verdict.newest_acked_sent) {
            self.grow(sight);
        }
        if verdict.is_persistent {
            //= RFC 9002 §7.6.2
            self.curve.window = self.least();
            self.curve.epoch = None;
            self.recovery = None;
        }
    }

    fn on_spurious(&mut self, _now: Time) {
        //= RFC 9438 §4.9
        if let Some(before) = self.undo.take().filter(|before| before.window > self.curve.window) {
            self.curve = before;
            self.recovery = None;
        }
    }

    fn on_restart(&mut self, now: Time) {
        //= RFC 9438 §5.8
        if let Some((epoch, _)) = &mut self.curve.epoch {
            *epoch += now.since(self.last_sent);
        }
        self.idle_since = None;
    }

    fn on_mtu(&mut self, mtu: u32) {
        self.mtu = mtu;
        self.curve.window = self.curve.window.max(self.least());
        if self.sent == 0 {
            self.curve = Curve::new(mtu);
        }
    }

    fn on_new_path(&mut self, now: Time) {
        *self = Self { sent: self.sent, recovery: Some(now), ..Self::new(now, self.mtu) };
    }

    fn window(&self) -> u64 {
        self.curve.window as u64
    }

    fn rate(&self, rtt: &Rtt) -> u64 {
        //= RFC 9002 §7.7: N is 1.25; slow start doubles per round trip and so needs 2
        let gain = if self.is_slow_start() { 200 } else { 125 };
        percent(per_second(self.window(), rtt.smoothed()), gain)
    }

    fn is_slow_start(&self) -> bool {
        self.curve.window < self.curve.threshold
    }
}
