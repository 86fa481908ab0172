//! How many bytes may be in flight, and how fast they leave: congestion control behind one small trait.
//!
//! A window owns its model of the path and nothing else: it is told what was sent, acknowledged and lost, and answers
//! with a window in bytes and a pacing rate. It never counts packets in flight itself and never asks another part.

use std::time::Duration;

use super::{Rate, Rtt, Verdict};
use crate::base::Time;

mod bbr;
mod cubic;
mod hystart;
#[cfg(test)]
mod tests;

pub use bbr::Bbr;
pub use cubic::Cubic;

/// Everything a window may look at when an ACK or a loss timeout was taken in.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// When it happened.
    pub now: Time,
    /// What it meant for our packets.
    pub verdict: &'a Verdict,
    /// Round-trip times, the newest sample taken in.
    pub rtt: &'a Rtt,
    /// Packets newly reported as CE-marked by a path whose marks were validated (RFC 9000 §13.4.2).
    pub ce: u64,
    /// Bytes of a full datagram.
    pub mtu: u32,
}

/// A congestion controller.
pub trait Window {
    /// `bytes` in flight were sent; `in_flight` counts them. `is_app_limited`: nothing more waited to be sent.
    fn on_sent(&mut self, now: Time, bytes: u64, in_flight: u64, is_app_limited: bool);
    /// An ACK or a loss timeout (nothing acked) was taken in.
    fn on_ack(&mut self, sight: &Sight<'_>);
    /// Every loss of the newest reduction turned out to be none: what it took is given back.
    fn on_spurious(&mut self, now: Time);
    /// Sending resumes with nothing in flight.
    fn on_restart(&mut self, now: Time);
    /// Full datagrams have another size now, bytes.
    fn on_mtu(&mut self, mtu: u32);
    /// The path changed: what was learned of the old one is forgotten (RFC 9000 §9.4).
    fn on_new_path(&mut self, now: Time);
    /// Most bytes that may be in flight.
    fn window(&self) -> u64;
    /// Pacing rate, bytes per second.
    fn rate(&self, rtt: &Rtt) -> u64;
    /// The path's capacity is still being looked for.
    fn is_slow_start(&self) -> bool;
}

/// Which controller a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// RFC 9438.
    Cubic,
    /// draft-ietf-ccwg-bbr, adapted to paths that lose packets at random.
    #[default]
    Bbr,
}

/// The controller of one session.
#[derive(Debug)]
pub enum Control {
    /// RFC 9438.
    Cubic(Box<Cubic>),
    /// draft-ietf-ccwg-bbr.
    Bbr(Box<Bbr>),
}

impl Control {
    /// A fresh controller for datagrams of `mtu` bytes.
    pub fn new(algorithm: Algorithm, now: Time, mtu: u32) -> Self {
        match algorithm {
            Algorithm::Cubic => Self::Cubic(Box::new(Cubic::new(now, mtu))),
            Algorithm::Bbr => Self::Bbr(Box::new(Bbr::new(now, mtu))),
        }
    }

    /// Which one it is.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Cubic(_) => Algorithm::Cubic,
            Self::Bbr(_) => Algorithm::Bbr,
        }
    }
}

impl Window for Control {
    fn on_sent(&mut self, now: Time, bytes: u64, in_flight: u64, is_app_limited: bool) {
        match self {
            Self::Cubic(window) => window.on_sent(now, bytes, in_flight, is_app_limited),
            Self::Bbr(window) => window.on_sent(now, bytes, in_flight, is_app_limited),
        }
    }

    fn on_ack(&mut self, sight: &Sight<'_>) {
        match self {
            Self::Cubic(window) => window.on_ack(sight),
            Self::Bbr(window) => window.on_ack(sight),
        }
    }

    fn on_spurious(&mut self, now: Time) {
        match self {
            Self::Cubic(window) => window.on_spurious(now),
            Self::Bbr(window) => window.on_spurious(now),
        }
    }

    fn on_restart(&mut self, now: Time) {
        match self {
            Self::Cubic(window) => window.on_restart(now),
            Self::Bbr(window) => window.on_restart(now),
        }
    }

    fn on_mtu(&mut self, mtu: u32) {
        match self {
            Self::Cubic(window) => window.on_mtu(mtu),
            Self::Bbr(window) => window.on_mtu(mtu),
        }
    }

    fn on_new_path(&mut self, now: Time) {
        match self {
            Self::Cubic(window) => window.on_new_path(now),
            Self::Bbr(window) => window.on_new_path(now),
        }
    }

    fn window(&self) -> u64 {
        match self {
            Self::Cubic(window) => window.window(),
            Self::Bbr(window) => window.window(),
        }
    }

    fn rate(&self, rtt: &Rtt) -> u64 {
        match self {
            Self::Cubic(window) => window.rate(rtt),
            Self::Bbr(window) => window.rate(rtt),
        }
    }

    fn is_slow_start(&self) -> bool {
        match self {
            Self::Cubic(window) => window.is_slow_start(),
            Self::Bbr(window) => window.is_slow_start(),
        }
    }
}

/// Bytes a session may send before it knows anything.
//= RFC 9002 §7.2
fn initial_window(mtu: u32) -> u64 {
    (10 * u64::from(mtu)).min((2 * u64::from(mtu)).max(14_720))
}

/// `bytes` per `length` as bytes per second; a length of zero counts as one microsecond, the clock's step.
fn per_second(bytes: u64, length: Duration) -> u64 {
    let micros = length.as_micros().max(1);
    u64::try_from(u128::from(bytes) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

/// Bytes that pass in `length` at `rate` bytes per second.
fn bytes_in(rate: u64, length: Duration) -> u64 {
    u64::try_from(u128::from(rate) * length.as_nanos() / 1_000_000_000).unwrap_or(u64::MAX)
}

/// `value` times a small factor given in hundredths.
fn percent(value: u64, hundredths: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(hundredths) / 100).unwrap_or(u64::MAX)
}
