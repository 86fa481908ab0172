//! A transaction's timer: redo with doubling waits, and a time to give up (wire v0 §4 "Timers").

use std::time::Duration;

use crate::base::Time;
use crate::road::config::RedoTimes;

/// When to send the last packet again, and when to give up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redo {
    wait: Duration,
    min: Duration,
    max: Duration,
    next: Time,
    until: Option<Time>,
}

/// A wait of nothing would never end: the same moment would be due for ever.
const LEAST: Duration = Duration::from_millis(1);

/// What a timer says when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fire {
    /// Not yet.
    Wait,
    /// Send again.
    Again,
    /// Give up.
    GiveUp,
}

impl Redo {
    /// Starts when the first packet is sent.
    pub(crate) fn new(now: Time, times: RedoTimes) -> Self {
        let min = times.min.max(LEAST);
        let max = times.max.max(min);
        let until = (!times.timeout.is_zero()).then(|| now + times.timeout);
        Self { wait: min, min, max, next: now + min, until }
    }

    /// The next moment this timer has something to say.
    pub(crate) fn deadline(&self) -> Time {
        self.until.map_or(self.next, |until| until.min(self.next))
    }

    /// What is due at `now`; a redo doubles the wait.
    pub(crate) fn fire(&mut self, now: Time) -> Fire {
        if self.until.is_some_and(|until| until <= now) {
            return Fire::GiveUp;
        }
        if now < self.next {
            return Fire::Wait;
        }
        self.wait = (self.wait * 2).clamp(self.min, self.max);
        self.next = now + self.wait;
        Fire::Again
    }

    /// Every transmission restarts the wait.
    pub(crate) fn on_transmit(&mut self, now: Time) {
        self.next = now + self.wait;
    }

    /// The far side answered: the waits start small again, and so does the time to give up.
    pub(crate) fn on_progress(&mut self, now: Time, times: RedoTimes) {
        *self = Self::new(now, times);
    }

    /// Waits `wait` from now on, however often, and gives up later by as much (a pended join).
    pub(crate) fn slow_down(&mut self, now: Time, wait: Duration) {
        let wait = wait.max(LEAST);
        self.until = self.until.map(|until| until.max(now + wait * 3));
        // The first redo after the pend still happens at its old time (wire v0 §4.1).
        self.wait = wait;
        self.min = wait;
        self.max = wait;
    }
}
