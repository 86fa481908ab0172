//! Bbr. Owns its window and what it learned of the path; never counts packets in flight.

use super::{Rtt, Sight, Window, bytes_in, initial_window, per_second, percent};
use crate::base::Time;

/// The controller's state.
#[derive(Debug)]
pub struct Bbr {
    window: u64,
    mtu: u32,
}

impl Bbr {
    /// A fresh controller for datagrams of `mtu` bytes.
    pub fn new(_now: Time, mtu: u32) -> Self {
        Self { window: initial_window(mtu), mtu }
    }
}

impl Window for Bbr {
    fn on_sent(&mut self, _now: Time, _bytes: u64, _in_flight: u64, _is_app_limited: bool) {}

    fn on_ack(&mut self, sight: &Sight<'_>) {
        if sight.verdict.lost_packets > 0 {
            self.window = (self.window / 2).max(2 * u64::from(self.mtu));
        } else {
            self.window += sight.verdict.acked_bytes;
        }
    }

    fn on_spurious(&mut self, _now: Time) {}

    fn on_restart(&mut self, _now: Time) {}

    fn on_mtu(&mut self, mtu: u32) {
        self.mtu = mtu;
    }

    fn on_new_path(&mut self, _now: Time) {
        self.window = initial_window(self.mtu);
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn rate(&self, rtt: &Rtt) -> u64 {
        percent(per_second(self.window, rtt.smoothed()), 125).max(bytes_in(1, rtt.min()))
    }

    fn is_slow_start(&self) -> bool {
        true
    }
}
