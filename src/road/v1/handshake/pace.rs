//! When the same bytes are sent again: 0.25 s doubling to 1 s for 10 s, then every 8 s, each with a quarter of jitter, in the
//! hurried time only downward.

use std::time::Duration;

use crate::base::{Random, Time};

/// The retransmissions of one packet.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    since: Time,
    delay: Duration,
    due: Time,
}

const FIRST: Duration = Duration::from_millis(250);
const MOST: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_secs(8);
/// How long we are in a hurry; an Initiate that is not answered by then is given up for a new Hello.
pub const HURRY: Duration = Duration::from_secs(10);

impl Pace {
    /// Due now; in a hurry since `since`.
    pub fn new(since: Time, now: Time) -> Self {
        Self { since, delay: FIRST, due: now }
    }

    /// When the hurry began.
    pub fn since(&self) -> Time {
        self.since
    }

    /// When it is due.
    pub fn due(&self) -> Time {
        self.due
    }

    /// Due at once, whatever the schedule.
    pub fn hasten(&mut self, now: Time) {
        self.due = now;
    }

    /// It was sent: due again later.
    pub fn on_sent(&mut self, now: Time, random: &mut Random) {
        let wait = if now.since(self.since) < HURRY {
            // Never late: what the fault matrix allows at 5 % loss is two of these waits and little more.
            let share = 750 + random.below(251);
            Duration::from_micros((self.delay.as_micros() as u64).saturating_mul(share) / 1000)
        } else {
            jitter(SLOW, random)
        };
        self.delay = (self.delay * 2).min(MOST);
        self.due = now + wait;
    }
}

/// Three to five quarters of `wait`.
pub(super) fn jitter(wait: Duration, random: &mut Random) -> Duration {
    let share = 750 + random.below(501);
    Duration::from_micros((wait.as_micros() as u64).saturating_mul(share) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule() {
        let mut random = Random::from_number(1);
        let mut pace = Pace::new(Time::ZERO, Time::ZERO);
        let mut waits = Vec::new();
        for _ in 0..16 {
            let now = pace.due();
            pace.on_sent(now, &mut random);
            waits.push((now, pace.due() - now));
        }
        for (n, (now, wait)) in waits.iter().enumerate() {
            let expected = if now.since(Time::ZERO) >= HURRY { 8000 } else { [250, 500, 1000][n.min(2)] };
            let wait = wait.as_millis() as u64;
            assert!((expected * 3 / 4..=expected * 5 / 4).contains(&wait), "{n}: {wait} for {expected}");
        }
        assert!(waits.iter().any(|(_, wait)| wait.as_secs() >= 6), "slow in the end");
        let mut slow = Pace::new(Time::ZERO, Time(11_000_000));
        slow.on_sent(Time(11_000_000), &mut random);
        assert!(slow.due() >= Time(17_000_000), "a new attempt inherits the calm");
    }
}
