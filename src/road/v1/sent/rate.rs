//! Delivery-rate samples (draft-ietf-ccwg-bbr §4.1, draft-cheng-iccrg-delivery-rate-estimation §3): how fast bytes arrive,
//! measured at each acknowledgement. Owns running totals; the stamps lie in the packets.

use std::time::Duration;

use super::record::{Packet, Stamp};
use super::verdict::Rate;
use crate::base::Time;

/// Running totals of one session.
#[derive(Debug, Clone, Default)]
pub(super) struct Sampler {
    delivered: u64,
    delivered_at: Time,
    first_sent: Time,
    lost: u64,
    /// Until this much was delivered, samples are of a sender with too little to send; 0 when it has enough.
    app_limited: u64,
}

impl Sampler {
    /// A packet leaves; `in_flight` counts it not.
    pub(super) fn on_sent(&mut self, now: Time, in_flight: u64, size: u64, is_app_limited: bool) -> Stamp {
        if in_flight == 0 {
            // Time without anything in flight is not the path's slowness.
            (self.first_sent, self.delivered_at) = (now, now);
        }
        if is_app_limited {
            self.on_app_limited(in_flight);
        }
        Stamp {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            lost: self.lost,
            in_flight: u32::try_from(in_flight + size).unwrap_or(u32::MAX),
            is_app_limited: self.app_limited != 0,
        }
    }

    /// The sender has nothing more to send though it might.
    pub(super) fn on_app_limited(&mut self, in_flight: u64) {
        self.app_limited = (self.delivered + in_flight).max(1);
    }

    pub(super) fn on_delivered(&mut self, now: Time, bytes: u64) {
        self.delivered += bytes;
        self.delivered_at = now;
        if self.delivered > self.app_limited {
            self.app_limited = 0;
        }
    }

    pub(super) fn on_lost(&mut self, bytes: u64) {
        self.lost += bytes;
    }

    /// The sample of an acknowledgement whose newest packet is `newest`, after all it acknowledged was told.
    pub(super) fn sample(&mut self, newest: &Packet, min_rtt: Duration) -> Option<Rate> {
        let stamp = newest.stamp;
        self.first_sent = self.first_sent.max(newest.sent);
        // The slower of sending and arriving: neither a burst out nor acknowledgements in a heap exaggerate.
        let interval = newest.sent.since(stamp.first_sent).max(self.delivered_at.since(stamp.delivered_at));
        if interval.is_zero() || interval < min_rtt {
            return None;
        }
        let delivered = self.delivered.saturating_sub(stamp.delivered);
        let micros = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX);
        Some(Rate {
            bytes_per_second: delivered.saturating_mul(1_000_000) / micros.max(1),
            delivered: self.delivered,
            prior_delivered: stamp.delivered,
            interval,
            is_app_limited: stamp.is_app_limited,
            tx_in_flight: stamp.in_flight.into(),
            lost: self.lost.saturating_sub(stamp.lost),
        })
    }
}
