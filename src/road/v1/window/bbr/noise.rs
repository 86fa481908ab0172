//! How much the path loses whatever we do. Owns two counts of packets and their losses, taken where a full queue is not to
//! blame: at times of a low RTT, and from packets sent slower than the path drains. The lesser of both is believed.
//!
//! BBR's own rule (2 % in a round means too much in flight) gives a path with 5 % of random loss away: the peers that
//! keep it fall from 91 to 18–45 Mb/s between 0 and 5 % (`anchors.md`).

use crate::base::Time;

/// Loss and deliveries, halved when `MEMORY` packets are exceeded.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    lost: f64,
    all: f64,
}

/// Packets remembered: 20 % of loss is then known to 1.3 points, and a path that changes is known after 10 round trips of
/// 100 Mb/s and 20 ms.
const MEMORY: f64 = 1024.0;
/// Packets without which the slow tally has no say.
const ENOUGH: f64 = 64.0;
/// No more than this is ever taken as random: at 30 %, the end of the grid of tests, with room for the estimate's error.
const MOST: f64 = 0.4;

impl Tally {
    fn add(&mut self, acked: f64, lost: f64) {
        self.lost += lost;
        self.all += acked + lost;
        if self.all > MEMORY {
            self.lost /= 2.0;
            self.all /= 2.0;
        }
    }

    fn share(self) -> f64 {
        if self.all > 0.0 { self.lost / self.all } else { 0.0 }
    }
}

#[derive(Debug, Default)]
pub(super) struct Noise {
    /// At times of a low RTT.
    low: Tally,
    /// Sent in a slow phase.
    slow: Tally,
    /// Held back until the round proves not to have filled the path.
    pending: Tally,
    /// The slow phase packets are counted from, and its end.
    from: Option<Time>,
    to: Option<Time>,
}

impl Noise {
    /// Sending slows below the path's rate (`true`) or no longer does.
    pub(super) fn on_slow(&mut self, now: Time, is_slow: bool) {
        if is_slow {
            (self.from, self.to) = (Some(now), None);
        } else if self.from.is_some() && self.to.is_none() {
            self.to = Some(now);
        }
    }

    /// Packets were settled; `sent` is when the newest acked of them left. (The oldest lost would count every loss out that
    /// straddles the start of the phase, and few ACKs carry many: 3 % then looked like 1.2 %.)
    pub(super) fn on_settled(&mut self, sent: Option<Time>, acked: f64, lost: f64, is_low: bool, is_startup: bool) {
        let is_slow = sent.zip(self.from).is_some_and(|(sent, from)| sent > from)
            && sent.is_some_and(|sent| self.to.is_none_or(|to| sent <= to));
        if is_slow {
            self.slow.add(acked, lost);
        }
        match (is_low, is_startup) {
            (true, true) => self.pending.add(acked, lost),
            (true, false) => self.low.add(acked, lost),
            _ => {}
        }
    }

    /// A round of startup is over; when the rate still grew, what was lost in it was not our doing.
    pub(super) fn on_startup_round(&mut self, has_grown: bool) {
        let pending = std::mem::take(&mut self.pending);
        if has_grown {
            self.low.add(pending.all - pending.lost, pending.lost);
        }
    }

    /// The share of packets lost at random.
    pub(super) fn share(&self) -> f64 {
        let share = match (self.low.all >= ENOUGH, self.slow.all >= ENOUGH) {
            (true, true) => self.low.share().min(self.slow.share()),
            (false, true) => self.slow.share(),
            _ => self.low.share(),
        };
        share.min(MOST)
    }

    /// Standard error of [`Noise::share`].
    pub(super) fn error(&self) -> f64 {
        let share = self.share();
        (share * (1.0 - share) / self.low.all.max(ENOUGH)).sqrt()
    }

    /// Are `lost` of `all` packets probably more than chance explains?
    pub(super) fn is_more(&self, lost: f64, all: f64) -> bool {
        let chance = all * self.share();
        lost > chance + 2.0 * chance.sqrt()
    }

    /// Are `lost` of `all` packets clearly more than chance explains, by more than `slack` of them?
    pub(super) fn is_excess(&self, lost: f64, all: f64, slack: f64) -> bool {
        let (share, error) = (self.share(), self.error() * all);
        lost > all * (share + slack) + 3.0 * (all * share + error * error).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_at_a_low_rtt_is_random_unless_slow_packets_arrive() {
        let mut noise = Noise::default();
        noise.on_settled(None, 900.0, 100.0, true, false);
        assert!((noise.share() - 0.1).abs() < 0.001);
        assert!(!noise.is_excess(12.0, 100.0, 0.02) && noise.is_excess(25.0, 100.0, 0.02));
        noise.on_slow(Time(10), true);
        noise.on_settled(Some(Time(11)), 200.0, 2.0, true, false);
        assert!(noise.share() < 0.01, "slow packets arrived: the rest was our own queue");
    }

    #[test]
    fn loss_of_a_round_without_growth_is_not_noise() {
        let mut noise = Noise::default();
        noise.on_settled(None, 50.0, 50.0, true, true);
        noise.on_startup_round(false);
        assert_eq!(noise.share(), 0.0);
        noise.on_settled(None, 90.0, 10.0, true, true);
        noise.on_startup_round(true);
        assert!((noise.share() - 0.1).abs() < 0.001);
    }
}
