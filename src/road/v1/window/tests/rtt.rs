//! Round-trip times for the simulated senders.

use std::time::Duration;

use super::super::Rtt;

pub(super) struct Round {
    pub(super) rtt: Rtt,
}

impl Round {
    pub(super) fn new(first: Duration) -> Self {
        Self { rtt: Rtt { latest: first, smoothed: first, min: first } }
    }

    pub(super) fn on_sample(&mut self, sample: Duration) {
        self.rtt.latest = sample;
        self.rtt.min = self.rtt.min.min(sample);
        self.rtt.smoothed = (self.rtt.smoothed * 7 + sample) / 8;
    }
}
