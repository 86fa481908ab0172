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
    /// Either, while nothing worth keeping is known of the path: for datagrams of so many bytes.
    Fresh(Algorithm, u32),
}

impl Control {
    /// A fresh controller for datagrams of `mtu` bytes; its state is made when the first packet goes.
    pub fn new(algorithm: Algorithm, mtu: u32) -> Self {
        Self::Fresh(algorithm, mtu)
    }

    /// Which one it is.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Cubic(_) => Algorithm::Cubic,
            Self::Bbr(_) => Algorithm::Bbr,
            Self::Fresh(algorithm, _) => *algorithm,
        }
    }

    /// Nothing is in flight, nor will be soon: a model that says little is given back, and one that says much when it is
    /// stale. `mtu`: bytes of a full datagram.
    pub fn rest(&mut self, mtu: u32, is_stale: bool) {
        let says_little = self.is_slow_start() && self.window() < 2 * initial_window(mtu);
        if is_stale || says_little {
            *self = Self::Fresh(self.algorithm(), mtu);
        }
    }

    /// Makes the state of a fresh one.
    fn begin(&mut self, now: Time) {
        match *self {
            Self::Fresh(Algorithm::Cubic, mtu) => *self = Self::Cubic(Box::new(Cubic::new(now, mtu))),
            Self::Fresh(Algorithm::Bbr, mtu) => *self = Self::Bbr(Box::new(Bbr::new(now, mtu))),
            Self::Cubic(_) | Self::Bbr(_) => {}
        }
    }
}

impl Window for Control {
    fn on_sent(&mut self, now: Time, bytes: u64, in_flight: u64, is_app_limited: bool) {
        self.begin(now);
        match self {
            Self::Cubic(window) => window.on_sent(now, bytes, in_flight, is_app_limited),
            Self::Bbr(window) => window.on_sent(now, bytes, in_flight, is_app_limited),
            Self::Fresh(..) => {}
        }
    }

    fn on_ack(&mut self, sight: &Sight<'_>) {
        match self {
            Self::Cubic(window) => window.on_ack(sight),
            Self::Bbr(window) => window.on_ack(sight),
            // Of packets from before the rest, which say nothing of now.
            Self::Fresh(..) => {}
        }
    }

    fn on_spurious(&mut self, now: Time) {
        match self {
            Self::Cubic(window) => window.on_spurious(now),
            Self::Bbr(window) => window.on_spurious(now),
            Self::Fresh(..) => {}
        }
    }

    fn on_restart(&mut self, now: Time) {
        match self {
            Self::Cubic(window) => window.on_restart(now),
            Self::Bbr(window) => window.on_restart(now),
            Self::Fresh(..) => {}
        }
    }

    fn on_mtu(&mut self, mtu: u32) {
        match self {
            Self::Cubic(window) => window.on_mtu(mtu),
            Self::Bbr(window) => window.on_mtu(mtu),
            Self::Fresh(_, before) => *before = mtu,
        }
    }

    fn on_new_path(&mut self, now: Time) {
        match self {
            Self::Cubic(window) => window.on_new_path(now),
            Self::Bbr(window) => window.on_new_path(now),
            Self::Fresh(..) => {}
        }
    }

    fn window(&self) -> u64 {
        match self {
            Self::Cubic(window) => window.window(),
            Self::Bbr(window) => window.window(),
            Self::Fresh(_, mtu) => initial_window(*mtu),
        }
    }

    fn rate(&self, rtt: &Rtt) -> u64 {
        match self {
            Self::Cubic(window) => window.rate(rtt),
            Self::Bbr(window) => window.rate(rtt),
            Self::Fresh(Algorithm::Cubic, mtu) => Cubic::new(Time::ZERO, *mtu).rate(rtt),
            Self::Fresh(Algorithm::Bbr, mtu) => Bbr::new(Time::ZERO, *mtu).rate(rtt),
        }
    }

    fn is_slow_start(&self) -> bool {
        match self {
            Self::Cubic(window) => window.is_slow_start(),
            Self::Bbr(window) => window.is_slow_start(),
            Self::Fresh(..) => true,
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
