//! The trace of a session, for plots: one `tracing` event for every packet and for every change of what is known of the
//! path, at level trace under [`TARGET`]. Owns the events' names and fields; whoever listens makes a file of them (the
//! daemon's `--trace` writes qlog). While nobody listens an event costs one look at a number. Never carries what a
//! message says, and no key.
//!
//! Every event has `session` (our session id), `at` (microseconds of the road's clock) and `event`; sizes and windows are
//! bytes, times microseconds, rates bytes per second.

use crate::base::{Name, Time};
use crate::transport::Departure;

/// The target of all events.
pub const TARGET: &str = "roadstead::trace";

/// Whom an event is about, and when it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) session: u64,
    pub(super) now: Time,
}

/// What a session knows of its path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metrics {
    pub(super) rtt: u64,
    pub(super) rtt_min: u64,
    pub(super) window: u64,
    pub(super) in_flight: u64,
    pub(super) rate: u64,
}

macro_rules! say {
    ($at:expr, $event:literal, $($fields:tt)*) => {
        tracing::trace!(target: TARGET, session = $at.session, at = $at.now.0, event = $event, $($fields)*)
    };
}

impl At {
    /// Whether anybody listens: what is costly to find out need not be.
    pub(super) fn is_heard() -> bool {
        tracing::enabled!(target: TARGET, tracing::Level::TRACE)
    }

    pub(super) fn started(self, estate: &Name, suite: &'static str, is_initiator: bool) {
        say!(self, "started", estate = estate.as_str(), suite, is_initiator)
    }

    pub(super) fn sent(self, number: u64, size: usize) {
        say!(self, "sent", number, size = size as u64)
    }

    /// `is_probe`: it asks whether the path takes its size.
    pub(super) fn probed(self, number: u64, size: usize) {
        say!(self, "sent", number, size = size as u64, is_probe = true)
    }

    pub(super) fn received(self, number: u64, size: usize) {
        say!(self, "received", number, size = size as u64)
    }

    pub(super) fn acked(self, largest: u64, packets: u32, bytes: u64) {
        say!(self, "acked", largest, packets, bytes)
    }

    /// `newest`: the number of the newest of them.
    pub(super) fn lost(self, newest: u64, packets: u32, bytes: u64) {
        say!(self, "lost", newest, packets, bytes)
    }

    /// Packets taken for lost had arrived.
    pub(super) fn spurious(self, packets: u32) {
        say!(self, "spurious", packets)
    }

    pub(super) fn metrics(self, metrics: Metrics) {
        let Metrics { rtt, rtt_min, window, in_flight, rate } = metrics;
        say!(self, "metrics", rtt, rtt_min, window, in_flight, rate)
    }

    /// The probe timer came due, for the `count`th time since something was acknowledged.
    pub(super) fn timeout(self, count: u32) {
        say!(self, "timeout", count)
    }

    pub(super) fn mtu(self, size: u16) {
        say!(self, "mtu", size)
    }

    pub(super) fn moved(self) {
        say!(self, "moved",)
    }

    /// The session is over, and why.
    pub(super) fn closed(self, why: Departure) {
        say!(self, "closed", why = %why)
    }
}
