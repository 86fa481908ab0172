//! One cumulative promise to the peer, bytes or messages: how far it goes, how far ahead of what came, when it is renewed.

use std::time::Duration;

use crate::base::Time;

/// What was granted.
#[derive(Debug)]
pub(super) struct Grant {
    /// In all, since the session began.
    pub(super) total: u64,
    /// How far ahead of what came.
    window: u64,
    /// The most `window` grows to.
    cap: u64,
    /// When `total` last grew.
    at: Time,
    /// Whether the peer has to be told.
    pub(super) is_due: bool,
}

impl Grant {
    pub(super) fn new(now: Time, total: u64, cap: u64) -> Self {
        Self { total, window: total.max(1), cap: cap.max(total).max(1), at: now, is_due: false }
    }

    /// The same, `least` ahead of what came from the first renewal on.
    pub(super) fn at_least(mut self, least: u64) -> Self {
        self.window = self.window.max(least);
        self.cap = self.cap.max(least);
        self
    }

    /// Never further ahead than this, but for what was granted at first.
    pub(super) fn at_most(&mut self, most: u64) {
        self.cap = self.cap.min(most.max(self.window));
    }

    /// What was granted at first is used from now on.
    pub(super) fn begin(&mut self, now: Time) {
        self.at = now;
    }

    /// Whether half of the window is used, or little of it is left and more may be granted; `most` bounds the total.
    pub(super) fn is_used(&self, came: u64, most: u64) -> bool {
        let more = (came.saturating_add(self.window)).min(most).saturating_sub(self.total);
        more > 0 && (more >= self.window / 2 || self.total.saturating_sub(came) < self.window / 4)
    }

    /// Grants more if it is time to.
    pub(super) fn renew(&mut self, now: Time, rtt: Duration, came: u64, most: u64) {
        if !self.is_used(came, most) {
            return;
        }
        // Half a window within two round trips: the window, not the path, may set the pace. Within one would not do: who has
        // used up his window waits a round trip for each half, and no window would ever grow (sim: 1 Gb/s, 100 ms, 4 %).
        if now.since(self.at) < rtt * 2 {
            self.window = self.window.saturating_mul(2).min(self.cap);
        }
        self.total = came.saturating_add(self.window).min(most).max(self.total);
        (self.at, self.is_due) = (now, true);
    }

    /// The total, if the peer has to be told.
    pub(super) fn poll(&mut self) -> Option<u64> {
        std::mem::take(&mut self.is_due).then_some(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(10);

    #[test]
    fn doubles_when_used_up_fast() {
        let mut grant = Grant::new(Time::ZERO, 1000, 8000);
        grant.renew(Time(1), RTT, 499, u64::MAX);
        assert_eq!(grant.poll(), None);
        grant.renew(Time(1), RTT, 500, u64::MAX);
        assert_eq!((grant.poll(), grant.poll()), (Some(2500), None));
        grant.renew(Time(20_001), RTT, 2000, u64::MAX);
        assert_eq!(grant.poll(), Some(4000), "slowly: the window stays");
        for total in [8000, 16_000, 24_000, 32_000] {
            grant.renew(Time(20_002), RTT, grant.total, u64::MAX);
            assert_eq!(grant.poll(), Some(total), "fast: it doubles, up to the cap");
        }
    }

    #[test]
    fn grants_no_more_than_there_is_room_for() {
        let mut grant = Grant::new(Time::ZERO, 1000, 8000);
        grant.renew(Time(1), RTT, 900, 1200);
        assert_eq!(grant.poll(), Some(1200));
        grant.renew(Time(1), RTT, 1200, 1200);
        assert_eq!(grant.poll(), None);
        grant.renew(Time(1), RTT, 1200, 1210);
        assert_eq!(grant.poll(), Some(1210), "little, but all there is");
    }
}
